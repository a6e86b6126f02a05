package pages

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
)

// constants are the values of the constants of a type in a file of the module.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typ {
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok {
					s, _ := strconv.Unquote(lit.Value)
					list = append(list, s)
				}
			}
		}
		return true
	})
	if len(list) < 5 {
		t.Fatalf("%s: only %d constants of type %s", file, len(list), typ)
	}
	return list
}

// documented are the codes in the first column of a table of docs/errors.md.
func documented(t *testing.T, heading string) []string {
	t.Helper()
	doc, err := os.ReadFile("../../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(doc), "\n## "+heading+"\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var list []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` ").FindAllStringSubmatch(table, -1) {
		list = append(list, m[1])
	}
	if !found || len(list) < 5 {
		t.Fatalf("docs/errors.md has %d codes below %q", len(list), heading)
	}
	return list
}

func TestEveryCodeHasWords(t *testing.T) {
	for _, c := range constants(t, "../../../runs/code.go", "Code") {
		if a := codeAdvice[runs.Code(c)]; a.What == "" || a.Do == "" {
			t.Errorf("%s has no words", c)
		}
	}
	for _, r := range append(constants(t, "../../../runs/code.go", "Reason"), documented(t, "Item reason codes")...) {
		if reasons[runs.Reason(r)] == "" {
			t.Errorf("%s has no words", r)
		}
	}
	for _, r := range documented(t, "Retention reasons") {
		if retentionReasons[r] == "" {
			t.Errorf("%s has no words", r)
		}
	}
}

func TestEveryAuditActionHasWords(t *testing.T) {
	source, err := os.ReadFile("../../../runs/audit_actions_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(source), "want := []string{\n\t\t\"access.denied\"")
	list, _, _ = strings.Cut(`"access.denied"`+list, "\n\t}")
	found := regexp.MustCompile(`"([a-z_]+\.[a-z_]+)"`).FindAllStringSubmatch(list, -1)
	if len(found) < 20 {
		t.Fatalf("only %d actions are known", len(found))
	}
	for _, m := range found {
		if auditWords[m[1]] == "" {
			t.Errorf("%s has no words", m[1])
		}
	}
}

func TestEntriesOfTheSameActionAreToldApart(t *testing.T) {
	person := runs.Actor{ID: "olivia"}
	said := map[string]bool{}
	for _, e := range []runs.AuditEntry{
		{Action: "run.started", Actor: person, Outcome: "queued"},
		{Action: "run.started", Actor: runs.SystemActor, Outcome: "running", Details: map[string]string{"attempt": "1"}},
		{Action: "run.started", Actor: runs.SystemActor, Outcome: "running", Details: map[string]string{"attempt": "2"}},
		{Action: "run.retried", Actor: person, Outcome: "queued"},
		{Action: "run.retried", Actor: runs.SystemActor, Outcome: "queued", Details: map[string]string{"attempt": "1", "code": "GRAPH_THROTTLED"}},
		{Action: "run.retried", Actor: runs.SystemActor, Outcome: "queued", Details: map[string]string{"attempt": "1"}},
		{Action: "run.canceled", Actor: person, Outcome: "running"},
		{Action: "run.canceled", Actor: person, Outcome: "canceled"},
	} {
		words := runEntryWords(e)
		if said[words] {
			t.Errorf("%+v: two things are %q", e, words)
		}
		said[words] = true
	}
}

func TestTheTableOfRightsHasEveryAction(t *testing.T) {
	listed := map[runs.Action]bool{}
	for _, g := range rightTable {
		for _, r := range g.rights {
			listed[r.action] = true
		}
	}
	for _, a := range constants(t, "../../../runs/authorize.go", "Action") {
		if !listed[runs.Action(a)] {
			t.Errorf("%s is not in the table", a)
		}
	}
	for _, k := range runKinds {
		if !listed[runs.StartAction(k)] {
			t.Errorf("starting %s is not in the table", k)
		}
	}
	if kinds := constants(t, "../../../runs/kind.go", "Kind"); len(kinds) != len(runKinds) {
		t.Errorf("the filter offers %d kinds of runs, there are %d", len(runKinds), len(kinds))
	}
}
