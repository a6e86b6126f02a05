package transfer_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

func exporter(t *testing.T, r *rig.Rig) *transfer.Exporter {
	t.Helper()
	e, err := transfer.NewExporter(transfer.ExporterConfig{Store: r.Store, Guard: r.Starter.Guard()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// export exports a set as its owner and opens the archive.
func export(t *testing.T, r *rig.Rig, set runs.ID, o transfer.ExportOptions) (*zip.Reader, transfer.Manifest) {
	t.Helper()
	x, err := exporter(t, r).Open(t.Context(), rig.Tenant, rig.Owner, set, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	wrote, err := x.Write(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var m transfer.Manifest
	if err := json.Unmarshal(content(t, z, "manifest.json"), &m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wrote, m); diff != "" {
		t.Errorf("manifest (-returned +written):\n%s", diff)
	}
	return z, m
}

func content(t *testing.T, z *zip.Reader, name string) []byte {
	t.Helper()
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAnArchiveHoldsEveryPolicyByteForByte(t *testing.T) {
	r := rig.New(t, rig.Options{})
	run := r.Backup(r.Schedule(nil).ID)
	z, m := export(t, r, run.BackupSetID, transfer.ExportOptions{Secrets: true})
	live := r.Graph.Snapshot(rig.Tenant)
	items := r.SetItems(run.BackupSetID)
	if len(m.Items) != len(items) || len(items) == 0 || len(z.File) != len(items)+1 {
		t.Fatalf("%d entries and %d files for %d items", len(m.Items), len(z.File), len(items))
	}
	for i, e := range m.Items {
		if e.ItemID != items[i].ID || e.Hash != items[i].Hash {
			t.Errorf("entry %d is of item %s", i, e.ItemID)
		}
		raw := content(t, z, e.File)
		if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != e.SHA256 || int64(len(raw)) != e.Size {
			t.Errorf("%s has another size or hash than the manifest says", e.File)
		}
		var f transfer.File
		if err := json.Unmarshal(raw, &f); err != nil {
			t.Fatalf("%s: %v", e.File, err)
		}
		got := graph.Policy{Type: f.Type, ID: f.ID, Name: f.Name, ODataType: f.ODataType, Raw: f.Raw, References: f.References, Warnings: f.Warnings}
		for _, part := range f.Parts {
			got.Parts = append(got.Parts, graph.Part{Name: part.Name, Raw: part.Raw})
		}
		for key, want := range live {
			if key.ID == f.ID && key.Type == f.Type {
				if diff := cmp.Diff(want, got, equateEmpty); diff != "" {
					t.Errorf("%s (-captured +exported):\n%s", e.File, diff)
				}
			}
		}
	}
}

func TestWhatStandsAroundRawBytesIsKeptBesideThem(t *testing.T) {
	for _, raw := range []string{"{}", "\ufeff{\n}\r\n", " { \"a\" : 1 } ", "\ufeff\ufeff{}"} {
		before, value, after := transfer.Around([]byte(raw))
		if before+string(value)+after != raw || !json.Valid(value) || len(value) > 0 && value[0] != '{' {
			t.Errorf("%q became %q, %q, %q", raw, before, value, after)
		}
	}
}

func TestSecretsAreMaskedUnlessTheOwnerAsksForThem(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	const secret = "hunter2-correct-horse"
	put(t, r, `{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","id":"8f2f0c5e-0000-4000-8000-000000000001","displayName":"Wi-Fi",`+
		`"omaSettings":[{"@odata.type":"#microsoft.graph.omaSettingString","displayName":"Key","omaUri":"./Vendor/x/password","value":"`+secret+`"}],"version":9007199254740993}`)
	run := r.Backup(r.Schedule(nil).ID)
	for _, tt := range []struct {
		secrets, shown bool
	}{{false, false}, {true, true}} {
		z, m := export(t, r, run.BackupSetID, transfer.ExportOptions{Secrets: tt.secrets})
		found := 0
		for _, e := range m.Items {
			raw := string(content(t, z, e.File))
			if strings.Contains(raw, secret) {
				found++
			}
			if e.PolicyType == "deviceConfiguration" && (e.Masked == tt.shown || !strings.Contains(raw, "9007199254740993")) {
				t.Errorf("secrets %v: the entry says masked %v; the file is\n%s", tt.secrets, e.Masked, raw)
			}
		}
		if (found > 0) != tt.shown {
			t.Errorf("secrets %v: the secret stands in %d files", tt.secrets, found)
		}
	}
	_, err := exporter(t, r).Open(t.Context(), rig.Tenant, rig.Operator, run.BackupSetID, transfer.ExportOptions{})
	if !errors.Is(err, runs.ErrForbidden) {
		t.Errorf("an operator exports: %v", err)
	}
}

// put gives the fake tenant a device configuration.
func put(t *testing.T, r *rig.Rig, raw string) {
	t.Helper()
	var head struct {
		ID   string `json:"id"`
		Name string `json:"displayName"`
		Type string `json:"@odata.type"`
	}
	if err := json.Unmarshal([]byte(raw), &head); err != nil {
		t.Fatal(err)
	}
	err := r.Graph.Put(rig.Tenant, graph.Policy{
		Type: "deviceConfiguration", ID: head.ID, Name: head.Name, ODataType: head.Type, Raw: json.RawMessage(raw),
		Parts: []graph.Part{{Name: "assignments", Raw: json.RawMessage("[]")}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnArchiveForThePortalHoldsBareObjects(t *testing.T) {
	r := rig.New(t, rig.Options{})
	run := r.Backup(r.Schedule(nil).ID)
	z, m := export(t, r, run.BackupSetID, transfer.ExportOptions{Portal: true})
	if !m.Portal {
		t.Error("the manifest does not say so")
	}
	settings := 0
	for _, e := range m.Items {
		raw := content(t, z, e.File)
		var object map[string]any
		if err := json.Unmarshal(raw, &object); err != nil {
			t.Fatalf("%s: %v", e.File, err)
		}
		if list, _ := object["settings"].([]any); e.PolicyType == "settingsCatalogPolicy" && len(list) > 0 {
			settings++
		}
		for key := range object {
			if key == "id" || key == "assignments" || strings.Contains(key, "@odata.") && key != "@odata.type" {
				t.Errorf("%s has the property %q", e.File, key)
			}
		}
	}
	if settings == 0 {
		t.Error("no settings catalog policy has its settings in it")
	}
}

func TestAnExportLeavesItsRevisionInTheAuditLog(t *testing.T) {
	r := rig.New(t, rig.Options{})
	run := r.Backup(r.Schedule(nil).ID)
	export(t, r, run.BackupSetID, transfer.ExportOptions{})
	log := r.Audit()
	last := log[len(log)-1]
	if last.Action != "backup_set.exported" || last.Outcome != "ok" || last.Details["revision"] != "1" || last.Actor != rig.Owner {
		t.Errorf("the last entry is %+v", last)
	}
	x, err := exporter(t, r).Open(t.Context(), rig.Tenant, rig.Owner, run.BackupSetID, transfer.ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Write(t.Context(), brokenPipe{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error is %v", err)
	}
	log = r.Audit()
	if last := log[len(log)-1]; last.Action != "backup_set.exported" || last.Outcome != "failed" {
		t.Errorf("the last entry is %+v", last)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestASetThatIsNotThereIsNotExported(t *testing.T) {
	r := rig.New(t, rig.Options{})
	for name, id := range map[string]runs.ID{"nobody's": "0190a000-0000-7000-8000-000000000001", "no id": "../../etc/passwd"} {
		if _, err := exporter(t, r).Open(t.Context(), rig.Tenant, rig.Owner, id, transfer.ExportOptions{}); !errors.Is(err, runs.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFileNamesAreHarmless(t *testing.T) {
	for _, name := range []string{"../../x", "a/b\\c", "con", "", "...", strings.Repeat("ü", 300), "x\x00y", "Büro: WLAN?"} {
		got := transfer.SafeName(name)
		if got == "" || got != path.Base(got) || strings.ContainsAny(got, "/\\\x00:?*\"<>|") || len(got) > 80 || strings.HasPrefix(got, ".") {
			t.Errorf("%q became %q", name, got)
		}
	}
}

func TestFileNamesKeepTheLettersOfEveryScript(t *testing.T) {
	for name, want := range map[string]string{
		"Accès distant - vertrieb-süd":      "Accès distant - vertrieb-süd",
		"東京 (本社) #1 & more":                 "東京 (本社) #1 & more",
		`a<b>c:d"e/f\g|h?i*j`:               "a_b_c_d_e_f_g_h_i_j",
		"exe\u202egnp.json\u2066\ufeff\x7f": "exe_gnp.json___",
		"broken\xff":                        "broken_",
		strings.Repeat("ü", 41):             strings.Repeat("ü", 40),
		"a" + strings.Repeat("ü", 41):       "a" + strings.Repeat("ü", 39),
	} {
		if got := transfer.SafeName(name); got != want {
			t.Errorf("%q became %q, not %q", name, got, want)
		}
	}
}

var equateEmpty = cmp.Options{cmp.Transformer("empty", func(v []string) []string {
	if len(v) == 0 {
		return nil
	}
	return v
}), cmp.Transformer("none", func(v []graph.Reference) []graph.Reference {
	if len(v) == 0 {
		return nil
	}
	return v
}), cmp.Transformer("text", func(v json.RawMessage) string { return string(v) })}
