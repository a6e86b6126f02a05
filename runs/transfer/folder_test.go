package transfer_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// bringFolder imports a folder to the end.
func (w *world) bringFolder(folder fs.FS) runs.Run {
	w.TB.Helper()
	u, err := w.up.ReceiveFS(w.TB.Context(), rig.Tenant, rig.Owner, folder)
	if err != nil {
		w.TB.Fatal(err)
	}
	run, _, err := w.Starter.Start(w.TB.Context(), rig.Tenant, rig.Owner, transfer.ImportRequest(u, "History"))
	if err != nil {
		w.TB.Fatal(err)
	}
	w.Drain()
	return w.Run(run.ID)
}

// checkFolder imports a folder of folders named after types, and compares every file with
// the item that it became.
func checkFolder(t *testing.T, dir string, want int) {
	t.Helper()
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	run := w.bringFolder(os.DirFS(dir))
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil || len(files) != want {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if run.Status != runs.StatusSuccess || run.Counts.Succeeded != want {
		for _, i := range w.Items(run.ID) {
			t.Logf("%+v", i)
		}
		t.Fatalf("the run ended %s %s with %+v", run.Status, run.ErrorMessage, run.Counts)
	}
	if set := w.Set(run); set.Status != backupset.Complete || set.Name != "History" || slices.ContainsFunc(set.Types, backupset.Manifest.Exhaustive) {
		t.Errorf("the set is %+v", set)
	}
	have := held(t, w.Rig, run.BackupSetID)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var head struct{ ID string }
		_ = json.Unmarshal([]byte(strings.TrimPrefix(string(raw), "\ufeff")), &head)
		key := filepath.Base(filepath.Dir(file)) + "/" + head.ID
		if p, ok := have[key]; !ok || string(p.Raw) != string(raw) || p.Name == "" {
			t.Errorf("%s: kept %v, as its bytes %v, named %q", file, ok, string(p.Raw) == string(raw), p.Name)
		}
	}
	if found, err := w.Verifier.Verify(t.Context(), rig.Tenant, run.BackupSetID); err != nil || !found.Sound() {
		t.Errorf("verifying finds %+v, %v", found, err)
	}
}

func TestAFolderOfRealExportsIsImportedByteForByte(t *testing.T) {
	checkFolder(t, filepath.Join(testenv.Data(t), "real-tenant"), 68)
}

func TestAFolderAndAZipOfItAreTheSameImport(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	folder := os.DirFS(filepath.Join("testdata", "intunemanagement"))
	run := w.bringFolder(folder)
	var list []entry
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(folder, name)
		list = append(list, entry{name: `Export 2026\` + strings.ReplaceAll(name, "/", `\`), content: raw}) // as Windows PowerShell does
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	zipped := w.bring(zipOf(t, list...))
	if run.Counts != zipped.Counts || run.Status != zipped.Status {
		t.Errorf("%s %+v of the folder, %s %+v of the zip", run.Status, run.Counts, zipped.Status, zipped.Counts)
	}
	if diff := cmp.Diff(held(t, w.Rig, run.BackupSetID), held(t, w.Rig, zipped.BackupSetID), equateEmpty); diff != "" {
		t.Errorf("policies (-folder +zip):\n%s", diff)
	}
}

// The folder has what IntuneManagement leaves in one; its files are written for this test.
func TestAnExportOfIntuneManagementBecomesASet(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	run := w.bringFolder(os.DirFS(filepath.Join("testdata", "intunemanagement")))
	var got []string
	for _, i := range w.Items(run.ID) {
		got = append(got, fmt.Sprintf("%s %s %s %s", i.PolicyType, i.PolicyID, i.Status, i.Reason))
	}
	want := []string{ // an item without an id of its own bears the name of its file
		"conditionalAccessPolicy c0000000-0000-4000-8000-000000000001 success ",
		"conditionalAccessPolicy ConditionalAccess/Copy of Require MFA.json failed conflict",
		"deviceConfiguration d0000000-0000-4000-8000-000000000001 success ",
		"endpointSecurityIntent e0000000-0000-4000-8000-000000000001 success ",
		"endpointSecurityIntent e0000000-0000-4000-8000-000000000002 failed incomplete_capture",
		"enrollmentRestriction f0000000-0000-4000-8000-000000000001_DefaultLimit success ",
		"groupPolicyConfiguration a0000000-0000-4000-8000-000000000001 success ",
		"groupPolicyConfiguration a0000000-0000-4000-8000-000000000002 success ",
		"settingsCatalogPolicy 80000000-0000-4000-8000-000000000001 failed incomplete_capture",
		"settingsCatalogPolicy SettingsCatalog/Not JSON.json failed invalid_payload",
		"softwareUpdateRing b0000000-0000-4000-8000-000000000001 success ",
		"targetedManagedAppConfiguration 90000000-0000-4000-8000-000000000001 success ",
		"unknown BulkExport.json skipped unsupported_type",
		"unknown Locations/Office.json failed unsupported_type",
		"windowsEnrollmentStatusPage f0000000-0000-4000-8000-000000000002_Windows10EnrollmentCompletionPageConfiguration success ",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("outcomes (-want +got):\n%s", diff)
	}
	have := held(t, w.Rig, run.BackupSetID)
	p := have["conditionalAccessPolicy/c0000000-0000-4000-8000-000000000001"]
	wantRefs := []graph.Reference{
		{Kind: "group", ID: "10000000-0000-4000-8000-000000000001", Name: "All sales", Rule: `(user.department -eq "Sales")`},
		{Kind: "user", ID: "20000000-0000-4000-8000-000000000001", Name: "Break Glass"},
	}
	if diff := cmp.Diff(wantRefs, p.References); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
	if p := have["groupPolicyConfiguration/a0000000-0000-4000-8000-000000000001"]; len(p.Parts) != 1 || p.Parts[0].Name != "definitionValues" || !strings.HasPrefix(string(p.Parts[0].Raw), "[") {
		t.Errorf("the template's parts are %s", p.Parts)
	}
	if p := have["groupPolicyConfiguration/a0000000-0000-4000-8000-000000000002"]; len(p.Parts) != 1 || string(p.Parts[0].Raw) != "[]" {
		t.Errorf("the empty template's parts are %s", p.Parts)
	}
	if p := have["endpointSecurityIntent/e0000000-0000-4000-8000-000000000001"]; len(p.Parts) != 1 || p.Parts[0].Name != "settings" || !strings.HasPrefix(string(p.Parts[0].Raw), "[") {
		t.Errorf("the intent's parts are %s", p.Parts)
	}
	if p := have["deviceConfiguration/d0000000-0000-4000-8000-000000000001"]; !slices.Equal(p.Warnings, []string{"secrets_masked"}) {
		t.Errorf("the warnings are %q", p.Warnings)
	}
	var summary transfer.ImportSummary
	if err := json.Unmarshal(run.Summary, &summary); err != nil || summary.IgnoredFiles != 5 || run.Counts.Total != len(want) {
		t.Errorf("the summary is %s, the counts %+v", run.Summary, run.Counts)
	}
}

// utf16Of writes a text as Windows PowerShell does.
func utf16Of(text string, big, mark bool) []byte {
	if mark {
		text = "\ufeff" + text
	}
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

func TestFilesMayBeInAnyUnicode(t *testing.T) {
	const text = `{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","id":"1","displayName":"Büro 😀"}`
	for name, tt := range map[string]struct {
		raw    []byte
		status runs.ItemStatus
	}{
		"UTF-8":                   {[]byte(text), runs.ItemSuccess},
		"with a byte order mark":  {[]byte("\ufeff" + text), runs.ItemSuccess},
		"UTF-16":                  {utf16Of(text, false, true), runs.ItemSuccess},
		"big-endian":              {utf16Of(text, true, true), runs.ItemSuccess},
		"without a mark":          {utf16Of(text, false, false), runs.ItemSuccess},
		"big-endian without mark": {utf16Of(text, true, false), runs.ItemSuccess},
		"half a character":        {utf16Of(text, false, true)[:len(text)], runs.ItemFailed},
		"half a unit":             {append(utf16Of(text, false, true), 0), runs.ItemFailed},
		"a lone surrogate":        {append([]byte("\xff\xfe"), strings.ReplaceAll(string(utf16Of(text, false, false)), "\x3d\xd8\x00\xde", "\x3d\xd8x\x00")...), runs.ItemFailed},
		"a code page":             {[]byte(strings.ReplaceAll(text, "ü", "\xfc")), runs.ItemFailed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rig.Options{Policies: -1}, nil)
			run := w.bringFolder(fstest.MapFS{"ConditionalAccess/x.json": {Data: tt.raw}})
			items := w.Items(run.ID)
			if len(items) != 1 || items[0].Status != tt.status || tt.status == runs.ItemSuccess && items[0].Name != "Büro 😀" {
				t.Errorf("the run ended %s with %+v", run.Status, items)
			}
		})
	}
}

func TestAnObjectWithoutEndIsNoPolicy(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, `,"%d":0`, i)
	}
	run := w.bringFolder(fstest.MapFS{"ConditionalAccess/x.json": {Data: []byte(`{"id":"1"` + b.String() + `}`)}})
	if items := w.Items(run.ID); run.Status != runs.StatusFailed || len(items) != 1 || items[0].Reason != runs.ReasonInvalidPayload {
		t.Errorf("the run ended %s with %+v", run.Status, items)
	}
}

func TestAFolderIsReadWithinLimits(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, func(_ *transfer.ImporterConfig, u *transfer.UploaderConfig) { u.Limits = small })
	files := func(n, size int) fs.FS {
		folder := fstest.MapFS{}
		for i := range n {
			folder[path.Join("x", fmt.Sprintf("%d.json", i))] = &fstest.MapFile{Data: make([]byte, size)}
		}
		return folder
	}
	for name, tt := range map[string]struct {
		folder fs.FS
		code   string
	}{
		"many files":       {files(61, 1), "file_too_large"},
		"a large file":     {files(1, 4<<20), "file_too_large"},
		"large files":      {files(5, 2<<20), "file_too_large"},
		"nothing to read":  {fstest.MapFS{"x.png": {}, ".git/x.json": {}}, "file_empty"},
		"links and others": {fstest.MapFS{"x.json": {Mode: fs.ModeSymlink}}, "file_empty"},
	} {
		_, err := w.up.ReceiveFS(t.Context(), rig.Tenant, rig.Owner, tt.folder)
		if !refusedAs(err, tt.code) || len(w.uploads()) != 0 {
			t.Errorf("%s: %v, and %d uploads", name, err, len(w.uploads()))
		}
	}
}

// The file has more chunks than an import holds at once, and entries across their bounds.
func TestALargeFileIsReadInPieces(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	random := rand.NewChaCha8([32]byte{1})
	folder := fstest.MapFS{}
	for i := range 12 {
		noise := make([]byte, 600<<10)
		_, _ = random.Read(noise)
		folder[fmt.Sprintf("ConditionalAccess/%d.json", i)] = &fstest.MapFile{
			Data: fmt.Appendf(nil, `{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","id":"%d","displayName":"A","description":"%s"}`, i, base64.StdEncoding.EncodeToString(noise)),
		}
	}
	run := w.bringFolder(folder)
	have := held(t, w.Rig, run.BackupSetID)
	if run.Status != runs.StatusSuccess || len(have) != len(folder) {
		t.Fatalf("the run ended %s with %d policies", run.Status, len(have))
	}
	for name, f := range folder {
		if id := strings.TrimSuffix(path.Base(name), ".json"); string(have["conditionalAccessPolicy/"+id].Raw) != string(f.Data) {
			t.Errorf("%s came back with other bytes", name)
		}
	}
}
