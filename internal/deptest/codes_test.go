package deptest

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// codeName is how constants are called whose values programs compare.
var codeName = regexp.MustCompile(`^([cC]ode|[rR]eason|[wW]arning|problem)[A-Z]`)

// codeForm is what a code looks like; other texts that are called code are statuses or Graph's.
var codeForm = regexp.MustCompile(`^(<[a-z]+>_)?([a-z][a-z0-9]*(_[a-z0-9]+)*|[A-Z][A-Z0-9]*(_[A-Z0-9]+)*)$`)

// foundCode is a code in the source. Made of its field and an ending, it is "<field>_ending".
type foundCode struct {
	code, field string // field "" where none stands beside it
	pos         token.Pos
}

// codesOf finds what is called a code: constants, the key Code of a composite literal, variables
// and results called code, and what stands where a function of this module has a parameter of that
// name. Graph's own codes are not ours to list.
func codesOf(tr tree) (found []foundCode) {
	parameters := codeParameters(tr)
	for _, s := range tr.sources {
		if s.test || internalDir(s.dir) || strings.HasSuffix(s.dir, "test") {
			continue
		}
		graphs := under(s.dir, "graph")
		add := func(x, field ast.Expr) {
			code, ok := codeText(x)
			if f, _ := codeText(field); ok && codeForm.MatchString(code) {
				found = append(found, foundCode{code, f, x.Pos()})
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if n, ok := n.(*ast.ValueSpec); ok {
				for i, name := range n.Names {
					if i < len(n.Values) && (codeName.MatchString(name.Name) || name.Name == "code") {
						add(n.Values[i], nil)
					}
				}
				return true
			}
			if graphs {
				return true
			}
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if name, ok := left.(*ast.Ident); ok && name.Name == "code" && len(n.Lhs) == len(n.Rhs) {
						add(n.Rhs[i], nil)
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, "code") {
					add(n.Value, nil)
				}
			case *ast.FuncDecl:
				codeResults(n, add)
			case *ast.CallExpr:
				if i, of := parameters.of(s, n); of && i < len(n.Args) {
					var field ast.Expr
					if i > 0 {
						field = n.Args[i-1]
					}
					add(n.Args[i], field)
				}
			}
			return true
		})
	}
	return found
}

// codeText is the text of a literal, or "<field>_ending" of a name and a literal.
func codeText(x ast.Expr) (string, bool) {
	switch x := x.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(x.Value)
		return text, err == nil && x.Kind == token.STRING
	case *ast.BinaryExpr:
		ending, ok := codeText(x.Y)
		return "<field>" + ending, ok && x.Op == token.ADD && strings.HasPrefix(ending, "_")
	}
	return "", false
}

// codeResults finds the codes that a function with a result called code returns.
func codeResults(f *ast.FuncDecl, add func(code, field ast.Expr)) {
	if f.Type.Results == nil || f.Body == nil {
		return
	}
	at := place(f.Type.Results)
	if at < 0 {
		return
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			if at < len(n.Results) {
				add(n.Results[at], nil)
			}
		}
		return true
	})
}

// place is the position of what is called code in a list, -1 for none.
func place(list *ast.FieldList) int {
	i := 0
	for _, field := range list.List {
		for _, name := range field.Names {
			if name.Name == "code" {
				return i
			}
			i++
		}
		if len(field.Names) == 0 {
			i++
		}
	}
	return -1
}

// parameters are the places of codes in calls, by "dir.function" and by ".method/arguments".
type parameters map[string]int

func codeParameters(tr tree) parameters {
	all := parameters{}
	for _, s := range tr.sources {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || s.test {
				continue
			}
			i := place(f.Type.Params)
			switch {
			case i < 0:
			case f.Recv != nil:
				all[fmt.Sprintf(".%s/%d", f.Name.Name, f.Type.Params.NumFields())] = i
			default:
				all[s.dir+"."+f.Name.Name] = i
			}
		}
	}
	return all
}

// of tells at which place of a call a code stands.
func (p parameters) of(s source, call *ast.CallExpr) (int, bool) {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		i, ok := p[s.dir+"."+f.Name]
		return i, ok
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			for _, imported := range s.imports() {
				if dir, ours := own(imported); ours && path.Base(imported) == x.Name {
					i, ok := p[dir+"."+f.Sel.Name]
					return i, ok
				}
			}
		}
		i, ok := p[fmt.Sprintf(".%s/%d", f.Sel.Name, len(call.Args))]
		return i, ok
	}
	return 0, false
}

// listedCodes are the codes in the first column of the tables of a text, and in its paragraph about
// what stores refuse.
func listedCodes(text string) map[string]bool {
	all := map[string]bool{}
	quoted := regexp.MustCompile("`([^`]+)`")
	sentinels := false
	for _, part := range strings.Split(text, "\n\n") {
		rows := strings.HasPrefix(part, "| ")
		sentinels = strings.HasPrefix(part, "| error |")
		if sentinels || !rows && !strings.HasPrefix(part, "Stores refuse") {
			continue
		}
		for line := range strings.Lines(part) {
			if rows {
				line, _, _ = strings.Cut(strings.TrimPrefix(line, "| "), " |")
			}
			for _, m := range quoted.FindAllStringSubmatch(line, -1) {
				all[m[1]] = true
			}
		}
	}
	return all
}

// codeExceptions are codes that stand on one side only, with the reason.
var codeExceptions = map[string]string{
	"created_for_all": "in the source: a word of the pages for a warning, which nobody gets",
	"access_stays":    "in the source: a word of the pages for a warning, which nobody gets",
	"license_missing": "in the list, which only grows: for executors of hosts",
}

// listed returns the rule that the codes in a text are those in the source, elsewhere are codes
// that another text lists.
func listed(text string, elsewhere map[string]bool) rule {
	return func(tr tree) (findings []string) {
		list := listedCodes(text)
		known := maps.Clone(list)
		maps.Copy(known, elsewhere)
		used := map[string]bool{}
		for _, c := range codesOf(tr) {
			name := c.code
			if ending, ok := strings.CutPrefix(c.code, c.field+"_"); ok && c.field != "" && !known[c.code] {
				name = "<field>_" + ending
			}
			if ending, ok := strings.CutPrefix(name, "<field>"); ok && !known[name] {
				name = "<parameter>" + ending
			}
			if used[name] = true; !known[name] && codeExceptions[name] == "" {
				findings = append(findings, fmt.Sprintf("%s: %s is not listed in docs/errors.md", tr.at(c.pos), c.code))
			}
		}
		for _, code := range slices.Sorted(maps.Keys(list)) {
			if !used[code] && codeExceptions[code] == "" {
				findings = append(findings, code+" is listed in docs/errors.md and nowhere in the source")
			}
		}
		return findings
	}
}

func TestTheCodesOfTheDocumentsAreThoseOfTheSource(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	_, ready, _ := strings.Cut(read("operations.md"), "\n## /readyz\n")
	holds(t, listed(read("errors.md"), listedCodes(ready)))
}

func TestTheCodesOfTheDocumentsCatches(t *testing.T) {
	const text = "| code | x |\n|---|---|\n| `KNOWN` | x `inMeaning` |\n| `known`, `too` | x |\n| `<parameter>_length` | x |\n\n" +
		"Stores refuse `stored`,\n`kept`.\n\nProse `PROSE`.\n\n| error | x |\n|---|---|\n| `ErrX` | x |\n"
	const all = "package runs\nconst CodeKnown Code = \"KNOWN\"\nfunc Invalid(field, code, message string) {}\nfunc (e *E) Add(field, code, message string) {}\n" +
		"func conflict(code string) {}\nfunc f(field string) {\nInvalid(field, \"known\", \"x\")\nInvalid(field, \"too\", \"x\")\n" +
		"Invalid(field, field+\"_length\", \"x\")\nconflict(\"stored\")\nconflict(\"kept\")\n}\n"
	with := func(more string) map[string]string {
		return map[string]string{"runs/a.go": all, "runs/b.go": "package runs\n" + more}
	}
	from := func(text string) map[string]string {
		return map[string]string{"runs/a.go": all, "cmd/x/b.go": "package main\nimport \"" + module + "/runs\"\n" + text}
	}
	catches(t, listed(text, map[string]bool{"elsewhere": true}), []breach{
		{"nothing", with(""), nil},
		{"a typed constant", with("const CodeNew Code = \"NEW\""), []string{"runs/b.go:2: NEW"}},
		{"a reason", with("const ReasonNew Reason = \"new\""), []string{"new is not"}},
		{"a field code", with("const codeNew = \"new\""), []string{"new is not"}},
		{"a problem", with("const problemNew = \"new\""), []string{"new is not"}},
		{"a literal", with("var x = FieldError{Field: \"f\", Code: \"new\"}"), []string{"new is not"}},
		{"a call", with("func g() { Invalid(\"f\", \"new\", \"x\") }"), []string{"new is not"}},
		{"a call of a method", with("func g(e *E) { e.Add(\"f\", \"new\", \"x\") }"), []string{"new is not"}},
		{"a call of another package", from("func g() { runs.Invalid(\"f\", \"new\", \"x\") }"), []string{"cmd/x/b.go:3: new"}},
		{"a method in another package", from("func g(e runs.E) { e.Add(\"f\", \"new\", \"x\") }"), []string{"cmd/x/b.go:3: new"}},
		{"a variable", with("func g() { code := \"new\"; _ = code }"), []string{"new is not"}},
		{"a result", with("func g() (code, message string) { return \"new\", \"x\" }"), []string{"new is not"}},
		{"an ending of a parameter", with("func g() { Invalid(\"f\", \"f_length\", \"x\") }"), nil},
		{"an ending of another", with("func g() { Invalid(\"f\", \"g_length\", \"x\") }"), []string{"g_length is not"}},
		{"an ending that is new", with("func g(f string) { Invalid(f, f+\"_new\", \"x\") }"), []string{"<field>_new is not"}},
		{"listed elsewhere", with("const CodeX = \"elsewhere\""), nil},
		{"in prose only", with("const CodeProse Code = \"PROSE\""), []string{"PROSE is not"}},
		{"in a meaning only", with("const CodeX = \"in_meaning\""), []string{"in_meaning is not"}},
		{"a beginning only", with("const CodeKnow Code = \"KNOW\""), []string{"KNOW is not"}},
		{"something else", with("const codec = \"x\"\nfunc g(e *E) { const reason = \"x\"; e.Add(\"x\", 1); other(\"a\", \"b\", \"c\") }"), nil},
		{"Graph's codes", map[string]string{"runs/a.go": all, "graph/graphtest/b.go": "package graphtest\nvar x = Error{Code: \"too_many\"}"}, nil},
		{"of nobody any more", map[string]string{"runs/a.go": strings.Replace(all, "conflict(\"kept\")\n", "", 1)}, []string{"kept is listed"}},
		{"an ending of nobody", map[string]string{"runs/a.go": strings.Replace(all, "field+\"_length\"", "\"too\"", 1)}, []string{"<parameter>_length is listed"}},
	})
}
