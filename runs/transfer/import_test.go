package transfer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// archived exports a set as its owner.
func archived(t testing.TB, r *rig.Rig, set runs.ID, o transfer.ExportOptions) []byte {
	t.Helper()
	e, err := transfer.NewExporter(transfer.ExporterConfig{Store: r.Store, Guard: r.Starter.Guard()})
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Open(t.Context(), rig.Tenant, rig.Owner, set, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := x.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// held is what a set holds, by type and id.
func held(t testing.TB, r *rig.Rig, set runs.ID) map[string]graph.Policy {
	t.Helper()
	out := map[string]graph.Policy{}
	for _, item := range r.SetItems(set) {
		raw, err := r.Store.Payload(t.Context(), rig.Tenant, item.VersionID)
		if err != nil {
			t.Fatal(err)
		}
		p, err := backupset.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		out[string(p.Type)+"/"+p.ID] = p
	}
	return out
}

// manifestOf reads an archive's manifest without what differs from export to export.
func manifestOf(t testing.TB, raw []byte) transfer.Manifest {
	t.Helper()
	m := readManifest(t, raw)
	m.Set.ID, m.Set.Name, m.Set.CreatedAt = "", "", time.Time{}
	for i := range m.Items {
		m.Items[i].ItemID, m.Items[i].File = "", ""
	}
	return m
}

var source = rig.Options{Policies: 40}

func TestAnImportedSetHoldsWhatWasExported(t *testing.T) {
	from := rig.New(t, source)
	first := from.Backup(from.Schedule(nil).ID)
	raw := archived(t, from, first.BackupSetID, transfer.ExportOptions{Secrets: true})

	to := newWorld(t, rig.Options{Policies: -1}, nil)
	to.Clock.Add(48 * time.Hour)
	run := to.bring(raw)
	if run.Status != runs.StatusSuccess || run.Counts.Succeeded != len(from.SetItems(first.BackupSetID)) || run.Counts.Processed != run.Counts.Total {
		t.Fatalf("the run ended %s %s %s with %+v", run.Status, run.ErrorCode, run.ErrorMessage, run.Counts)
	}
	set := to.Set(run)
	if set.Status != backupset.Complete || set.Name != "Import of 2026-01-06 12:00 UTC" || set.ScheduleID != "" {
		t.Errorf("the set is %+v", set)
	}
	for _, m := range set.Types {
		if m.Exhaustive() {
			t.Errorf("%s speaks of what is not in the file", m.Type)
		}
	}
	if diff := cmp.Diff(held(t, from, first.BackupSetID), held(t, to.Rig, set.ID), equateEmpty); diff != "" {
		t.Errorf("policies (-exported +imported):\n%s", diff)
	}
	if found, err := to.Verifier.Verify(t.Context(), rig.Tenant, set.ID); err != nil || !found.Sound() {
		t.Errorf("verifying finds %+v, %v", found, err)
	}
	if diff := cmp.Diff(manifestOf(t, raw), manifestOf(t, archived(t, to.Rig, set.ID, transfer.ExportOptions{Secrets: true}))); diff != "" {
		t.Errorf("manifest (-first +second export):\n%s", diff)
	}
	var summary transfer.ImportSummary
	if err := json.Unmarshal(run.Summary, &summary); err != nil || summary.Source.SetID != first.BackupSetID || summary.Imported != run.Counts.Succeeded {
		t.Errorf("the summary is %s (%v)", run.Summary, err)
	}
	log := to.Audit()
	if i := slices.IndexFunc(log, func(e runs.AuditEntry) bool { return e.Action == "backup_set.imported" }); i < 0 || log[i].RunID != run.ID || log[i].Resource.ID != set.ID {
		t.Errorf("the audit log has %+v", log)
	}
	if len(to.uploads()) != 0 {
		t.Error("the upload is still there")
	}
	rows, err := to.Store.ListPolicies(t.Context(), rig.Tenant, backupset.PolicyFilter{}, runs.Slice{Limit: 1000})
	if err != nil || len(rows) != run.Counts.Succeeded || slices.ContainsFunc(rows, func(p backupset.Policy) bool { return !p.LastSeenAt.IsZero() }) {
		t.Errorf("%d policies in the inventory (%v), or some look as if they were seen live", len(rows), err)
	}
}

func TestWhateverIsExportedCanBeImported(t *testing.T) {
	testenv.SlowUnderRace(t)
	if testing.Short() {
		t.Skip("a few seconds")
	}
	to := newWorld(t, rig.Options{Policies: -1}, func(c *transfer.ImporterConfig, _ *transfer.UploaderConfig) { c.SaveSize = 7 })
	from := rig.New(t, rig.Options{Policies: 8})
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "changes")
		secrets, foundations := rapid.Bool().Draw(rt, "secrets"), rapid.Bool().Draw(rt, "foundations")
		if _, err := from.Graph.Churn(rig.Tenant, float64(rapid.IntRange(0, 60).Draw(rt, "percent")), seed); err != nil {
			rt.Fatal(err)
		}
		request := createRequest(rapid.IntRange(1, 127).Draw(rt, "types"), foundations, seed)
		started, _, err := from.Starter.Start(t.Context(), rig.Tenant, rig.Owner, request)
		if err != nil {
			rt.Fatal(err)
		}
		from.Drain()
		raw := archived(t, from, from.Run(started.ID).BackupSetID, transfer.ExportOptions{Secrets: secrets})
		run := to.bring(raw)
		if run.Status != runs.StatusSuccess {
			rt.Fatalf("the run ended %s %s: %s", run.Status, run.ErrorCode, run.ErrorMessage)
		}
		if found, err := to.Verifier.Verify(t.Context(), rig.Tenant, run.BackupSetID); err != nil || !found.Sound() {
			rt.Errorf("verifying finds %+v, %v", found, err)
		}
		again := archived(t, to.Rig, run.BackupSetID, transfer.ExportOptions{Secrets: secrets})
		want, got := manifestOf(t, raw), manifestOf(t, again)
		for i := range want.Items {
			if want.Items[i].Masked { // the warning is new, and the hash is that of what is left
				want.Items[i], got.Items[i] = transfer.Entry{}, transfer.Entry{}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Errorf("manifest (-first +second export):\n%s", diff)
		}
		to.Clock.Add(time.Minute)
	})
}

func TestAMaskedPolicySaysThatItsSecretsAreMissing(t *testing.T) {
	from := rig.New(t, rig.Options{Policies: -1})
	put(t, from, `{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","id":"8f2f0c5e-0000-4000-8000-000000000001","displayName":"Wi-Fi",`+
		`"omaSettings":[{"@odata.type":"#microsoft.graph.omaSettingString","displayName":"Key","omaUri":"./Vendor/x/password","value":"hunter2"}]}`)
	raw := archived(t, from, from.Backup(from.Schedule(nil).ID).BackupSetID, transfer.ExportOptions{})
	to := newWorld(t, rig.Options{Policies: -1}, nil)
	run := to.bring(raw)
	items := to.SetItems(run.BackupSetID)
	if run.Status != runs.StatusSuccess || len(items) != 1 || cmp.Diff(items[0].Warnings, []string{"secrets_masked"}) != "" {
		t.Errorf("the run ended %s with the items %+v", run.Status, items)
	}
}

func TestWhatTheExportedSetLackedTheImportedSetLacksToo(t *testing.T) {
	from := rig.New(t, source)
	raw := archived(t, from, from.Backup(from.Schedule(nil).ID).BackupSetID, transfer.ExportOptions{})
	to := newWorld(t, rig.Options{Policies: -1}, nil)
	for name, lack := range map[string]func(*transfer.SetInfo){
		"a policy":                   func(s *transfer.SetInfo) { s.Types[0].Failed, s.Types[0].Listed = 1, s.Types[0].Listed+1 },
		"the permission for a type":  func(s *transfer.SetInfo) { s.Types[0].Forbidden = true },
		"the end of a listing":       func(s *transfer.SetInfo) { s.Types[0].Complete = false },
		"a type that was not known":  func(s *transfer.SetInfo) { s.Status = backupset.Partial },
		"a type without any account": func(s *transfer.SetInfo) { s.Types = append(s.Types, transfer.TypeInfo{Type: "namedLocation"}) },
	} {
		run := to.bring(edit(t, raw, func(m *transfer.Manifest) { lack(&m.Set) }))
		if set := to.Set(run); run.Status != runs.StatusSuccess || set.Status != backupset.Partial {
			t.Errorf("%s: the run ended %s %s, the set is %s", name, run.Status, run.ErrorMessage, set.Status)
		}
	}
}

func TestOneDamagedPolicyStopsNobodyElse(t *testing.T) {
	testenv.SlowUnderRace(t)
	from := rig.New(t, source)
	raw := archived(t, from, from.Backup(from.Schedule(nil).ID).BackupSetID, transfer.ExportOptions{Secrets: true})
	to := newWorld(t, rig.Options{Policies: -1}, nil)
	for name, tt := range map[string]struct {
		change func(f map[string][]byte, m *transfer.Manifest)
		reason runs.Reason
	}{
		"another byte":     {func(f map[string][]byte, m *transfer.Manifest) { f[m.Items[2].File][100] ^= 1 }, runs.ReasonInvalidPayload},
		"another size":     {func(f map[string][]byte, m *transfer.Manifest) { m.Items[2].Size++ }, runs.ReasonInvalidPayload},
		"another hash":     {func(f map[string][]byte, m *transfer.Manifest) { m.Items[2].Hash[0] ^= 1 }, runs.ReasonInvalidPayload},
		"another policy's": {func(f map[string][]byte, m *transfer.Manifest) { forge(f, &m.Items[2], f[m.Items[3].File]) }, runs.ReasonInvalidPayload},
		"no JSON":          {func(f map[string][]byte, m *transfer.Manifest) { forge(f, &m.Items[2], []byte("{")) }, runs.ReasonInvalidPayload},
		"a key twice": {func(f map[string][]byte, m *transfer.Manifest) {
			forge(f, &m.Items[2], swap(f, m, `{"type"`, `{"type":"x","type"`))
		}, runs.ReasonInvalidPayload},
		"a key twice within": {func(f map[string][]byte, m *transfer.Manifest) {
			forge(f, &m.Items[2], swap(f, m, `"raw":{`, `"raw":{"a":1,"a":2,`))
		}, runs.ReasonInvalidPayload},
		"a lone surrogate": {func(f map[string][]byte, m *transfer.Manifest) {
			forge(f, &m.Items[2], swap(f, m, `"raw":{`, `"raw":{"a":"\ud800",`))
		}, runs.ReasonInvalidPayload},
		"nested deeply": {func(f map[string][]byte, m *transfer.Manifest) {
			forge(f, &m.Items[2], swap(f, m, `"raw":{`, `"raw":{"a":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`,`))
		}, runs.ReasonInvalidPayload},
		"text around the object": {func(f map[string][]byte, m *transfer.Manifest) {
			forge(f, &m.Items[2], swap(f, m, `"raw":{`, `"before_raw":"x","raw":{`))
		}, runs.ReasonInvalidPayload},
		"an unknown type": {func(f map[string][]byte, m *transfer.Manifest) {
			old := m.Items[2].PolicyType
			m.Items[2].PolicyType = "teleporter"
			for i := range m.Set.Types {
				if m.Set.Types[i].Type == old {
					m.Set.Types[i].Captured--
				}
			}
			m.Set.Types = append(m.Set.Types, transfer.TypeInfo{Type: "teleporter", Listed: 1, Captured: 1, Complete: true})
		}, runs.ReasonUnsupportedType},
	} {
		t.Run(name, func(t *testing.T) {
			var bad string
			run := to.bring(rewrite(t, raw, func(f map[string][]byte, m *transfer.Manifest) { tt.change(f, m); bad = m.Items[2].PolicyID }))
			if run.Status != runs.StatusPartial || run.ErrorCode != runs.CodeItemsFailed || run.Counts.Failed != 1 || run.Counts.Succeeded != run.Counts.Total-1 {
				t.Errorf("the run ended %s %s %s with %+v", run.Status, run.ErrorCode, run.ErrorMessage, run.Counts)
			}
			if set := to.Set(run); set.Status != backupset.Partial || set.ItemsCount != run.Counts.Succeeded {
				t.Errorf("the set is %s with %d items", set.Status, set.ItemsCount)
			}
			for _, item := range to.Items(run.ID) {
				if item.Status == runs.ItemFailed && (item.PolicyID != bad || item.Reason != tt.reason) {
					t.Errorf("failed: %+v", item)
				}
			}
		})
	}
}

func TestAnImportGoesOnAfterACrash(t *testing.T) {
	from := rig.New(t, source)
	raw := archived(t, from, from.Backup(from.Schedule(nil).ID).BackupSetID, transfer.ExportOptions{Secrets: true})
	whole := newWorld(t, rig.Options{Policies: -1}, nil)
	done := whole.bring(raw)
	want := held(t, whole.Rig, done.BackupSetID)
	for at := 1; ; at++ { // the at-th call breaks
		to := newWorld(t, rig.Options{Policies: -1}, func(c *transfer.ImporterConfig, _ *transfer.UploaderConfig) { c.SaveSize = 16 })
		run := to.start(raw)
		calls, broken := 0, false
		to.back.before = func(string) error {
			if calls++; calls == at {
				broken = true
				return errors.New("the store is away")
			}
			return nil
		}
		to.Drain()
		run = to.Run(run.ID)
		if run.Status != runs.StatusSuccess || broken && run.Attempt != 2 {
			t.Fatalf("call %d: the run ended %s %s after attempt %d", at, run.Status, run.ErrorMessage, run.Attempt)
		}
		if diff := cmp.Diff(want, held(t, to.Rig, run.BackupSetID), equateEmpty); diff != "" {
			t.Errorf("call %d (-whole +resumed):\n%s", at, diff)
		}
		if n := len(to.SetItems(run.BackupSetID)); n != len(want) || run.Counts.Succeeded != n {
			t.Errorf("call %d: %d items and counts %+v", at, n, run.Counts)
		}
		if !broken {
			if at < 5 {
				t.Errorf("only %d calls", at)
			}
			return
		}
	}
}
