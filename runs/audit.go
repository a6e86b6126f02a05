package runs

import (
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// SystemTenant owns audit entries that belong to no customer, such as a dispatch cycle
// over many tenants. It is never a valid tenant of a request.
const SystemTenant graph.TenantID = ""

// AuditEntry is one line of the append-only audit log.
type AuditEntry struct {
	ID       ID
	Seq      int64 // grows by one per tenant; set by the store
	At       time.Time
	Actor    Actor
	TenantID graph.TenantID
	Action   string // "run.started", "schedule.created", ...
	Resource Target
	RunID    ID
	Outcome  string            // "ok", "denied", a status ...
	Details  map[string]string // short redacted facts; never payloads

	// PrevHash and Hash chain the tenant's entries; set by the store. Hash is [ChainHash] of
	// this entry after PrevHash, the Hash of the entry before; both are zero in entries from
	// before there was a chain.
	PrevHash, Hash AuditHash
}

// AuditFilter selects audit entries. Empty fields select everything.
type AuditFilter struct {
	Actions  []string
	RunID    ID
	Resource ID
	Actor    string    // Actor.ID; that of [SystemActor] is the engine
	From, To time.Time // by At: From <= t < To
}

// Notification tells a person how a run that he or she started stands, or the runs of a batch.
// There is one for each, which changes with it and is unread again each time.
type Notification struct {
	ID        ID     // of the run or the batch
	Recipient string // Actor.ID
	RunID     ID     // empty for that of a batch
	Kind      Kind
	Status    Status
	Code      Code
	Message   string    // redacted
	CreatedAt time.Time // of what it tells now
	ReadAt    time.Time // zero while unread
}

// BatchID is the batch that the notification is about, as [Run].BatchID has it; empty when it
// is about one run.
func (n Notification) BatchID() ID {
	if n.RunID == "" {
		return n.ID
	}
	return ""
}

// Trail is what is written in the same transaction as a change of state, so that no
// change is without its audit line.
type Trail struct {
	Audit []AuditEntry

	// Notifications are added. Where a run changes, one with the id of an earlier one takes its
	// place, also when that was read.
	Notifications []Notification
}
