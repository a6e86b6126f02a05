package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// act is what somebody does in a history.
type act = func(ctx context.Context, h *history) error

// staff are the people of a tenant.
type staff struct{ tenant graph.TenantID }

func (s staff) person(role runs.Role) runs.Actor {
	actor, _ := product.DemoUsers().Person(s.tenant, role)
	return actor
}

// create saves a schedule and remembers it.
func (s staff) create(role runs.Role, mark string, fill func(*backupsched.Draft)) act {
	return func(ctx context.Context, h *history) error {
		d := backupsched.NewDraft()
		fill(&d)
		schedule, _, err := h.scheduler.Create(ctx, s.tenant, s.person(role), d)
		h.marks[mark] = schedule.ID
		return err
	}
}

func (s staff) update(role runs.Role, schedule string, p backupsched.Patch) act {
	return func(ctx context.Context, h *history) error {
		_, _, err := h.scheduler.Update(ctx, s.tenant, s.person(role), h.marks[schedule], p)
		return err
	}
}

func (s staff) disable(role runs.Role, schedule string) act {
	return func(ctx context.Context, h *history) error {
		_, err := h.scheduler.Disable(ctx, s.tenant, s.person(role), h.marks[schedule])
		return err
	}
}

func (s staff) runNow(role runs.Role, schedule string) act {
	return func(ctx context.Context, h *history) error {
		_, _, err := h.scheduler.RunNow(ctx, s.tenant, s.person(role), h.marks[schedule])
		return err
	}
}

// retry retries the latest run of a schedule.
func (s staff) retry(role runs.Role, schedule string) act {
	return func(ctx context.Context, h *history) error {
		_, _, err := h.scheduler.Retry(ctx, s.tenant, s.person(role), h.marks[schedule])
		return err
	}
}

// runAndCancel starts a backup, which somebody else cancels after so many policies.
func (s staff) runAndCancel(starts, cancels runs.Role, schedule string, policies int) act {
	return func(ctx context.Context, h *history) error {
		run, _, err := h.scheduler.RunNow(ctx, s.tenant, s.person(starts), h.marks[schedule])
		h.onItem = func(c graphtest.Call) error {
			if policies--; policies != 0 || c.Tenant != s.tenant {
				return nil
			}
			h.onItem = nil
			_, err := h.starter.Cancel(ctx, s.tenant, s.person(cancels), run.ID)
			return err
		}
		return err
	}
}

// start starts a run of another kind; request may look things up.
func (s staff) start(role runs.Role, mark string, request func(context.Context, *history) (runs.Request, error)) act {
	return func(ctx context.Context, h *history) error {
		req, err := request(ctx, h)
		if err != nil {
			return err
		}
		run, _, err := h.starter.Start(ctx, s.tenant, s.person(role), req)
		h.marks[mark] = run.ID
		if req.SetName != "" {
			h.marks[mark] = run.BackupSetID
		}
		return err
	}
}

func (s staff) hold(role runs.Role, set, name, reason string) act {
	return func(ctx context.Context, h *history) error {
		_, err := h.retention.Hold(ctx, s.tenant, s.person(role), h.marks[set], name, reason)
		return err
	}
}

// readAll lets everybody read what they were notified of so far.
func (s staff) readAll(ctx context.Context, h *history) error {
	for _, role := range []runs.Role{runs.RoleOwner, runs.RoleManager, runs.RoleOperator} {
		unread, err := h.starter.Notifications(ctx, s.tenant, s.person(role), true, runs.PageRequest{Limit: runs.MaxPageSize})
		if err != nil {
			return err
		}
		for _, n := range unread.Items {
			if _, err := h.starter.MarkRead(ctx, s.tenant, s.person(role), n.ID, n.CreatedAt); err != nil {
				return err
			}
		}
	}
	return nil
}

// known are the ids in the inventory of the first policies of a type.
func (s staff) known(ctx context.Context, h *history, t graph.PolicyType, n int) ([]runs.ID, error) {
	gone := false
	page, err := h.archive.Policies(ctx, s.tenant, s.person(runs.RoleOwner), backupset.PolicyFilter{Type: t, Gone: &gone}, runs.PageRequest{Limit: n})
	var ids []runs.ID
	for _, p := range page.Items {
		ids = append(ids, p.ID)
	}
	if err == nil && len(ids) < n {
		err = fmt.Errorf("the inventory has %d of %s, not %d", len(ids), t, n)
	}
	return ids, err
}

// before is the newest complete set of a schedule that was there at a time.
func (s staff) before(ctx context.Context, h *history, schedule string, at time.Time) (backupset.BackupSet, error) {
	filter := backupset.SetFilter{ScheduleID: h.marks[schedule], Statuses: []backupset.Status{backupset.Complete}}
	page, err := h.archive.List(ctx, s.tenant, s.person(runs.RoleOwner), filter, runs.PageRequest{Limit: runs.MaxPageSize})
	for _, set := range page.Items {
		if set.CompletedAt.Before(at) {
			return set, err
		}
	}
	return backupset.BackupSet{}, cmp.Or(err, fmt.Errorf("there is no complete set of %q before %s", schedule, at))
}

// preview asks what it would take to bring back what was changed since a time: the policies of
// the set before it that Graph holds no more as they were.
func (s staff) preview(role runs.Role, mark, schedule string, since time.Time, options restore.Options, kept ...string) act {
	return s.start(role, mark, func(ctx context.Context, h *history) (runs.Request, error) {
		set, err := s.before(ctx, h, schedule, since)
		if err != nil {
			return runs.Request{}, err
		}
		page, err := h.archive.Items(ctx, s.tenant, s.person(role), set.ID, backupset.SetItemFilter{}, runs.PageRequest{Limit: runs.MaxPageSize})
		p := restore.PreviewParams{Options: options}
		for _, item := range page.Items {
			if slices.ContainsFunc(kept, func(name string) bool { return h.edits.kept[name].ID == item.ExternalID }) {
				p.ItemIDs = append(p.ItemIDs, item.ID)
			}
		}
		if err == nil && len(p.ItemIDs) != len(kept) {
			err = fmt.Errorf("the set %q has %d of %d policies", set.Name, len(p.ItemIDs), len(kept))
		}
		return restore.PreviewRequest(set.ID, p), err
	})
}

func (s staff) restore(role runs.Role, preview, reason string) act {
	return s.start(role, preview+" executed", func(_ context.Context, h *history) (runs.Request, error) {
		return restore.ExecuteRequest(h.marks[preview], reason, false), nil
	})
}

// fault lets something go wrong in Graph for a tenant.
func (s staff) fault(f graphtest.Fault) act {
	f.Tenant = s.tenant
	return func(_ context.Context, h *history) error { return h.graph.Inject(f) }
}

// wellAgain ends all faults, of all tenants.
func wellAgain(_ context.Context, h *history) error {
	h.graph.ClearFaults()
	return nil
}

func switchOff(_ context.Context, h *history) error {
	h.off = true
	return nil
}

func switchOn(_ context.Context, h *history) error {
	h.off = false
	return nil
}

// tidy is what the server does every hour: retention's sweep and purge.
func tidy(ctx context.Context, h *history) error {
	if h.off {
		return nil
	}
	_, err := h.retention.Sweep(ctx)
	_, perr := h.retention.Purge(ctx)
	return errors.Join(err, perr)
}
