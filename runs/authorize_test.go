package runs

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
)

var update = flag.Bool("update", false, "write golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestARefusalNamesTheRolesThatMay(t *testing.T) {
	for action, want := range map[Action]string{
		StartAction(KindBackup): "forbidden: start.backup needs the role operator or manager or owner in this tenant",
		ActionScheduleCreate:    "forbidden: schedule.create needs the role manager or owner in this tenant",
		ActionExportSecrets:     "forbidden: backup_set.export_secrets needs the role owner in this tenant",
		"something.unlisted":    "forbidden: something.unlisted needs the role owner in this tenant",
	} {
		a := RoleAuthorizer{RoleOf: func(context.Context, graph.TenantID, Actor) (Role, error) { return RoleReadonly, nil }}
		err := a.Authorize(t.Context(), "contoso", Actor{ID: "rita"}, action)
		var refused *RoleError
		if !errors.Is(err, ErrForbidden) || !errors.As(err, &refused) || refused.Action != action || err.Error() != want {
			t.Errorf("%s: %v", action, err)
		}
		for _, r := range refused.Roles {
			if !r.Allows(action) {
				t.Errorf("%s: %s is named, and may not", action, r)
			}
		}
	}
}

func TestRoleTableIsTheDocumentedOne(t *testing.T) {
	actions := []Action{
		ActionLook, ActionScheduleCreate, ActionScheduleUpdate, ActionScheduleEnable, ActionScheduleDisable,
		ActionScheduleDelete, ActionRetentionConfirm, ActionSetHold, ActionSetRelease, ActionSetDelete,
		ActionSetUndelete, ActionSetPurge, ActionCancelOwn, ActionCancelAny,
		ActionSetExport, ActionExportSecrets, ActionRestoreAcross,
		StartAction(KindBackup), StartAction(KindPolicySync), StartAction(KindRetentionApply),
		StartAction(KindSnapshot), StartAction(KindSetCreate), StartAction(KindSetAdd), StartAction(KindSetVerify),
		StartAction(KindSetImport), StartAction(KindDriftReport), StartAction(KindRestorePreview), StartAction(KindRestoreExecute),
		Action("something.nobody.listed"),
	}
	if len(actions) != len(roleTable)+1 {
		t.Errorf("the table has %d actions, this test knows %d", len(roleTable), len(actions)-1)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-31s %-6s %-8s %-9s %-9s %s\n", "action", "owner", "manager", "operator", "readonly", "none")
	mark := func(r Role, a Action) string {
		if r.Allows(a) {
			return "x"
		}
		return "-"
	}
	for _, a := range actions {
		fmt.Fprintf(&b, "%-31s %-6s %-8s %-9s %-9s %s\n", a, mark(RoleOwner, a), mark(RoleManager, a),
			mark(RoleOperator, a), mark(RoleReadonly, a), mark(RoleNone, a))
	}
	golden(t, "roles.golden", b.String())
}

func TestRoleAuthorizerRefusesWithErrForbidden(t *testing.T) {
	boom := errors.New("directory is down")
	for _, tt := range []struct {
		name   string
		a      RoleAuthorizer
		wantIs error
	}{
		{"a weak role", RoleAuthorizer{RoleOf: roleIs(RoleReadonly, nil)}, ErrForbidden},
		{"no role", RoleAuthorizer{RoleOf: roleIs(RoleNone, nil)}, ErrForbidden},
		{"an unknown role", RoleAuthorizer{RoleOf: roleIs("admin", nil)}, ErrForbidden},
		{"a broken directory is not a refusal", RoleAuthorizer{RoleOf: roleIs(RoleOwner, boom)}, boom},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.a.Authorize(t.Context(), "t1", Actor{ID: "u"}, ActionScheduleCreate)
			if !errors.Is(err, tt.wantIs) {
				t.Errorf("error is %v, want %v", err, tt.wantIs)
			}
		})
	}
	if err := (RoleAuthorizer{}).Authorize(t.Context(), "t1", Actor{ID: "u"}, ActionLook); err == nil {
		t.Error("an authoriser without RoleOf allows")
	}
}

func roleIs(r Role, err error) func(context.Context, graph.TenantID, Actor) (Role, error) {
	return func(context.Context, graph.TenantID, Actor) (Role, error) { return r, err }
}

func TestNilAuthorizerIsAnErrorThatNamesTheField(t *testing.T) {
	_, err := NewGuard(nil, nil, nil)
	var invalid *InvalidError
	if !errors.As(err, &invalid) || invalid.Fields[0].Field != "authorizer" {
		t.Fatalf("error is %v, want one that names authorizer", err)
	}
}
