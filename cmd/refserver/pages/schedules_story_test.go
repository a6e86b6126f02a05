package pages_test

import (
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// story lets days pass over a schedule: backups that succeed, one that is partial, one that is
// missed since the service was off.
func (w *world) story(s backupsched.Schedule, days int) {
	w.t.Helper()
	slots := must(s.Upcoming(w.clock.Now(), days))(w.t)
	for i, slot := range slots {
		switch {
		case i%11 == 5: // off when the slot came
			slot = slot.Add(6 * time.Hour)
		case i%11 == 8:
			check(w.t, w.graph.Inject(graphtest.Fault{Op: graphtest.OpList, Type: "conditionalAccessPolicy", Err: &graph.Error{Kind: graph.KindForbidden}}))
		}
		w.clock.Set(slot.Add(time.Second))
		_ = must(w.dispatcher.Tick(w.t.Context()))(w.t)
		w.drain()
	}
}
