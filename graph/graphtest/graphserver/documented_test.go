package graphserver_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// notServed are documented collections that no policy type needs.
var notServed = regexp.MustCompile(`/(groupAssignments|templates|intents/x/categories)(/|$)`)

// TestPathsAreThoseThatMicrosoftDocuments asks for every collection of Microsoft's OpenAPI
// document, and for every part of an object, at both versions.
func TestPathsAreThoseThatMicrosoftDocuments(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(testenv.Data(t), "graph-openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	id := regexp.MustCompile(`\{[^}]*\}`)
	for path, methods := range doc.Paths {
		if n := strings.Count(path, "{"); methods["get"] != nil && n <= 1 && !strings.HasSuffix(path, "}") {
			documented[id.ReplaceAllString(path, "x")] = true
		}
	}
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for _, info := range graph.Catalog.All() {
		if info.Capturable() {
			w.put(graph.Policy{Type: info.Key, ID: "x", Raw: []byte(`{"id":"x"}`)})
		}
	}
	checked := 0
	for path := range documented {
		version, rest, _ := strings.Cut(path[1:], "/")
		if notServed.MatchString(path) {
			continue
		}
		for _, v := range []string{"beta", "v1.0"} {
			want := 404
			if v == version || documented["/"+v+"/"+rest] {
				want = 200
			}
			r := w.ask("GET", "/"+v+"/"+typed(w, rest), "")
			if r.status != want {
				t.Errorf("/%s/%s: %d %s, documented as %d", v, rest, r.status, r.brief(), want)
			}
			checked++
		}
	}
	if checked < 150 {
		t.Errorf("only %d paths were looked at", checked)
	}
}

// typed puts an object of the type that a collection is for where the path has x.
func typed(w *world, path string) string {
	collection, part, ok := strings.Cut(path, "/x")
	if !ok {
		return path
	}
	kind := "#microsoft.graph." + strings.TrimSuffix(collection[strings.LastIndexByte(collection, '/')+1:], "s")
	kind = strings.Replace(kind, "Policie", "Policy", 1)
	if strings.HasSuffix(kind, "AppProtection") || strings.HasSuffix(kind, "InformationProtectionPolicy") {
		w.put(graph.Policy{Type: "appProtectionPolicy", ID: "of" + kind[17:], ODataType: kind, Raw: []byte(`{"id":"of` + kind[17:] + `","@odata.type":"` + kind + `"}`)})
		return collection + "/of" + kind[17:] + part
	}
	return path
}

func (w *world) put(p graph.Policy) {
	w.t.Helper()
	if err := w.graph.Put(tenant, p); err != nil {
		w.t.Fatal(err)
	}
}
