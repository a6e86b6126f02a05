package bunstore_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store"
)

// began is when the tests begin; each day of a test is one later.
var began = time.Date(2026, time.March, 2, 2, 30, 0, 0, time.UTC)

// worker captures a tenant of a fake Graph into a store, as the executor of backups does.
type worker struct {
	testing.TB
	store  store.Store
	graph  *graphtest.Graph
	tenant graph.TenantID
	ids    *uuidv7.Generator
	canon  *backupset.Canonicalizer
	hashes map[*byte]backupset.Hash // of contents that were hashed before, by their raw bytes
	now    time.Time
	raw    int64 // bytes of JSON captured so far
}

func newWorker(t testing.TB, s store.Store, tenant graph.TenantID, policies int) *worker {
	t.Helper()
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := graphtest.TenantConfig{Policies: policies, Seed: 7}
	if policies < 20 { // few types too
		cfg.Types, cfg.Foundations = []graph.PolicyType{"settingsCatalogPolicy", "deviceManagementScript"}, -1
	}
	if err := g.AddTenant(tenant, cfg); err != nil {
		t.Fatal(err)
	}
	w := &worker{
		TB: t, store: s, graph: g, tenant: tenant, canon: backupset.NewCanonicalizer(graph.Catalog),
		hashes: map[*byte]backupset.Hash{}, now: began,
	}
	w.ids = uuidv7.NewGenerator(func() time.Time { return w.now })
	return w
}

func (w *worker) id() runs.ID { return runs.ID(w.ids.New()) }

func (w *worker) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// captured makes what the executor hands over of everything that the tenant holds.
func (w *worker) captured() map[graph.PolicyType][]backupset.Captured {
	w.Helper()
	byType := map[graph.PolicyType][]backupset.Captured{}
	for key, p := range w.graph.Snapshot(w.tenant) {
		hash, known := w.hashes[&p.Raw[0]]
		if !known {
			var err error
			hash, err = w.canon.Hash(&p)
			w.ok(err)
			w.hashes[&p.Raw[0]] = hash
		}
		payload, err := backupset.Encode(&p)
		w.ok(err)
		w.raw += int64(len(p.Raw))
		for _, part := range p.Parts {
			w.raw += int64(len(part.Raw))
		}
		byType[key.Type] = append(byType[key.Type], backupset.Captured{Policy: &p, Hash: hash, Payload: payload, CapturedAt: w.now})
	}
	return byType
}

// schedule stores a schedule of the tenant.
func (w *worker) schedule() backupsched.Schedule {
	w.Helper()
	s := backupsched.Schedule{
		ID: w.id(), TenantID: w.tenant, Name: "Nightly", Enabled: true,
		Recurrence:  backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "UTC"},
		PolicyTypes: []graph.PolicyType{"settingsCatalogPolicy"}, RetentionKeepLast: 30,
		NextRunAt: w.now, CreatedAt: w.now, UpdatedAt: w.now,
	}
	w.ok(w.store.CreateSchedule(w.Context(), w.tenant, s, w.trail("schedule.created", "")))
	return s
}

func (w *worker) trail(action string, run runs.ID) runs.Trail {
	return runs.Trail{Audit: []runs.AuditEntry{{
		ID: w.id(), At: w.now, Actor: runs.SystemActor, TenantID: w.tenant, Action: action,
		Resource: runs.Target{Type: "tenant"}, RunID: run, Outcome: "ok", Details: map[string]string{"trigger": "schedule"},
	}}}
}

// change moves a run on.
func (w *worker) change(id runs.ID, action string, edit func(r *runs.Run)) runs.Run {
	w.Helper()
	r, err := w.store.ChangeRun(w.Context(), w.tenant, id, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		edit(&r)
		r.UpdatedAt = w.now
		return runs.Change{Run: r, Trail: w.trail(action, id)}, nil
	})
	w.ok(err)
	return r
}

// claimed stores and claims a run for the schedule's slot of now.
func (w *worker) claimed(s backupsched.Schedule) runs.Run {
	w.Helper()
	r := runs.Run{
		ID: w.id(), Kind: runs.KindBackup, Trigger: runs.TriggerSchedule, Actor: runs.SystemActor, Status: runs.StatusQueued,
		Key: "slot:" + string(s.ID) + w.now.String(), ScheduleID: s.ID, ScheduledFor: w.now,
		Target: runs.Target{Type: "schedule", ID: s.ID}, Params: []byte(`{"types":["settingsCatalogPolicy"]}`), CreatedAt: w.now, UpdatedAt: w.now,
	}
	r, _, err := w.store.CreateRun(w.Context(), w.tenant, r, runs.Trail{})
	w.ok(err)
	return w.change(r.ID, "run.started", func(r *runs.Run) {
		r.Status, r.Attempt, r.StartedAt, r.LeaseToken, r.LeaseOwner, r.LeaseUntil = runs.StatusRunning, 1, w.now, 1, "worker", w.now.Add(time.Hour)
		r.AttemptStartedAt = w.now
	})
}

// save keeps captured policies in a set, with a run item for each.
func (w *worker) save(lease runs.Lease, set runs.ID, list []backupset.Captured) {
	w.Helper()
	items := make([]runs.Item, len(list))
	for i := range list {
		list[i].ItemID = w.id()
		p := list[i].Policy
		items[i] = runs.Item{
			ID: w.id(), PolicyType: p.Type, PolicyID: p.ID, Name: p.Name, Status: runs.ItemSuccess, Attempt: 1, BackupItemID: list[i].ItemID,
		}
	}
	w.ok(w.store.SaveCaptured(w.Context(), w.tenant, lease, set, list, items))
}

// backup captures everything that the tenant holds, type by type and 25 at a time.
func (w *worker) backup(s backupsched.Schedule) backupset.BackupSet {
	w.Helper()
	run := w.claimed(s)
	set, err := w.store.OpenSet(w.Context(), w.tenant, run.Lease(), backupset.BackupSet{
		ID: w.id(), Name: "Nightly", ScheduleID: s.ID, ScheduledFor: w.now, CreatedAt: w.now,
	}, runs.Trail{})
	w.ok(err)
	byType := w.captured()
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		m := backupset.Manifest{Type: t, Listed: len(byType[t]), Captured: len(byType[t]), Complete: true}
		for list := range slices.Chunk(byType[t], 25) {
			w.save(run.Lease(), set.ID, list)
			m.Pages = append(m.Pages, len(list))
		}
		w.ok(w.store.SaveManifest(w.Context(), w.tenant, run.Lease(), set.ID, m))
	}
	set, err = w.store.SealSet(w.Context(), w.tenant, run.Lease(), set.ID, backupset.Complete, w.trail("backup.created", run.ID))
	w.ok(err)
	w.change(run.ID, "run.finished", func(r *runs.Run) {
		r.Status, r.FinishedAt, r.LeaseOwner, r.LeaseUntil = runs.StatusSuccess, w.now, "", time.Time{}
		r.Summary = []byte(`{"policies_total":500,"policies_backed_up":500,"errors_count":0,"warnings":[]}`)
	})
	return set
}

// days makes a backup a day and changes 1 % of the policies between them.
func (w *worker) days(n int) (sched backupsched.Schedule, sets []backupset.BackupSet) {
	w.Helper()
	sched = w.schedule()
	for day := range n {
		sets = append(sets, w.backup(sched))
		_, err := w.graph.Churn(w.tenant, 1, uint64(day))
		w.ok(err)
		w.now = w.now.AddDate(0, 0, 1)
	}
	return sched, sets
}
