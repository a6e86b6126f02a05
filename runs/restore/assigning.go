package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// assign makes the assignments of an item what they shall be, once its content is.
func (w *restoring) assign(ctx context.Context, j *job, live map[string]fetched) error {
	if !assigns(j.facts, *j.captured, w.preview.Options) {
		w.succeed(j)
		return nil
	}
	var s *sides
	switch got := live[j.step.TargetID]; {
	case graph.KindOf(got.err) == graph.KindNotFound && j.creates(): // not shown yet, perhaps
	case graph.KindOf(got.err) == graph.KindNotFound:
		w.fail(j, runs.ReasonChanged, errGone)
		return nil
	case got.err != nil:
		w.fail(j, runs.ReasonOf(got.err), unassigned(got.err))
		return nil
	default:
		now, err := w.sidesOf(got.policy)
		if err != nil {
			w.fail(j, runs.ReasonInvalidPayload, unassigned(err))
			return nil
		}
		s = &now
	}
	d, fresh, err := w.desired(j, s)
	if err != nil {
		w.fail(j, runs.ReasonInternal, unassigned(err))
		return nil
	}
	if !w.ready(j, &d) {
		return nil
	}
	if s != nil {
		switch same, err := w.sameAssignments(&d); {
		case err != nil:
			w.fail(j, runs.ReasonInvalidPayload, unassigned(err))
			return nil
		case same:
			w.assigned(j)
			return nil
		case !w.asBefore(j, s):
			w.fail(j, runs.ReasonChanged, unassigned(errChanged))
			return nil
		}
	}
	if over := j.step.WrittenAt.Add(w.r.cfg.Visibility); !assignable(j.facts, s) {
		if w.a.Now().Before(over) {
			w.wait(j, over)
			return nil
		}
		if s != nil {
			w.fail(j, runs.ReasonNotAssigned, unassigned(errUnfinished))
			return nil
		}
	}
	err = w.repeat(ctx, func() error {
		return w.r.cfg.Client.Assign(ctx, w.a.Tenant(), j.item.Type, j.step.TargetID, d.assignments)
	})
	if err == nil {
		w.assigned(j)
		return nil
	}
	if graph.KindOf(err) == graph.KindNotFound && j.creates() && j.step.WrittenAt.After(fresh) {
		fresh = j.step.WrittenAt
	}
	return w.refused(ctx, j, fresh, unassigned(err))
}

// unassigned says that it is the assignments that something is wrong with.
func unassigned(err error) error {
	return fmt.Errorf("%w: %w", errNotAssigned, err)
}

var errUnfinished = errors.New("restore: Graph has not published the object yet and takes no assignments of it; upload its package if it has one, then retry the run")

// assignable tells whether Graph has finished an object, so that it takes assignments. One that
// cannot be seen yet is not known to be.
func assignable(info *facts, live *sides) bool {
	rule := info.Write.AssignWhen
	switch {
	case rule == nil:
		return true
	case live == nil:
		return false
	}
	object, err := live.policy.Decode()
	if _, tells := object[rule.Property]; err != nil || !tells {
		return true
	}
	return rule.Applies(object)
}

// sameAssignments tells whether an object has the assignments that it shall have.
func (w *restoring) sameAssignments(d *desired) (bool, error) {
	is, shall := *d.live, d.policy
	is.Raw, shall.Raw = []byte("{}"), []byte("{}")
	diff, err := w.canon.Diff(&is, &shall)
	return err == nil && len(diff) == 0, err
}

// asBefore tells whether nobody else has assigned the object since its content was written, as
// far as that is known: not after a crash.
func (w *restoring) asBefore(j *job, live *sides) bool {
	now := backupset.Lookup(live.canon, partAssignments)
	if j.creates() {
		return now == nil || bytes.Equal(now, []byte("[]")) || bytes.Equal(now, []byte("null"))
	}
	return j.before == nil || bytes.Equal(j.before, now)
}

// assigned notes that an item is as it shall be.
func (w *restoring) assigned(j *job) {
	j.step.AssignedAt = w.a.Now()
	w.advance(j)
	w.succeed(j)
}
