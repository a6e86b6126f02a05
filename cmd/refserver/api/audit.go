package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/slowly"
	"github.com/tenantatlas/tenantbackup/runs"
)

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	ID       string            `json:"id" format:"uuid"`
	Seq      int64             `json:"seq" doc:"Grows by one with every entry of the tenant"`
	At       time.Time         `json:"at"`
	Actor    string            `json:"actor" doc:"Id of the user; system for the engine"`
	Tenant   string            `json:"tenant"`
	Action   string            `json:"action"`
	Resource Target            `json:"resource"`
	RunID    *string           `json:"run_id" format:"uuid"`
	Outcome  string            `json:"outcome"`
	Details  map[string]string `json:"details" doc:"Short facts by name. A changed field of a schedule is there as it was and as it is: time_of_day.before and time_of_day.after. Of its types it is policy_types.added and policy_types.removed, separated by commas; +3 at the end says that there are 3 more"`
	PrevHash *string           `json:"prev_hash" doc:"Hash of the entry before; null in the first one, and in those from before the log was chained"`
	Hash     *string           `json:"hash" doc:"SHA-256 of this entry and prev_hash; null in those from before the log was chained"`
}

// AuditHead is the end of a tenant's audit log.
type AuditHead struct {
	Seq  int64   `json:"seq" doc:"Of the last entry; 0 of an empty log"`
	Hash *string `json:"hash" doc:"Of the last entry; null when it is not chained"`
}

// AuditCheck is what verifying the audit log found.
type AuditCheck struct {
	Sound     bool         `json:"sound" doc:"Nothing was changed, removed or reordered"`
	Checked   int          `json:"checked" doc:"Entries that are chained and fit"`
	Unchained int          `json:"unchained" doc:"Entries from before the log was chained, which nothing proves"`
	Head      AuditHead    `json:"head" doc:"Keep it outside of the database: sent as known_head it shows later whether the log up to it is still the same"`
	Breaks    []AuditBreak `json:"breaks" doc:"At most 100"`
}

// AuditBreak is a place where the log is not as it was written.
type AuditBreak struct {
	Seq  int64  `json:"seq" doc:"Of the entry, or of the one that is missing"`
	Code string `json:"code" enum:"changed,missing,head"`
}

type knownHead struct {
	Seq  int64   `json:"seq" minimum:"0"`
	Hash *string `json:"hash,omitempty" doc:"64 hexadecimal digits"`
}

type auditVerifyBody struct {
	KnownHead *knownHead `json:"known_head,omitempty" doc:"The head of an earlier answer, kept elsewhere: with it a log that was written anew as a whole is found too"`
}

func (b auditVerifyBody) head() (head runs.AuditHead, err error) {
	if b.KnownHead == nil {
		return head, nil
	}
	var bad runs.InvalidError
	if head.Seq = b.KnownHead.Seq; head.Seq < 0 {
		bad.Add("known_head.seq", "negative", "must not be negative")
	}
	if head.Hash.UnmarshalText([]byte(given(b.KnownHead.Hash, ""))) != nil {
		bad.Add("known_head.hash", "hash_invalid", "must be 64 hexadecimal digits, as head.hash was")
	}
	return head, bad.Err()
}

// maxActions bounds a filter by actions; there are not many more.
const maxActions = 50

type auditQuery struct {
	Paging
	Action []string     `query:"action,explode" doc:"run.started, schedule.created, ..."`
	RunID  idParam      `query:"run_id" doc:"A run of the tenant; any other is 403"`
	Actor  string       `query:"actor" doc:"Id of the user; system for the engine"`
	From   instantParam `query:"from" doc:"At or after"`
	To     instantParam `query:"to" doc:"Before"`
}

func showAudit(e runs.AuditEntry) AuditEntry {
	v := AuditEntry{
		ID: string(e.ID), Seq: e.Seq, At: e.At.UTC(), Actor: e.Actor.ID, Tenant: string(e.TenantID), Action: e.Action,
		Resource: showTarget(e.Resource), RunID: text(e.RunID), Outcome: e.Outcome, Details: map[string]string{},
		PrevHash: text(e.PrevHash.String()), Hash: text(e.Hash.String()),
	}
	maps.Copy(v.Details, e.Details)
	return v
}

func showHead(h runs.AuditHead) AuditHead { return AuditHead{Seq: h.Seq, Hash: text(h.Hash.String())} }

func showCheck(v runs.AuditVerification) AuditCheck {
	return AuditCheck{
		Sound: v.Sound(), Checked: v.Checked, Unchained: v.Unchained, Head: showHead(v.Head),
		Breaks: each(v.Breaks, func(b runs.AuditBreak) AuditBreak { return AuditBreak(b) }),
	}
}

// audit registers what shows and checks the audit log.
func (a *API) audit() {
	starter := a.cfg.Starter
	add(a, route{
		id: "list-audit", method: http.MethodGet, path: "audit", summary: "The audit log, newest first", action: runs.ActionLook, target: "audit",
	}, func(ctx context.Context, c *call, q *auditQuery, _ *nothing) (List[AuditEntry], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		if len(q.Action) > maxActions {
			bad.Add("action", "action_count", fmt.Sprintf("names at most %d actions", maxActions))
		}
		filter := runs.AuditFilter{RunID: runs.ID(q.RunID), Actor: q.Actor}
		filter.From, filter.To = between(&bad, q.From, q.To)
		if err := bad.Err(); err != nil {
			return List[AuditEntry]{}, err
		}
		for _, action := range q.Action {
			if action != "" {
				filter.Actions = append(filter.Actions, action)
			}
		}
		if q.RunID != "" { // refused as it would be in a path
			if _, err := starter.Get(ctx, c.tenant, c.actor, filter.RunID); err != nil {
				return List[AuditEntry]{}, err
			}
		}
		list, err := starter.Audit(ctx, c.tenant, c.actor, filter, page)
		return listOf(list, showAudit), err
	})
	add(a, route{
		id: "verify-audit", method: http.MethodPost, path: "audit/verify", summary: "Look for edits of the audit log", optional: true,
		notes:  "Reads the whole log and changes nothing.",
		action: runs.ActionLook, target: "audit",
	}, func(ctx context.Context, c *call, _ *nothing, b *auditVerifyBody) (AuditCheck, error) {
		known, err := b.head()
		if err != nil {
			return AuditCheck{}, err
		}
		defer slowly.Patient(c.w)() // a long log takes longer than an answer may
		found, err := starter.VerifyAudit(ctx, c.tenant, c.actor, known)
		return showCheck(found), err
	})
}
