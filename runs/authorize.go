package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Actor is who asks: a user of the host, or the engine itself.
type Actor struct {
	ID   string // the host's id of the user; never empty for a person
	Name string // for people, in audit and pages
}

// SystemActor is the engine. It never passes an [Authorizer]: what it does was
// authorised when somebody saved the schedule.
var SystemActor = Actor{ID: "system", Name: "system"}

// Action is what an actor wants to do, the unit of authorisation.
type Action string

// The actions. Starting a run of a kind is [StartAction] of that kind.
const (
	ActionLook             Action = "look"
	ActionScheduleCreate   Action = "schedule.create"
	ActionScheduleUpdate   Action = "schedule.update"
	ActionScheduleEnable   Action = "schedule.enable"
	ActionScheduleDisable  Action = "schedule.disable"
	ActionScheduleDelete   Action = "schedule.delete"
	ActionRetentionConfirm Action = "retention.confirm"
	ActionSetHold          Action = "backup_set.hold"
	ActionSetRelease       Action = "backup_set.release"
	ActionSetDelete        Action = "backup_set.delete"
	ActionSetUndelete      Action = "backup_set.undelete"
	ActionSetPurge         Action = "backup_set.purge"
	ActionSetExport        Action = "backup_set.export"
	ActionExportSecrets    Action = "backup_set.export_secrets"
	ActionRestoreAcross    Action = "restore.across_tenants" // asked in both tenants
	ActionCancelOwn        Action = "run.cancel_own"
	ActionCancelAny        Action = "run.cancel_any"
)

// StartAction is the action of starting a run of a kind, and of retrying one.
func StartAction(k Kind) Action { return Action("start." + string(k)) }

// Authorizer decides. It is asked once per action, also inside bulk calls, with ids that
// may not exist; it must not tell the difference. Implementations are safe for concurrent
// use.
type Authorizer interface {
	// Authorize returns nil when the actor may do the action in the tenant, an error that
	// is [ErrForbidden] when not, and any other error when it could not find out.
	Authorize(ctx context.Context, tenant graph.TenantID, actor Actor, action Action) error
}

// Role is a user's role within one tenant.
type Role string

// The roles. Each may do what the ones after it may do.
const (
	RoleOwner    Role = "owner"
	RoleManager  Role = "manager"
	RoleOperator Role = "operator"
	RoleReadonly Role = "readonly"
	RoleNone     Role = "" // no role in the tenant: everything is forbidden
)

// roleTable names the weakest role that may do an action. What is not listed needs the owner.
var roleTable = map[Action]Role{
	ActionLook:             RoleReadonly,
	ActionScheduleCreate:   RoleManager,
	ActionScheduleUpdate:   RoleManager,
	ActionScheduleEnable:   RoleManager,
	ActionScheduleDisable:  RoleManager,
	ActionScheduleDelete:   RoleManager,
	ActionRetentionConfirm: RoleManager,
	ActionSetHold:          RoleManager,
	ActionSetRelease:       RoleManager,
	ActionSetDelete:        RoleManager,
	ActionSetUndelete:      RoleManager,
	ActionSetPurge:         RoleManager,
	ActionSetExport:        RoleManager,
	ActionExportSecrets:    RoleOwner,
	ActionRestoreAcross:    RoleOwner,
	ActionCancelOwn:        RoleOperator,
	ActionCancelAny:        RoleManager,

	StartAction(KindBackup):         RoleOperator,
	StartAction(KindPolicySync):     RoleOperator,
	StartAction(KindRetentionApply): RoleManager,
	StartAction(KindSnapshot):       RoleOperator,
	StartAction(KindSetCreate):      RoleOperator,
	StartAction(KindSetAdd):         RoleOperator,
	StartAction(KindSetVerify):      RoleOperator,
	StartAction(KindSetImport):      RoleManager,
	StartAction(KindDriftReport):    RoleOperator,
	StartAction(KindRestorePreview): RoleOperator,
	StartAction(KindRestoreExecute): RoleManager,
}

var rolesByPower = []Role{RoleReadonly, RoleOperator, RoleManager, RoleOwner}

// Allows tells whether the role may do the action.
func (r Role) Allows(a Action) bool {
	need, ok := roleTable[a]
	if !ok {
		need = RoleOwner
	}
	return slices.Contains(rolesByPower, r) && slices.Index(rolesByPower, r) >= slices.Index(rolesByPower, need)
}

// RoleError is the refusal of a [RoleAuthorizer]: it names the roles that may. It is [ErrForbidden],
// and tells nothing about what exists.
type RoleError struct {
	Action Action
	Roles  []Role // that may do it, the weakest first
}

// Error names the action and the roles.
func (e *RoleError) Error() string {
	names := make([]string, len(e.Roles))
	for i, r := range e.Roles {
		names[i] = string(r)
	}
	return fmt.Sprintf("%v: %s needs the role %s in this tenant", ErrForbidden, e.Action, strings.Join(names, " or "))
}

// Is makes errors.Is(err, ErrForbidden) true.
func (e *RoleError) Is(target error) bool { return target == ErrForbidden }

// RoleAuthorizer is the default [Authorizer]: the role table of this module, with the
// roles that the host knows. The weakest role for each action:
//
//   - readonly: look at everything, read one's own notifications
//   - operator: run now, retry, inventory, snapshots, manual sets, verify, drift report, restore
//     preview, cancel what one started
//   - manager: create, change and delete schedules; confirm retention; hold, release, delete,
//     undelete and purge sets; import, export, restore; cancel anyone's run
//   - owner: everything else: export of secrets, restore across tenants, and starting kinds of
//     runs that the host added
type RoleAuthorizer struct {
	// RoleOf returns the role of the actor in the tenant, [RoleNone] for no role. It is
	// called for every action and must be safe for concurrent use. Required.
	RoleOf func(ctx context.Context, tenant graph.TenantID, actor Actor) (Role, error)
}

// Authorize implements [Authorizer]. Whoever is refused gets a [*RoleError].
func (a RoleAuthorizer) Authorize(ctx context.Context, tenant graph.TenantID, actor Actor, action Action) error {
	if a.RoleOf == nil {
		return errors.New("runs: RoleAuthorizer.RoleOf is required")
	}
	role, err := a.RoleOf(ctx, tenant, actor)
	if err != nil {
		return fmt.Errorf("runs: looking up the role: %w", err)
	}
	if !role.Allows(action) {
		may := slices.DeleteFunc(slices.Clone(rolesByPower), func(r Role) bool { return !r.Allows(action) })
		return &RoleError{Action: action, Roles: may}
	}
	return nil
}

var _ Authorizer = RoleAuthorizer{}
