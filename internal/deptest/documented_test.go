package deptest

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/token"
	"maps"
	"slices"
	"testing"
)

// documented checks that every package has a package comment and every exported name of
// a package that others import has a comment of its own, or shares its group's.
func documented(tr tree) (findings []string) {
	packages := map[string]bool{} // whether it has a comment
	for _, s := range tr.sources {
		if s.test {
			continue
		}
		packages[s.dir] = packages[s.dir] || s.file.Doc.Text() != ""
		if s.file.Name.Name == "main" || ast.IsGenerated(s.file) {
			continue
		}
		for _, d := range s.file.Decls {
			for _, bare := range undocumented(d) {
				findings = append(findings, fmt.Sprintf("%s: %s has no comment", tr.at(bare.Pos()), bare.Name))
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		if !packages[dir] {
			findings = append(findings, fmt.Sprintf("package %q has no package comment", dir))
		}
	}
	return findings
}

// undocumented returns the exported names that a declaration introduces without comment.
func undocumented(d ast.Decl) (bare []*ast.Ident) {
	check := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c.Text() != "" }) {
			bare = append(bare, name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
			check(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					check(name, d.Doc, spec.Doc, spec.Comment)
				}
			case *ast.TypeSpec:
				if d.Lparen == token.NoPos {
					check(spec.Name, d.Doc, spec.Comment)
				} else {
					check(spec.Name, spec.Doc, spec.Comment)
				}
				iface, ok := spec.Type.(*ast.InterfaceType)
				if !ok || !spec.Name.IsExported() {
					continue
				}
				for _, method := range iface.Methods.List {
					for _, name := range method.Names {
						check(name, method.Doc, method.Comment)
					}
				}
			}
		}
	}
	return bare
}

// receiver returns the name of the type that a method belongs to.
func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

func TestWhatIsExportedIsDocumented(t *testing.T) { holds(t, documented) }

func TestWhatIsExportedIsDocumentedCatches(t *testing.T) {
	const head = "// Package runs ...\npackage runs\n"
	catches(t, documented, []breach{
		{"a package", map[string]string{"runs/a.go": "package runs"}, []string{`package "runs"`}},
		{"a program", map[string]string{"cmd/x/main.go": "package main\nfunc Exported() {}"}, []string{`package "cmd/x"`}},
		{"a function", map[string]string{"runs/a.go": head + "func F() {}\nfunc g() {}"}, []string{"runs/a.go:3: F"}},
		{"a method", map[string]string{"runs/a.go": head + "// T ...\ntype T struct{}\nfunc (t *T) M() {}\nfunc (T) m() {}"}, []string{"M has"}},
		{"a method of a generic type", map[string]string{"runs/a.go": head + "// T ...\ntype T[K any] struct{}\nfunc (t *T[K]) M() {}"}, []string{"M has"}},
		{"a method of a hidden type", map[string]string{"runs/a.go": head + "type t struct{}\nfunc (t) M() {}"}, nil},
		{"a type", map[string]string{"runs/a.go": head + "type T int"}, []string{"T has"}},
		{"types in a group", map[string]string{"runs/a.go": head + "// group\ntype (\n\tA int\n\t// B ...\n\tB int\n\tC int // C ...\n)"}, []string{"A has"}},
		{"a constant", map[string]string{"runs/a.go": head + "const A = 1"}, []string{"A has"}},
		{"constants in a group with a comment", map[string]string{"runs/a.go": head + "// The kinds.\nconst (\n\tA = 1\n\tB = 2\n)"}, nil},
		{"constants in a group without", map[string]string{"runs/a.go": head + "const (\n\tA = 1 // one\n\t// two\n\tB = 2\n\tC = 3\n)"}, []string{"C has"}},
		{"a method of an interface", map[string]string{"runs/a.go": head + "// I ...\ntype I interface {\n\t// A ...\n\tA()\n\tB()\n\tfmt.Stringer\n}"}, []string{"B has"}},
		{"a directive only", map[string]string{"runs/a.go": head + "//go:noinline\nfunc F() {}"}, []string{"F has"}},
	})
}

// examples checks that every package which others import shows how: at least one Example
// that the tests run, or compile where it needs a server or a *testing.T.
func examples(tr tree) (findings []string) {
	needs := map[string]string{
		"runs/queuetest":  "a *testing.T",
		"store/storetest": "a *testing.T",
		"store/pgstore":   "a database server",
		"runs/guequeue":   "a database server",
		"graph/msgraph":   "Graph",
		"graph/azauth":    "Entra",
	}
	public := map[string]bool{}
	tests := map[string][]*ast.File{}
	for _, s := range tr.sources {
		switch {
		case s.test:
			tests[s.dir] = append(tests[s.dir], s.file)
		case s.dir != "" && !internalDir(s.dir) && !program(s.dir) && s.file.Name.Name != "main":
			public[s.dir] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(public)) {
		found := doc.Examples(tests[dir]...)
		runs := slices.ContainsFunc(found, func(e *doc.Example) bool { return e.Output != "" || e.EmptyOutput })
		switch {
		case len(found) == 0:
			findings = append(findings, fmt.Sprintf("package %s has no Example", dir))
		case !runs && needs[dir] == "":
			findings = append(findings, fmt.Sprintf("package %s has no Example with an output that the tests check", dir))
		}
	}
	return findings
}

func TestEveryPublicPackageHasAnExample(t *testing.T) { holds(t, examples) }

func TestEveryPublicPackageHasAnExampleCatches(t *testing.T) {
	const test = "package x_test\nfunc Example() {\n\tx()\n"
	catches(t, examples, []breach{
		{"none", map[string]string{"runs/a.go": "package runs"}, []string{"runs has no Example"}},
		{"none in tests", map[string]string{"runs/a.go": "package runs", "runs/a_test.go": "package runs\nfunc TestA() {}"}, []string{"runs has no Example"}},
		{"without an output", map[string]string{"runs/a.go": "package runs", "runs/a_test.go": test + "}"}, []string{"no Example with an output"}},
		{"with an output", map[string]string{"runs/a.go": "package runs", "runs/a_test.go": test + "\t// Output: 1\n}"}, nil},
		{"a suite, without an output", map[string]string{"store/storetest/a.go": "package storetest", "store/storetest/a_test.go": test + "}"}, nil},
		{"internal packages and programs", map[string]string{"internal/x/a.go": "package x", "cmd/x/a.go": "package main", "doc.go": "package tenantbackup"}, nil},
	})
}
