package restore_test

import (
	"errors"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

func TestPreviewsAreShownWithinTheirTenant(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 6}, nil, restore.PreviewerConfig{})
	w.empty(5)
	set := w.backup()
	run := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{}))
	for _, c := range []struct {
		name   string
		tenant graph.TenantID
		actor  runs.Actor
		run    runs.ID
		want   error
	}{
		{"a reader", rig.Tenant, rig.Reader, run.ID, nil},
		{"a stranger", rig.Tenant, rig.Stranger, run.ID, runs.ErrForbidden},
		{"from the other tenant", fabrikam, rig.Owner, run.ID, runs.ErrNotFound},
		{"a run without a preview", rig.Tenant, rig.Owner, nobody, runs.ErrNotFound},
		{"no id", rig.Tenant, rig.Owner, "x", runs.ErrNotFound},
	} {
		_, err := w.service.Get(t.Context(), c.tenant, c.actor, c.run)
		_, ierr := w.service.Items(t.Context(), c.tenant, c.actor, c.run, restore.Filter{}, runs.PageRequest{})
		_, derr := w.service.Drift(t.Context(), c.tenant, c.actor, c.run)
		if c.want == nil {
			if err != nil || ierr != nil {
				t.Errorf("%s: %v, %v", c.name, err, ierr)
			}
			continue
		}
		if !errors.Is(err, c.want) || !errors.Is(ierr, c.want) || !errors.Is(derr, c.want) {
			t.Errorf("%s: %v, %v, %v, want %v", c.name, err, ierr, derr, c.want)
		}
	}
}

func TestItemsOfAPreviewComePageByPage(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 12}, nil, restore.PreviewerConfig{})
	set := w.backup()
	run := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{}))
	n, page := 0, runs.PageRequest{Limit: 7}
	for {
		got, err := w.service.Items(t.Context(), rig.Tenant, rig.Reader, run.ID, restore.Filter{}, page)
		w.ok(err)
		for _, item := range got.Items {
			if item.Position != n {
				t.Fatalf("position %d is the %dth", item.Position, n)
			}
			n++
		}
		if page.Cursor = got.NextCursor; page.Cursor == "" {
			break
		}
	}
	if n != len(w.SetItems(set)) {
		t.Errorf("%d items of %d", n, len(w.SetItems(set)))
	}
}

func TestConfigurationsNameWhatTheyLack(t *testing.T) {
	_, a := restore.NewPreviewer(restore.PreviewerConfig{FetchSize: -1})
	_, b := restore.NewService(restore.ServiceConfig{})
	_, c := restore.NewRequests(restore.RequestsConfig{})
	for i, want := range []string{
		"reader required, store required, source required, fetch_size negative", "store required, guard required", "store required",
	} {
		if got := refusal([]error{a, b, c}[i]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
