package runs

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
)

// Guard asks the [Authorizer] and records refusals. The services of this module share its
// rules: no tenant or no actor is an error, and whoever is refused leaves an access.denied
// line in the tenant's audit log.
type Guard struct {
	authorizer Authorizer
	audit      AuditStore
	clock      Clock
	ids        *uuidv7.Generator
}

// NewGuard makes a guard. A nil authorizer is an error, not "allow". A nil clock is
// [SystemClock].
func NewGuard(authorizer Authorizer, audit AuditStore, clock Clock) (*Guard, error) {
	if authorizer == nil {
		return nil, Invalid("authorizer", "required", "is required; use runs.RoleAuthorizer for the default role table")
	}
	if audit == nil {
		return nil, Invalid("store", "required", "is required")
	}
	if clock == nil {
		clock = SystemClock{}
	}
	return &Guard{authorizer: authorizer, audit: audit, clock: clock, ids: uuidv7.NewGenerator(clock.Now)}, nil
}

// Allow returns nil when the actor may do the action in the tenant. target is what the
// action is about, for the audit line of a refusal; it is not looked up.
func (g *Guard) Allow(ctx context.Context, tenant graph.TenantID, actor Actor, action Action, target Target) error {
	if tenant == SystemTenant {
		return Invalid("tenant", "required", "is required")
	}
	if actor.ID == "" {
		return fmt.Errorf("%w: no actor; say who asks", ErrForbidden)
	}
	if actor.ID == SystemActor.ID {
		return fmt.Errorf("%w: the actor id %q is reserved for the engine", ErrForbidden, SystemActor.ID)
	}
	err := g.authorizer.Authorize(ctx, tenant, actor, action)
	if err == nil || !errors.Is(err, ErrForbidden) {
		return err
	}
	entry := g.Entry(tenant, actor, "access.denied", target, "denied", map[string]string{"action": string(action)})
	if aerr := g.audit.AppendAudit(ctx, tenant, entry); aerr != nil {
		return errors.Join(err, fmt.Errorf("runs: recording the refusal: %w", aerr))
	}
	return err
}

// Entry makes an audit entry of this moment. Details are redacted.
func (g *Guard) Entry(tenant graph.TenantID, actor Actor, action string, target Target, outcome string, details map[string]string) AuditEntry {
	clean := make(map[string]string, len(details))
	for k, v := range details {
		clean[k] = redact.Text(v)
	}
	// A target that came from a request may be anything; only ids are kept.
	if target.ID != "" && !target.ID.Valid() {
		target.ID = ""
	}
	return AuditEntry{
		ID: g.NewID(), At: now(g.clock), Actor: actor, TenantID: tenant, Action: action,
		Resource: target, Outcome: outcome, Details: clean,
	}
}

// NewID returns a new id, greater than the ones before.
func (g *Guard) NewID() ID { return ID(g.ids.New()) }

// May tells whether the actor may do the action in the tenant, for what a page shows or leaves
// out. Unlike Allow it records nothing, so it must not decide whether something is done. The
// error is for when nobody could find out.
func (g *Guard) May(ctx context.Context, tenant graph.TenantID, actor Actor, action Action) (bool, error) {
	if tenant == SystemTenant || actor.ID == "" || actor.ID == SystemActor.ID {
		return false, nil
	}
	err := g.authorizer.Authorize(ctx, tenant, actor, action)
	if errors.Is(err, ErrForbidden) {
		return false, nil
	}
	return err == nil, err
}
