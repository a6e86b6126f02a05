package backupsched_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// untilTick is a store whose first dispatch ends the loop: what was done by then was done at
// its start.
type untilTick struct {
	backupsched.Store
	end func()
}

var errEnded = errors.New("the test is over")

func (s untilTick) DispatchDue(context.Context, backupsched.Chunk) (backupsched.ChunkResult, error) {
	s.end()
	return backupsched.ChunkResult{}, errEnded
}

// TestTheLoopRecomputesNextRunsBeforeItsFirstTick: zone data may have changed with the program.
func TestTheLoopRecomputesNextRunsBeforeItsFirstTick(t *testing.T) {
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			r := rig.New(t, rig.Options{Policies: -1})
			s := r.Schedule(nil)
			stale := s.NextRunAt.Add(off)
			_, err := r.Store.ChangeSchedule(t.Context(), rig.Tenant, s.ID, func(_ time.Time, cur backupsched.Schedule) (backupsched.ScheduleChange, error) {
				cur.NextRunAt = stale
				return backupsched.ScheduleChange{Schedule: cur}, nil
			})
			if err != nil || !stale.After(r.Clock.Now()) {
				t.Fatalf("the stale next run %s does not lie ahead, or error %v", stale, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: untilTick{r.Store, cancel}, Queue: r.Queue, Clock: r.Clock})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Run(ctx); err != nil {
				t.Errorf("a normal stop gives %v", err)
			}
			got, err := r.Store.GetSchedule(t.Context(), rig.Tenant, s.ID)
			if err != nil || !got.NextRunAt.Equal(s.NextRunAt) {
				t.Errorf("the next run is %s (error %v), want %s instead of %s", got.NextRunAt, err, s.NextRunAt, stale)
			}
		})
	}
}

// TestALoopThatCannotRecomputeTicksAllTheSame: the stored next runs are used.
func TestALoopThatCannotRecomputeTicksAllTheSame(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ticked := false
	store := unreadable{untilTick{r.Store, func() { ticked = true; cancel() }}}
	d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: store, Queue: r.Queue, Clock: r.Clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(ctx); err != nil || !ticked {
		t.Errorf("the loop ticked: %v, error %v", ticked, err)
	}
}

type unreadable struct{ untilTick }

func (unreadable) EnabledSchedules(context.Context, runs.ID, int) ([]backupsched.Schedule, error) {
	return nil, errEnded
}
