package retention_test

import (
	"fmt"
	"log"
	"time"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// What becomes of five daily backups when the newest two complete ones are to stay.
func ExamplePlan() {
	now := time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return time.Date(2026, 3, n, 2, 0, 0, 0, time.UTC) }
	set := func(id runs.ID, n int, status backupset.Status) backupset.BackupSet {
		return backupset.BackupSet{ID: id, ScheduleID: "nightly", Status: status, ItemsCount: 500, ScheduledFor: day(n), CreatedAt: day(n)}
	}
	sets := []backupset.BackupSet{
		set("mon", 2, backupset.Complete),
		set("tue", 3, backupset.Complete),
		set("wed", 4, backupset.Complete),
		set("thu", 5, backupset.Partial),
		set("fri", 6, backupset.Complete),
	}
	sets[0].Holds = []backupset.Hold{{Name: "audit", Reason: "asked by the auditors"}}

	for _, d := range retention.Plan(sets, retention.Policy{KeepLast: 2, MinAge: 24 * time.Hour}, now) {
		fmt.Println(d.SetID, "keep:", d.Keep, "because:", d.Reason)
	}
	// Output:
	// mon keep: true because: held
	// tue keep: false because: beyond_keep_last
	// wed keep: true because: keep_last
	// thu keep: true because: partial_recent
	// fri keep: true because: keep_last
}

// A hold keeps a set until it is released, whatever retention and people want.
func ExampleRetention_Hold() {
	w := newWorld(failing{})
	set := w.add("", 30, backupset.Complete, 500)

	held, err := w.ret.Hold(w.ctx, tenant, manager, set, "audit 2026", "asked by the auditors")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(held.Holds[0].Name, "by", held.Holds[0].By.Name)

	_, err = w.ret.Delete(w.ctx, tenant, manager, set)
	fmt.Println(err)

	_, err = w.ret.Release(w.ctx, tenant, manager, set, "audit 2026")
	fmt.Println("released:", err == nil)
	_, err = w.ret.Delete(w.ctx, tenant, manager, set)
	fmt.Println("deleted:", err == nil)
	// Output:
	// audit 2026 by Mia Manager
	// conflict: a hold stands on the set; release it first (set_held)
	// released: true
	// deleted: true
}

// failing stands in for a *testing.T where there is none.
type failing struct{}

func (failing) Helper()                   {}
func (failing) Fatal(args ...any)         { log.Fatal(args...) }
func (failing) Fatalf(f string, a ...any) { log.Fatalf(f, a...) }
func (failing) Errorf(f string, a ...any) { log.Fatalf(f, a...) }
