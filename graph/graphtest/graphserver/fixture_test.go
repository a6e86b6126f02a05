package graphserver_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

const tenant graph.TenantID = "72f988bf-0000-4000-8000-2d7cd011db47"

// world is a server with a tenant of policies behind it, and a way to ask it.
type world struct {
	t      testing.TB
	graph  *graphtest.Graph
	server *graphserver.Server
	token  string

	// sees is shown every exchange, when it is set.
	sees func(method, target, body string, r reply)
}

// with is a world of 60 policies.
func with(t testing.TB, gc graphtest.Config, sc graphserver.Config) *world {
	t.Helper()
	g, err := graphtest.New(gc)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.AddTenant(tenant, graphtest.TenantConfig{Seed: 1, Policies: 120}); err != nil {
		t.Fatal(err)
	}
	s, err := graphserver.New(g, sc)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, graph: g, server: s, token: graphserver.Token(tenant, graphserver.TokenOptions{})}
}

// in is the world for a part of a test.
func (w *world) in(t testing.TB) *world {
	inner := *w
	inner.t = t
	return &inner
}

// reply is what a request came back with.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request to graph.test and returns what comes back. Pairs of header and value
// may follow the body.
func (w *world) ask(method, target, body string, headers ...string) reply {
	w.t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = "http://graph.test" + target
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	if !served(w.server, rec, r) {
		return reply{header: http.Header{}}
	}
	out := reply{rec.Code, rec.Header(), rec.Body.Bytes()}
	if w.sees != nil {
		w.sees(method, target, body, out)
	}
	return out
}

// served is false when the server has broken the connection off.
func served(h http.Handler, w http.ResponseWriter, r *http.Request) (whole bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			whole = false
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return true
}

// brief is the body as far as a message can hold it.
func (r reply) brief() string { return string(r.body[:min(len(r.body), 300)]) }

// get asks with full metadata and wants a 200.
func (w *world) get(target string, headers ...string) map[string]json.RawMessage {
	w.t.Helper()
	r := w.ask("GET", target, "", append([]string{"Accept", "application/json;odata.metadata=full"}, headers...)...)
	if r.status != http.StatusOK {
		w.t.Fatalf("GET %s: %d %s", target, r.status, r.brief())
	}
	return decode(w.t, r.body)
}

// all follows the links of a collection to its end and returns the rows of every page.
func (w *world) all(target string, headers ...string) (pages [][]json.RawMessage) {
	w.t.Helper()
	for target != "" {
		answer := w.get(target, headers...)
		var rows []json.RawMessage
		if err := json.Unmarshal(answer["value"], &rows); err != nil {
			w.t.Fatalf("%s: value: %v", target, err)
		}
		pages = append(pages, rows)
		target = text(answer["@odata.nextLink"])
		if len(pages) > 200 {
			w.t.Fatal("the pages have no end")
		}
	}
	return pages
}

// wantError wants an error answer in Graph's form, and returns its code and message.
func (r reply) wantError(t testing.TB, status int) (code, message string) {
	t.Helper()
	var e struct {
		Error struct {
			Code, Message string
			InnerError    map[string]string
		}
	}
	if r.status != status || json.Unmarshal(r.body, &e) != nil || e.Error.Code == "" || e.Error.InnerError["request-id"] == "" {
		t.Fatalf("got %d %s, want an error of status %d with code and request-id", r.status, r.brief(), status)
	}
	return e.Error.Code, e.Error.Message
}

func decode(t testing.TB, doc []byte) map[string]json.RawMessage {
	t.Helper()
	var out map[string]json.RawMessage
	if err := json.Unmarshal(doc, &out); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return out
}

func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

func flat(pages [][]json.RawMessage) []json.RawMessage {
	rows := []json.RawMessage{}
	for _, p := range pages {
		rows = append(rows, p...)
	}
	return rows
}

// idsOf are the ids of rows.
func idsOf(t testing.TB, rows []json.RawMessage) []string {
	t.Helper()
	var out []string
	for _, row := range rows {
		out = append(out, text(decode(t, row)["id"]))
	}
	return out
}

// stored are the objects of types that the Graph holds, by id.
func (w *world) stored(types ...graph.PolicyType) map[string]graph.Policy {
	out := map[string]graph.Policy{}
	for key, p := range w.graph.Snapshot(tenant) {
		for _, t := range types {
			if key.Type == t {
				out[key.ID] = p
			}
		}
	}
	return out
}

// rows are the objects of a type in the order of listings.
func (w *world) rows(t graph.PolicyType) (out []graph.Policy) {
	w.t.Helper()
	rows, err := w.graph.Rows(tenant, t)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range rows {
		out = append(out, r.Policy)
	}
	return out
}

// one is an object of a type with which ok is content.
func (w *world) one(t graph.PolicyType, ok func(graph.Policy) bool) graph.Policy {
	w.t.Helper()
	for _, p := range w.rows(t) {
		if ok == nil || ok(p) {
			return p
		}
	}
	w.t.Fatalf("the tenant has no %s for this test", t)
	return graph.Policy{}
}

func part(p graph.Policy, name string) json.RawMessage {
	for _, beside := range p.Parts {
		if beside.Name == name {
			return beside.Raw
		}
	}
	return nil
}

func compact(t testing.TB, doc []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, doc); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return b.String()
}

func count(t testing.TB, list json.RawMessage) int {
	t.Helper()
	var all []json.RawMessage
	if err := json.Unmarshal(list, &all); err != nil {
		t.Fatalf("%v in %s", err, list)
	}
	return len(all)
}

// askRaw asks with a URL that a client library would not make.
func (w *world) askRaw(target, accept string) reply {
	w.t.Helper()
	r := httptest.NewRequest("GET", "http://graph.test/", nil)
	path, query, _ := strings.Cut(target, "?")
	if u, err := url.Parse(target); err == nil {
		r.URL = u
	} else {
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery = path, path, query
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Accept", accept)
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, r)
	return reply{rec.Code, rec.Header(), rec.Body.Bytes()}
}
