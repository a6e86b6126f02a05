package graphtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// The project's own export, with everything that tools do to JSON on its way to disk.
const export = "testdata/export"

func empty(t testing.TB) *graphtest.Graph {
	return withTenant(t, graphtest.Config{PageSize: 2}, graphtest.TenantConfig{})
}

// exportedFiles reads <policyType>/*.json below dir.
func exportedFiles(t testing.TB, dir string) map[graph.PolicyType][][]byte {
	t.Helper()
	out := map[graph.PolicyType][][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.EqualFold(filepath.Ext(path), ".json") {
			return err
		}
		raw, err := os.ReadFile(path)
		typ := graph.PolicyType(filepath.Base(filepath.Dir(path)))
		out[typ] = append(out[typ], raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkLoaded loads dir and compares what a client gets with the files, byte for byte.
// incomplete is the number of objects that announce more settings than they hold.
func checkLoaded(t *testing.T, dir string, incomplete int) {
	t.Helper()
	g := empty(t)
	n, err := g.LoadDir(tenant, dir)
	if err != nil {
		t.Fatal(err)
	}
	files, got := exportedFiles(t, dir), 0
	for typ, want := range files {
		info, _ := graph.Catalog.Lookup(typ)
		results, err := g.Get(context.Background(), tenant, typ, ids(list(t, g, typ)))
		if err != nil || len(results) != len(want) {
			t.Fatalf("%s: %d objects of %d files, %v", typ, len(results), len(want), err)
		}
		for i, r := range results {
			if graph.KindOf(r.Err) == graph.KindIncomplete {
				incomplete--
				continue
			}
			if r.Err != nil || !bytes.Equal(r.Policy.Raw, want[i]) {
				t.Errorf("%s %s: %v, or not the bytes of the file", typ, r.ID, r.Err)
				continue
			}
			var object map[string]any
			if err := json.Unmarshal(bytes.TrimPrefix(want[i], []byte("\ufeff")), &object); err != nil {
				t.Fatal(err)
			}
			if info.NameProperty != "" && (object["id"] != r.Policy.ID || object[info.NameProperty] != r.Policy.Name || r.Policy.Name == "") {
				t.Errorf("%s: id %q, name %q; the file says %v, %v", typ, r.Policy.ID, r.Policy.Name, object["id"], object[info.NameProperty])
			}
			if odata, _ := object["@odata.type"].(string); odata != r.Policy.ODataType {
				t.Errorf("%s: type %q, the file says %q", typ, r.Policy.ODataType, odata)
			}
		}
		got += len(results)
	}
	if got != n || n == 0 || incomplete != 0 {
		t.Errorf("LoadDir says %d, a client sees %d; %d objects fewer are incomplete than should be", n, got, incomplete)
	}
}

func TestLoadedFilesComeBackByteForByte(t *testing.T) { checkLoaded(t, export, 1) }

func TestRealExportsComeBackByteForByte(t *testing.T) {
	checkLoaded(t, filepath.Join(testenv.Data(t), "real-tenant"), 0)
}

// The promise above means nothing unless the fixtures have the noise in them.
func TestFixturesHoldTheNoiseOfExports(t *testing.T) {
	var all []byte
	for _, files := range exportedFiles(t, export) {
		all = append(all, bytes.Join(files, nil)...)
	}
	for what, text := range map[string]string{
		"byte order mark": "\ufeff{", "CRLF": "\r\n", "tabs": "\n\t\"", "escapes": `\u003c`, "escaped letters": `\u00fc`,
		"integer above 2^53": "90071992547409931", "exponent": "7.0e0", "navigation link": "@odata.navigationLink",
		"action": `"#microsoft.graph.assign"`, "annotation": "roleScopeTagIds@odata.type",
	} {
		if !bytes.Contains(all, []byte(text)) {
			t.Errorf("no fixture has %s; did something convert them?", what)
		}
	}
}

func checkChangeable(t *testing.T, dir string) {
	t.Helper()
	g := empty(t)
	if _, err := g.LoadDir(tenant, dir); err != nil {
		t.Fatal(err)
	}
	before := g.Snapshot(tenant)
	keys, err := g.Churn(tenant, 100, 1)
	if err != nil || len(keys) != len(before) {
		t.Fatalf("%d of %d changed, %v", len(keys), len(before), err)
	}
	for key, p := range g.Snapshot(tenant) {
		b := before[key].Raw
		if bytes.HasPrefix(b, []byte("\ufeff")) != bytes.HasPrefix(p.Raw, []byte("\ufeff")) ||
			bytes.Count(b, []byte("\r\n")) != bytes.Count(p.Raw, []byte("\r\n")) || bytes.Equal(b, p.Raw) {
			t.Errorf("%v: the noise changed, or nothing did", key)
		}
		if _, err := decode(bytes.TrimPrefix(p.Raw, []byte("\ufeff"))); err != nil {
			t.Errorf("%v: %v", key, err)
		}
	}
}

func TestLoadedPoliciesCanBeChangedAndKeepTheirNoise(t *testing.T) { checkChangeable(t, export) }

func TestRealExportsCanBeChangedAndKeepTheirNoise(t *testing.T) {
	checkChangeable(t, filepath.Join(testenv.Data(t), "real-tenant"))
}

func TestLoadRefusesWhatItCannotKeepAndNamesTheFile(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	good := file(`{"id":"1","displayName":"x"}`)
	for name, c := range map[string]struct {
		fsys fstest.MapFS
		want string
	}{
		"unknown folder":    {fstest.MapFS{"gadgets/a.json": good}, "gadgets"},
		"a view":            {fstest.MapFS{"endpointSecurityPolicy/a.json": good}, "settingsCatalogPolicy"},
		"look-up only":      {fstest.MapFS{"groupReference/a.json": good}, "groupReference"},
		"a folder too deep": {fstest.MapFS{"namedLocation/old/a.json": good}, "namedLocation/old"},
		"not JSON":          {fstest.MapFS{"namedLocation/a.json": file("no")}, "namedLocation/a.json"},
		"half":              {fstest.MapFS{"namedLocation/a.json": file(`{"id":"1"`)}, "namedLocation/a.json"},
		"two objects":       {fstest.MapFS{"namedLocation/a.json": file(`{"id":"1"}{"id":"2"}`)}, "namedLocation/a.json"},
		"an array":          {fstest.MapFS{"namedLocation/a.json": file(`[]`)}, "namedLocation/a.json"},
		"null":              {fstest.MapFS{"namedLocation/a.json": file(`null`)}, "namedLocation/a.json"},
		"empty":             {fstest.MapFS{"namedLocation/a.json": file(``)}, "namedLocation/a.json"},
		"two marks":         {fstest.MapFS{"namedLocation/a.json": file("\ufeff\ufeff{}")}, "namedLocation/a.json"},
		"no id":             {fstest.MapFS{"namedLocation/a.json": file(`{"displayName":"x"}`)}, "namedLocation/a.json"},
		"id of digits":      {fstest.MapFS{"namedLocation/a.json": file(`{"id":5}`)}, `namedLocation/a.json: property "id"`},
		"name of digits":    {fstest.MapFS{"namedLocation/a.json": file(`{"id":"5","displayName":5}`)}, `namedLocation/a.json: property "displayName"`},
		"an id twice":       {fstest.MapFS{"namedLocation/a.json": good, "namedLocation/b.json": good}, "namedLocation/b.json has the id 1 of namedLocation/a.json"},
		"an id of before":   {fstest.MapFS{"roleScopeTag/a.json": good}, "roleScopeTag/a.json"},
	} {
		t.Run(name, func(t *testing.T) {
			g := with(t, 10, graphtest.Config{})
			before := g.Snapshot(tenant)
			c.fsys["deviceCategory/z.json"] = good // fine, but nothing is loaded beside a mistake
			_, err := g.LoadFS(tenant, c.fsys)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
			if diff := cmp.Diff(before, g.Snapshot(tenant), sameBytes); diff != "" {
				t.Errorf("something was loaded:\n%s", diff)
			}
		})
	}
}

func TestLoadErrorsDoNotQuoteTheFile(t *testing.T) {
	g := empty(t)
	_, err := g.LoadFS(tenant, fstest.MapFS{"namedLocation/a.json": {Data: []byte(`{"id":"1","secret":hunter2}`)}})
	if err == nil || strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "'h'") {
		t.Errorf("got %v", err)
	}
}

func TestSameIDInTwoTypesIsTwoObjects(t *testing.T) {
	g := empty(t)
	good := &fstest.MapFile{Data: []byte(`{"id":"1","displayName":"x"}`)}
	if n, err := g.LoadFS(tenant, fstest.MapFS{"namedLocation/a.json": good, "deviceCategory/a.json": good}); n != 2 || err != nil {
		t.Errorf("loaded %d, %v", n, err)
	}
}

func TestLoadDirNeedsAFolderAndATenant(t *testing.T) {
	g := empty(t)
	for _, dir := range []string{"testdata/none", "doc.go"} {
		if _, err := g.LoadDir(tenant, dir); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("LoadDir %s: %v", dir, err)
		}
	}
	if _, err := g.LoadDir("nobody", export); err == nil {
		t.Error("loaded into no tenant")
	}
}
