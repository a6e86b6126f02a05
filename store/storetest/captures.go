package storetest

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// The types of policies that the suite captures.
const (
	settings graph.PolicyType = "settingsCatalogPolicy"
	scripts  graph.PolicyType = "deviceManagementScript"
)

// capture is a run with the set that it fills.
type capture struct {
	f      *fixture
	tenant graph.TenantID
	run    runs.Run
	set    backupset.BackupSet
}

// lease returns the claim under which the capture writes.
func (c *capture) lease() runs.Lease { return c.run.Lease() }

// newSet returns a set for a run.
func (f *fixture) newSet(r runs.Run) backupset.BackupSet {
	at := r.ScheduledFor
	if at.IsZero() {
		at = r.CreatedAt
	}
	return backupset.BackupSet{
		ID: f.id(), TenantID: r.TenantID, Name: "set of " + string(r.ID), ScheduleID: r.ScheduleID,
		RunID: r.ID, ScheduledFor: at, Status: backupset.Building, CreatedAt: r.CreatedAt,
	}
}

// capture starts and claims a run and opens its set.
func (f *fixture) capture(r runs.Run) *capture {
	f.Helper()
	c := &capture{f: f, tenant: r.TenantID, run: f.claim(f.start(r))}
	c.set = must(f.store.OpenSet(f.ctx, c.tenant, c.lease(), f.newSet(r), runs.Trail{}))(f)
	return c
}

// manual captures without a schedule.
func (f *fixture) manual(tenant graph.TenantID) *capture {
	f.Helper()
	return f.capture(f.newRun(tenant))
}

// content is a policy with what it contains.
type content struct {
	t       graph.PolicyType
	id      string // Graph's
	body    string // decides the hash
	payload string // the bytes to keep; empty makes them from id and body
}

// captured returns content as a capture hands it over. The hash is that of the body alone:
// like the canonical form it does not cover the id.
func (f *fixture) captured(c content) backupset.Captured {
	if c.payload == "" {
		c.payload = "payload of " + c.id + ": " + c.body
	}
	return backupset.Captured{
		ItemID: f.id(),
		Policy: &graph.Policy{Type: c.t, ID: c.id, Name: "name of " + c.id, Raw: json.RawMessage(`{}`)},
		Hash:   backupset.Hash(sha256.Sum256([]byte(c.body))), Payload: []byte(c.payload), CapturedAt: f.clock.Now(),
	}
}

// outcome returns the run item that belongs to something captured.
func (f *fixture) outcome(c backupset.Captured) runs.Item {
	return runs.Item{
		ID: f.id(), PolicyType: c.Policy.Type, PolicyID: c.Policy.ID, Name: c.Policy.Name,
		Status: runs.ItemSuccess, Attempt: 1, BackupItemID: c.ItemID,
	}
}

// save keeps contents in the set, with a run item for each.
func (c *capture) save(contents ...content) {
	c.f.Helper()
	var list []backupset.Captured
	var items []runs.Item
	for _, content := range contents {
		captured := c.f.captured(content)
		list, items = append(list, captured), append(items, c.f.outcome(captured))
	}
	c.f.ok(c.f.store.SaveCaptured(c.f.ctx, c.tenant, c.lease(), c.set.ID, list, items))
}

// manifest returns the account of a type that was captured whole.
func manifest(t graph.PolicyType, captured int) backupset.Manifest {
	return backupset.Manifest{Type: t, Pages: []int{captured}, Listed: captured, Captured: captured, Complete: true}
}

// seal writes a manifest for each type that the set holds and seals it.
func (c *capture) seal() backupset.BackupSet {
	c.f.Helper()
	counts := map[graph.PolicyType]int{}
	var order []graph.PolicyType
	for _, item := range c.f.setItems(c.tenant, c.set.ID) {
		if counts[item.Type] == 0 {
			order = append(order, item.Type)
		}
		counts[item.Type]++
	}
	for _, t := range order {
		c.f.ok(c.f.store.SaveManifest(c.f.ctx, c.tenant, c.lease(), c.set.ID, manifest(t, counts[t])))
	}
	c.set = must(c.f.store.SealSet(c.f.ctx, c.tenant, c.lease(), c.set.ID, backupset.Complete, runs.Trail{}))(c.f)
	return c.set
}

// finish seals the set and ends the run.
func (c *capture) finish() backupset.BackupSet {
	c.f.Helper()
	set := c.seal()
	c.run = c.f.finish(c.run, runs.StatusSuccess, start.Add(time.Hour))
	return set
}

// backup captures contents for a slot of a schedule from beginning to end.
func (f *fixture) backup(s backupsched.Schedule, slot time.Time, contents ...content) backupset.BackupSet {
	f.Helper()
	c := f.capture(f.newBackup(s, slot))
	c.save(contents...)
	return c.finish()
}

// manualSet captures contents without a schedule from beginning to end.
func (f *fixture) manualSet(tenant graph.TenantID, contents ...content) backupset.BackupSet {
	f.Helper()
	c := f.manual(tenant)
	c.save(contents...)
	return c.finish()
}

// set returns a set as it is stored now.
func (f *fixture) set(s backupset.BackupSet) backupset.BackupSet {
	f.Helper()
	return must(f.store.GetSet(f.ctx, s.TenantID, s.ID))(f)
}

// changeSet changes a set in a way that has to succeed.
func (f *fixture) changeSet(s backupset.BackupSet, edit func(s *backupset.BackupSet)) backupset.BackupSet {
	f.Helper()
	return must(f.store.ChangeSet(f.ctx, s.TenantID, s.ID, func(_ time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		edit(&s)
		return backupset.SetChange{Set: s}, nil
	}))(f)
}

// retire soft-deletes a set.
func (f *fixture) retire(s backupset.BackupSet, at time.Time) backupset.BackupSet {
	f.Helper()
	return f.changeSet(s, func(s *backupset.BackupSet) { s.DeletedAt, s.DeletedReason = at, "manual" })
}

// purge removes a soft-deleted set in steps of the limit and returns what each removed.
func (f *fixture) purge(s backupset.BackupSet, limit int) []backupset.PurgeResult {
	f.Helper()
	var steps []backupset.PurgeResult
	for len(steps) < 1000 {
		step := must(f.store.PurgeSet(f.ctx, s.TenantID, s.ID, limit, noTrail))(f)
		steps = append(steps, step)
		if step.Done {
			return steps
		}
	}
	f.Fatalf("purging set %s has no end", s.ID)
	return nil
}

func noTrail(backupset.BackupSet, backupset.PurgeResult) runs.Trail { return runs.Trail{} }
