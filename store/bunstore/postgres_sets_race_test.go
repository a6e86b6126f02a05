package bunstore_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// building is a backup under way.
type building struct {
	*worker
	sched backupsched.Schedule
	run   runs.Run
	set   backupset.BackupSet
}

func (w *worker) begin(sched backupsched.Schedule) *building {
	w.Helper()
	b := &building{worker: w, sched: sched, run: w.claimed(sched)}
	var err error
	b.set, err = w.store.OpenSet(w.Context(), w.tenant, b.run.Lease(), backupset.BackupSet{ID: w.id(), ScheduleID: sched.ID, ScheduledFor: w.now, CreatedAt: w.now}, runs.Trail{})
	w.ok(err)
	w.now = w.now.Add(time.Hour)
	return b
}

// keep captures policies, each with a content, in pairs.
func (b *building) keep(s store.Store, policiesAndContents ...string) error {
	var list []backupset.Captured
	var items []runs.Item
	for i := 0; i < len(policiesAndContents); i += 2 {
		id, content := policiesAndContents[i], policiesAndContents[i+1]
		c := backupset.Captured{
			ItemID: b.id(), Policy: &graph.Policy{Type: "t", ID: id, Name: id, Raw: []byte(`{}`)},
			Hash: backupset.Hash(sha256.Sum256([]byte(content))), Payload: []byte(content), CapturedAt: b.now,
		}
		list = append(list, c)
		items = append(items, runs.Item{ID: b.id(), PolicyType: "t", PolicyID: id, Status: runs.ItemSuccess, Attempt: 1, BackupItemID: c.ItemID})
	}
	return s.SaveCaptured(b.Context(), b.tenant, b.run.Lease(), b.set.ID, list, items)
}

// seal ends the backup with what was kept.
func (b *building) seal(n int) *building {
	b.Helper()
	b.ok(b.store.SaveManifest(b.Context(), b.tenant, b.run.Lease(), b.set.ID, backupset.Manifest{Type: "t", Pages: []int{n}, Listed: n, Captured: n, Complete: true}))
	_, err := b.store.SealSet(b.Context(), b.tenant, b.run.Lease(), b.set.ID, backupset.Complete, runs.Trail{})
	b.ok(err)
	b.change(b.run.ID, "run.finished", func(r *runs.Run) { *r = end(b.now, *r) })
	return b
}

// sealed is a whole backup.
func (w *worker) sealed(sched backupsched.Schedule, policiesAndContents ...string) *building {
	w.Helper()
	b := w.begin(sched)
	w.ok(b.keep(w.store, policiesAndContents...))
	return b.seal(len(policiesAndContents) / 2)
}

// deleted marks the set as deleted.
func (b *building) deleted() *building {
	b.Helper()
	_, err := b.store.ChangeSet(b.Context(), b.tenant, b.set.ID, func(now time.Time, set backupset.BackupSet) (backupset.SetChange, error) {
		set.DeletedAt = now
		return backupset.SetChange{Set: set}, nil
	})
	b.ok(err)
	return b
}

func (b *building) purge(s store.Store) error {
	_, err := s.PurgeSet(b.Context(), b.tenant, b.set.ID, 1000, func(backupset.BackupSet, backupset.PurgeResult) runs.Trail { return runs.Trail{} })
	return err
}

// readable fails the test unless all versions of a policy have their payload.
func (p *pair) readable(w *worker) {
	p.Helper()
	for _, version := range p.strings("SELECT id::text FROM tb_policy_versions") {
		_, err := w.store.Payload(p.Context(), w.tenant, runs.ID(version))
		p.ok(err)
	}
	// Hashes of these contents are not those of a canonical form, so payloads are not
	// compared with them.
	report, err := p.two[0].Check(p.Context(), store.CheckOptions{})
	p.ok(err)
	if len(report.Problems) > 0 {
		p.Errorf("problems: %+v", report.Problems)
	}
}

func TestPostgresCapturesANewPolicyOnceInTwoRuns(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	for round := range 12 {
		var both [2]*building
		for i := range both {
			both[i] = w.begin(w.schedule())
		}
		p.allOK(p.atOnce(2, func(s store.Store, i int) error {
			kept := []string{}
			for n := range 6 { // in the other order, with some the same and some other content
				n = n*(1-i) + (5-n)*i
				kept = append(kept, fmt.Sprint("p", round, n), fmt.Sprint("content ", n, i*(n%2)))
			}
			return both[i].keep(s, kept...)
		}))
	}
	p.want("SELECT count(*)::text FROM tb_policies", "72")
	p.want("SELECT count(*)::text FROM tb_policy_versions", "108")
	p.want("SELECT items_count::text FROM tb_backup_sets WHERE items_count <> 6")
	p.readable(w)
}

// TestPostgresPurgesAPayloadWhileItIsUsedAgain: whoever comes first, the one who uses the
// payload has it afterwards.
func TestPostgresPurgesAPayloadWhileItIsUsedAgain(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	for _, purgeFirst := range []bool{true, false} {
		p.empty()
		w := newWorker(t, p.two[0], "contoso", 2)
		sched := w.schedule()
		old := w.sealed(sched, "p", "shared").deleted()
		w.sealed(sched, "p", "newer") // so that the old version is not the current one
		user := w.begin(w.schedule())
		calls := []func() error{
			func() error { return old.purge(p.two[0]) },
			func() error { return user.keep(p.two[1], "other", "shared") },
		}
		if !purgeFirst {
			calls[0], calls[1] = calls[1], calls[0]
		}
		p.allOK(p.inOrder(calls...))
		p.want("SELECT count(*)::text FROM tb_backup_items AS i JOIN tb_policies AS p ON p.id = i.policy_id WHERE p.external_id = 'other'", "1")
		p.want("SELECT count(*)::text FROM tb_payloads", "2")
		p.readable(w)
	}
}

// TestPostgresPurgesAVersionWhileItIsUsedAgain: the policy has its former content again.
func TestPostgresPurgesAVersionWhileItIsUsedAgain(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	for _, purgeFirst := range []bool{true, false} {
		p.empty()
		w := newWorker(t, p.two[0], "contoso", 2)
		sched := w.schedule()
		old := w.sealed(sched, "p", "former").deleted()
		w.sealed(sched, "p", "newer")
		user := w.begin(w.schedule())
		calls := []func() error{
			func() error { return old.purge(p.two[0]) },
			func() error { return user.keep(p.two[1], "p", "former") },
		}
		if !purgeFirst {
			calls[0], calls[1] = calls[1], calls[0]
		}
		p.allOK(p.inOrder(calls...))
		p.want("SELECT count(*)::text FROM tb_policy_versions", "2")
		p.readable(w)
	}
}

// TestPostgresLeavesNothingThatNobodyNeeds: two transactions that each take away one of the
// last two uses of a version or payload, where each of them sees the other's use still.
func TestPostgresLeavesNothingThatNobodyNeeds(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	for name, c := range map[string]struct {
		last [2]func(w *worker, sched backupsched.Schedule) func(s store.Store) error
		left string // versions and payloads
	}{
		"two sets of one version": {[2]func(*worker, backupsched.Schedule) func(store.Store) error{
			func(w *worker, s backupsched.Schedule) func(store.Store) error {
				return w.sealed(s, "p", "old").deleted().purge
			},
			func(w *worker, s backupsched.Schedule) func(store.Store) error {
				b := w.sealed(s, "p", "old").deleted()
				w.sealed(s, "p", "new")
				return b.purge
			},
		}, "1 1"},
		"two versions of one payload": {[2]func(*worker, backupsched.Schedule) func(store.Store) error{
			func(w *worker, s backupsched.Schedule) func(store.Store) error {
				return w.sealed(s, "p", "old").deleted().purge
			},
			func(w *worker, s backupsched.Schedule) func(store.Store) error {
				b := w.sealed(s, "q", "old").deleted()
				w.sealed(s, "p", "new", "q", "new")
				return b.purge
			},
		}, "2 1"},
		"a set, and a policy that has other content now": {[2]func(*worker, backupsched.Schedule) func(store.Store) error{
			func(w *worker, s backupsched.Schedule) func(store.Store) error {
				return w.sealed(s, "p", "old").deleted().purge
			},
			func(w *worker, s backupsched.Schedule) func(store.Store) error {
				b := w.begin(s)
				return func(s store.Store) error { return b.keep(s, "p", "new") }
			},
		}, "1 1"},
	} {
		for _, swapped := range []bool{false, true} {
			t.Run(fmt.Sprint(name, swapped), func(t *testing.T) {
				p := p.of(t)
				p.empty()
				w := newWorker(t, p.two[0], "contoso", 2)
				sched := w.schedule()
				first, second := c.last[0](w, sched), c.last[1](w, sched)
				if swapped {
					first, second = second, first
				}
				p.allOK(p.inOrder(func() error { return first(p.two[0]) }, func() error { return second(p.two[1]) }))
				p.want("SELECT (SELECT count(*) FROM tb_policy_versions) || ' ' || (SELECT count(*) FROM tb_payloads)", c.left)
				p.readable(w)
			})
		}
	}
}

// TestPostgresHoldsASetWhileItIsDropped: either the hold or the drop is refused.
func TestPostgresHoldsASetWhileItIsDropped(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	for _, dropFirst := range []bool{true, false} {
		p.empty()
		w := newWorker(t, p.two[0], "contoso", 2)
		sched := w.schedule()
		b := w.sealed(sched, "p", "content")
		w.sealed(sched, "p", "content")
		calls := []func() error{
			func() error {
				_, err := p.two[0].ChangeGroup(t.Context(), w.tenant, sched.ID, func(_ time.Time, sets []backupset.BackupSet) (backupset.GroupChange, error) {
					return backupset.GroupChange{Drop: []runs.ID{b.set.ID}, Trail: w.trail("retention.applied", "")}, nil
				})
				return err
			},
			func() error {
				_, err := p.two[1].ChangeSet(t.Context(), w.tenant, b.set.ID, func(now time.Time, set backupset.BackupSet) (backupset.SetChange, error) {
					if set.Deleted() {
						return backupset.SetChange{}, runs.Conflict("set_deleted", "the set is deleted")
					}
					set.Holds = append(set.Holds, backupset.Hold{Name: "case", By: runs.Actor{ID: "ada"}, Reason: "r", At: now})
					return backupset.SetChange{Set: set, Trail: w.trail("hold.added", "")}, nil
				})
				return err
			},
		}
		if !dropFirst {
			calls[0], calls[1] = calls[1], calls[0]
		}
		errs := p.inOrder(calls...)
		p.ok(errs[0])
		wantError(t, errs[1], runs.ErrConflict)
		p.want("SELECT count(*)::text FROM tb_backup_sets AS s JOIN tb_backup_holds AS h ON h.set_id = s.id WHERE s.deleted_at IS NOT NULL", "0")
		p.readable(w)
	}
}
