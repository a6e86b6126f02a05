package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// row is one (route, action) of the table of answers.
type row struct {
	operation string
	variant   string // a bulk action, or what the row is about; "" for the plain route

	// object makes what the request is about, in the tenant and on behalf of the caller,
	// and returns its id. Nil for routes without an id.
	object func(w *world, tenant graph.TenantID, caller runs.Actor) runs.ID
	// deleted makes one that is deleted; nil where nothing is ever deleted.
	deleted func(w *world, tenant graph.TenantID) runs.ID
	// request returns query and body for an id; nil for none. The path's id is the same,
	// or base when there is one.
	request func(id runs.ID) (query, body string)
	base    func(w *world) runs.ID
	// perCaller tells that the object depends on who asks.
	perCaller bool
}

// column is one kind of caller, or of id.
type column struct {
	name  string
	token string
	id    string // "own", "foreign", "unknown", "malformed", "deleted"
	path  string // of the tenant
}

const noSuchID = "0198d1c2-0000-7000-8000-00000000dead"

var columns = []column{
	{"no token", "", "own", "contoso"},
	{"stranger", strangerToken, "own", "contoso"},
	{"readonly", token(runs.RoleReadonly, contoso), "own", "contoso"},
	{"operator", token(runs.RoleOperator, contoso), "own", "contoso"},
	{"manager", token(runs.RoleManager, contoso), "own", "contoso"},
	{"owner", token(runs.RoleOwner, contoso), "own", "contoso"},
	{"other owner", token(runs.RoleOwner, fabrikam), "own", "contoso"},
	{"no such tenant", token(runs.RoleOwner, contoso), "own", "nowhere"},
	{"foreign id", bothToken, "foreign", "contoso"},
	{"unknown id", bothToken, "unknown", "contoso"},
	{"malformed id", bothToken, "malformed", "contoso"},
	{"deleted id", bothToken, "deleted", "contoso"},
}

// TestMatrix asks every route, and every action of a bulk route, as every kind of caller.
// The table is testdata/matrix.golden; -update writes it, so that a change of it shows up
// in review. A route of the document without a row fails.
//
// Then everybody asks again with a query and bodies of nonsense: who may not act is told so
// before anything of the request is looked at, so the refusal is that of the table, and only
// the others are told what is wrong.
func TestMatrix(t *testing.T) {
	w := newWorld(t, func(cfg *Config) { cfg.MaxBody, cfg.MaxImport = 2000, 2000 })
	rows := matrixRows()
	coversDocument(t, w.document, rows)

	var table strings.Builder
	out := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "operation")
	for _, c := range columns {
		fmt.Fprint(out, "\t", c.name)
	}
	fmt.Fprintln(out)
	for _, r := range rows {
		fmt.Fprint(out, strings.TrimSpace(r.operation+" "+r.variant))
		refusals := map[string]string{}
		var spare runs.ID // the object of a request that was refused
		for _, c := range columns {
			cell, refusal := w.cell(r, c, &spare)
			w.nonsense(r, c, cell)
			fmt.Fprint(out, "\t", cell)
			if refusal != "" {
				refusals[c.name] = refusal
			}
		}
		fmt.Fprintln(out)
		w.drop()
		// Whoever is refused learns nothing, so all refusals are the same byte for byte, and
		// another tenant's id is answered as one that nobody has. (As a source tenant, the other
		// one is the caller's own.)
		foreign := refusals["foreign id"]
		if refusals["unknown id"] != foreign && r.variant != "source_tenant" {
			t.Errorf("%s %s: an unknown id is not answered as a foreign one:\n%s%s", r.operation, r.variant, refusals["unknown id"], foreign)
		}
		for name, refusal := range refusals {
			if refusal != foreign && strings.HasPrefix(foreign, "403") && strings.HasPrefix(refusal, "403") {
				t.Errorf("%s %s: the refusal of %q is not that of a foreign id:\n%s%s", r.operation, r.variant, name, refusal, foreign)
			}
		}
	}
	out.Flush()
	lines := strings.Split(table.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	golden(t, "matrix.golden", strings.Join(lines, "\n"))
}

// cell is what a caller gets: the status, for bulk calls with the code of the id. refusal
// is the whole answer when it is a 403, or a 422 to an id.
func (w *world) cell(r row, c column, spare *runs.ID) (cell, refusal string) {
	w.t.Helper()
	var id runs.ID
	switch {
	case r.object == nil && c.id != "own", c.id == "deleted" && r.deleted == nil:
		return "-", ""
	case c.id == "foreign":
		id = r.object(w, fabrikam, runs.Actor{ID: "owner-both"})
	case c.id == "unknown":
		id = noSuchID
	case c.id == "malformed":
		id = "not-an-id"
	case c.id == "deleted":
		id = r.deleted(w, contoso)
	case *spare != "" && !r.perCaller:
		id = *spare
	case r.object != nil:
		caller, _ := principal(&http.Request{Header: http.Header{"Authorization": {"Bearer " + c.token}}})
		id = r.object(w, contoso, caller)
	}
	op := w.operation(r.operation)
	pathID, query, body := id, "", ""
	if r.request != nil {
		query, body = r.request(id)
	}
	if r.base != nil {
		pathID = r.base(w)
	}
	path := strings.NewReplacer("{tenant}", c.path, "{id}", string(pathID)).Replace(op.path) + query
	got := w.do(c.token, op.method, path, body)
	if got.status == http.StatusUnauthorized || got.status == http.StatusForbidden {
		if c.id == "own" {
			*spare = id
		}
	} else {
		*spare = ""
		w.drop()
	}
	cell = fmt.Sprint(got.status)
	if r.operation == "bulk-schedules" && got.status == http.StatusOK {
		var list BulkResults
		w.must(json.Unmarshal([]byte(got.body), &list))
		cell += " " + given(list.Results[0].Code, "ok")
	}
	if got.status == http.StatusForbidden || c.id != "own" && got.status == http.StatusUnprocessableEntity {
		refusal = fmt.Sprint(got.status, " ", got.header, "\n", got.body)
	}
	return cell, refusal
}

func (w *world) operation(id string) operation {
	w.t.Helper()
	ops := w.document.list
	i := slices.IndexFunc(ops, func(op operation) bool { return op.ID == id })
	if i < 0 {
		w.t.Fatalf("the document has no operation %s", id)
	}
	return ops[i]
}

// coversDocument fails for an operation without a row, for a row without an operation and
// for a bulk action without a row.
func coversDocument(t *testing.T, d document, rows []row) {
	t.Helper()
	for _, e := range uncovered(d, rows) {
		t.Error(e)
	}
}

func uncovered(d document, rows []row) (errs []string) {
	has := func(operation, variant string) bool {
		return slices.ContainsFunc(rows, func(r row) bool { return r.operation == operation && (variant == "" || r.variant == variant) })
	}
	known := map[string]bool{}
	for _, op := range d.list {
		known[op.ID] = true
		if !has(op.ID, "") {
			errs = append(errs, "no row for operation "+op.ID)
		}
		for _, p := range op.Parameters { // an id in a query is looked up like one in a path
			if p.In == "query" && p.Schema.Format == "uuid" && !has(op.ID, p.Name) {
				errs = append(errs, fmt.Sprintf("no row for operation %s with parameter %s", op.ID, p.Name))
			}
		}
		if op.RequestBody == nil {
			continue
		}
		body := d.Components.Schemas[strings.TrimPrefix(op.RequestBody.Content["application/json"].Schema.Ref, "#/components/schemas/")]
		for _, action := range body.Properties["action"].Enum {
			if !has(op.ID, action.(string)) {
				errs = append(errs, fmt.Sprintf("no row for operation %s with action %s", op.ID, action))
			}
		}
		for field := range body.Properties { // and so is one in a body
			names := strings.HasSuffix(field, "_id") || strings.HasSuffix(field, "_ids") || strings.HasSuffix(field, "tenant")
			if names && !has(op.ID, field) {
				errs = append(errs, fmt.Sprintf("no row for operation %s with field %s", op.ID, field))
			}
		}
	}
	for _, r := range rows {
		if !known[r.operation] {
			errs = append(errs, "no operation "+r.operation)
		}
	}
	return errs
}

// Leaving out any row is noticed.
func TestMatrixNoticesMissingRows(t *testing.T) {
	w := newWorld(t)
	rows := matrixRows()
	for i, r := range rows {
		if len(uncovered(w.document, slices.Delete(slices.Clone(rows), i, i+1))) == 0 && !extraRow(rows, r) {
			t.Errorf("nobody misses the row %s %s", r.operation, r.variant)
		}
	}
	if len(uncovered(w.document, append(rows, row{operation: "no-such-operation"}))) == 0 {
		t.Error("a row without a route passes")
	}
}

// extraRow tells whether a row is a second look at a route that has one already.
func extraRow(rows []row, r row) bool {
	others := slices.ContainsFunc(rows, func(o row) bool { return o.operation == r.operation && o.variant != r.variant })
	return others && slices.Contains([]string{"", "own", "another's", "restore", "import", "secrets", "portal"}, r.variant)
}

// nonsense asks with what no route accepts.
func (w *world) nonsense(r row, c column, want string) {
	w.t.Helper()
	op := w.operation(r.operation)
	if !strings.Contains(op.path, "{tenant}") || r.variant != "" || c.id != "own" {
		return
	}
	path := strings.NewReplacer("{tenant}", c.path, "{id}", noSuchID).Replace(op.path)
	for _, bad := range []struct {
		name, query, body string
		status            int
	}{
		{"query", "?nonsense=1", "", http.StatusUnprocessableEntity},
		{"body", "", `{"nonsense":1}`, http.StatusUnprocessableEntity},
		{"large body", "", strings.Repeat(" ", 2001), http.StatusRequestEntityTooLarge},
	} {
		expected := fmt.Sprint(bad.status)
		switch {
		case want == "401", want == "403":
			expected = want
		case op.method == http.MethodGet && bad.query == "", r.operation == "import-backup-set" && bad.name == "body":
			continue // it has no body, or any may be a file
		}
		if got := w.do(c.token, op.method, path+bad.query, bad.body); fmt.Sprint(got.status) != expected {
			w.t.Errorf("%s as %s with a %s of nonsense: %d, want %s", r.operation, c.name, bad.name, got.status, expected)
		}
	}
}
