package transfer

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// bare makes an Importer that reads and keeps nothing.
func bare(t testing.TB, l Limits) *Importer {
	t.Helper()
	var bad runs.InvalidError
	l.complete(&bad)
	return &Importer{
		cfg: ImporterConfig{Catalogue: graph.Catalog, Limits: l}, canon: backupset.NewCanonicalizer(graph.Catalog), classes: newClassifier(graph.Catalog),
	}
}

// FuzzImport reads any bytes as a file to import. Whatever they are, reading ends in one of
// the two ways that it may, and keeps within its limits.
func FuzzImport(f *testing.F) {
	f.Add([]byte("PK"))
	f.Add(sampleArchive(f))
	var b bytes.Buffer
	if err := pack(f.Context(), &b, os.DirFS("testdata/intunemanagement"), bare(f, Limits{}).cfg.Limits); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(readAny)
}

// FuzzFiles reads any files as what was exported: chance seldom makes a zip.
func FuzzFiles(f *testing.F) {
	object := []byte(`{"@odata.type":"#microsoft.graph.groupPolicyConfiguration","id":"1","displayName":"A"}`)
	f.Add("AdministrativeTemplates/A.json", object, "AdministrativeTemplates/A_Settings.json", []byte(`[{"id":"2"}]`))
	f.Add("ConditionalAccess/A.json", []byte(`{"id":"1","conditions":{"users":{"includeGroups":["g"]}}}`), "MigrationTable.json", []byte(`{"Objects":[{"Id":"g","DisplayName":"G","Type":"Group"}]}`))
	f.Add("policies/a.json", []byte(`{"type":"settingsCatalogPolicy","id":"1","raw":{},"parts":[]}`), "manifest.json",
		[]byte(`{"format":"tenantbackup.backup-set","version":1,"items":[{"file":"policies/a.json","policy_type":"settingsCatalogPolicy","policy_id":"1"}]}`))
	f.Fuzz(func(t *testing.T, name string, content []byte, name2 string, content2 []byte) {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		if errors.Join(store(z, name, time.Time{}, content), store(z, name2, time.Time{}, content2), z.Close()) == nil {
			readAny(t, b.Bytes())
		}
	})
}

// readAny reads bytes as an import does, and compares what comes of them with what may.
func readAny(t *testing.T, raw []byte) {
	limits := Limits{Entries: 50, EntrySize: 1 << 16, TotalSize: 1 << 18, Ratio: 20}
	im := bare(t, limits)
	check := func(err error) {
		var wrong *unusable
		if err != nil && !errors.As(err, &wrong) {
			t.Errorf("reading ends with %v", err)
		}
	}
	a, err := openArchive(bytes.NewReader(raw), int64(len(raw)), im.cfg.Limits)
	if err != nil {
		check(err)
		return
	}
	if len(a.names) > limits.Entries {
		t.Errorf("%d entries", len(a.names))
	}
	for _, name := range a.names {
		if !fs.ValidPath(name) {
			t.Errorf("the name %q", name)
		}
	}
	c, err := im.open(a)
	if err != nil {
		check(err)
		return
	}
	n, kept := 0, map[policyKey]bool{}
	err = c.each(func(graph.PolicyType, string) bool { return false }, func(got found) error {
		n++
		switch key := (policyKey{got.t, got.id}); {
		case got.policy == nil:
			if got.status == "" || got.reason == "" || got.err == nil {
				t.Errorf("no policy, and no reason: %+v", got)
			}
		case kept[key], got.id == "", got.hash.IsZero(), got.policy.ID != got.id || got.policy.Type != got.t:
			t.Errorf("kept twice or wrongly: %+v", got)
		default:
			kept[key] = true
			if _, err := backupset.Encode(got.policy); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	check(err)
	if n > c.n {
		t.Errorf("%d of at most %d", n, c.n)
	}
	if a.read > limits.TotalSize+limits.EntrySize {
		t.Errorf("%d bytes were expanded", a.read)
	}
}

// sampleArchive is an archive of one policy.
func sampleArchive(t testing.TB) []byte {
	t.Helper()
	p := graph.Policy{
		Type: "settingsCatalogPolicy", ID: "1", Name: "A", Raw: json.RawMessage("\ufeff{\"id\":\"1\",\"name\":\"A\"}\r\n"),
		Parts: []graph.Part{{Name: "settings", Raw: json.RawMessage(`[{"id":"0"}]`)}},
	}
	im := bare(t, Limits{})
	file, err := encodeFile(&p)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := im.canon.Hash(&p)
	if err != nil {
		t.Fatal(err)
	}
	m := Manifest{
		Format: Format, Version: FormatVersion, HashVersion: backupset.CanonicalVersion,
		Set:   SetInfo{Types: []TypeInfo{{Type: p.Type, Listed: 1, Captured: 1, Complete: true}}, Status: backupset.Complete},
		Items: []Entry{{File: "policies/a.json", Size: int64(len(file)), SHA256: sum(file), PolicyType: p.Type, PolicyID: p.ID, Name: p.Name, Hash: hash}},
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range []struct {
		name string
		raw  []byte
	}{{"policies/a.json", file}, {manifestName, raw}} {
		if err := store(z, e.name, m.Set.CreatedAt, e.raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheSampleOfTheFuzzerIsSound(t *testing.T) {
	im, raw := bare(t, Limits{}), sampleArchive(t)
	a, err := openArchive(bytes.NewReader(raw), int64(len(raw)), im.cfg.Limits)
	if err != nil {
		t.Fatal(err)
	}
	c, err := im.open(a)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	err = c.each(func(graph.PolicyType, string) bool { return false }, func(got found) error {
		if got.policy != nil {
			kept++
		}
		return nil
	})
	if err != nil || kept != 1 {
		t.Errorf("%d policies, %v", kept, err)
	}
}
