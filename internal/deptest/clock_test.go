package deptest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"testing"
)

// wallClock are the functions of package time that read or wait for the real time.
var wallClock = []string{"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc"}

// clockFile is the one place that may use them: the real runs.Clock.
const clockFile = "runs/clock.go"

// timeFromClock checks that time comes through an injected clock only, so that a year of
// schedules can be tested in a second, and that no test sleeps. Inside a bubble of
// testing/synctest time is not real, so a test may sleep there.
func timeFromClock(tr tree) (findings []string) {
	inBubble := bubbles(tr)
	for _, s := range tr.sources {
		name, dot := importedAs(s.file, "time")
		bubble, _ := importedAs(s.file, "testing/synctest")
		forbidden := wallClock
		switch {
		case s.path == clockFile:
			continue
		case s.test:
			forbidden = []string{"Sleep"} // tests may measure
		}
		if dot {
			findings = append(findings, s.path+": a dot import of time hides what it uses")
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				switch f := n.Fun.(type) {
				case *ast.SelectorExpr:
					return !s.test || !isPackage(f.X, bubble)
				case *ast.Ident:
					return !s.test || !inBubble[s.dir+" "+f.Name]
				}
			case *ast.SelectorExpr:
				// Also where the function is not called but handed on.
				if isPackage(n.X, name) && slices.Contains(forbidden, n.Sel.Name) {
					findings = append(findings, fmt.Sprintf("%s: time.%s: take the time from a runs.Clock", tr.at(n.Pos()), n.Sel.Name))
				}
			}
			return true
		})
	}
	return findings
}

// bubbles finds the functions of tests that run what they are given in a bubble, by folder and
// name.
func bubbles(tr tree) map[string]bool {
	found := map[string]bool{}
	for _, s := range tr.sources {
		bubble, _ := importedAs(s.file, "testing/synctest")
		if !s.test || bubble == "" {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !takesFunction(f) {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if sel, ok := call.Fun.(*ast.SelectorExpr); ok && isPackage(sel.X, bubble) && sel.Sel.Name == "Test" {
						found[s.dir+" "+f.Name.Name] = true
					}
				}
				return true
			})
		}
	}
	return found
}

func takesFunction(f *ast.FuncDecl) bool {
	return slices.ContainsFunc(f.Type.Params.List, func(p *ast.Field) bool {
		_, ok := p.Type.(*ast.FuncType)
		return ok
	})
}

// importedAs returns the name under which a file knows a package, "" when it does not,
// and whether it is imported with a dot.
func importedAs(file *ast.File, importPath string) (name string, dot bool) {
	for i, p := range (source{file: file}).imports() {
		if p != importPath {
			continue
		}
		switch as := file.Imports[i].Name; {
		case as == nil:
			return path.Base(importPath), false
		case as.Name == ".":
			return "", true
		default:
			return as.Name, false
		}
	}
	return "", false
}

// isPackage tells whether an expression is the plain name of an imported package.
func isPackage(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && name != "" && id.Name == name
}

func TestTimeComesFromTheClock(t *testing.T) { holds(t, timeFromClock) }

func TestTimeComesFromTheClockCatches(t *testing.T) {
	const use = "package runs\nimport \"time\"\nvar _ = time."
	catches(t, timeFromClock, []breach{
		{"a call", map[string]string{"runs/a.go": use + "Now()"}, []string{"runs/a.go:3: time.Now"}},
		{"handed on", map[string]string{"runs/a.go": use + "Now"}, []string{"time.Now"}},
		{"in a command", map[string]string{"cmd/refserver/a.go": use + "Since(x)"}, []string{"time.Since"}},
		{"waiting", map[string]string{"runs/a.go": use + "NewTimer(1)"}, []string{"time.NewTimer"}},
		{"under another name", map[string]string{"runs/a.go": "package runs\nimport t \"time\"\nvar _ = t.After(1)"}, []string{"time.After"}},
		{"with a dot", map[string]string{"runs/a.go": "package runs\nimport . \"time\"\nvar _ = Now()"}, []string{"dot import"}},
		{"the clock itself", map[string]string{"runs/clock.go": use + "Now()"}, nil},
		{"a clock elsewhere", map[string]string{"retention/clock.go": use + "Now()"}, []string{"time.Now"}},
		{"a method of the same name", map[string]string{"runs/a.go": "package runs\nvar _ = clock.Now()"}, nil},
		{"arithmetic", map[string]string{"runs/a.go": use + "Unix(0, 0)"}, nil},
		{"a test that measures", map[string]string{"runs/a_test.go": use + "Now()"}, nil},
		{"a test that sleeps", map[string]string{"runs/a_test.go": "package runs\nimport \"time\"\nfunc f() { time.Sleep(1) }"}, []string{"runs/a_test.go:3: time.Sleep"}},
		{"a test that sleeps in a bubble", map[string]string{"runs/a_test.go": "package runs\nimport (\"time\"; \"testing/synctest\")\n" +
			"func f() { synctest.Test(t, func() { time.Sleep(1) }) }\nfunc g() { time.Sleep(1) }"}, []string{"runs/a_test.go:4: time.Sleep"}},
		{"a test that sleeps in another's bubble", map[string]string{
			"runs/a_test.go": "package runs\nimport \"testing/synctest\"\nfunc in(f func()) { synctest.Test(t, f) }\nfunc out(f func()) { f() }",
			"runs/b_test.go": "package runs\nimport \"time\"\nfunc f() { in(func() { time.Sleep(1) }) }\nfunc g() { out(func() { time.Sleep(1) }) }",
			"a_test.go":      "package x\nimport \"time\"\nfunc f() { in(func() { time.Sleep(1) }) }",
		}, []string{"a_test.go:3: time.Sleep", "runs/b_test.go:4: time.Sleep"}},
	})
}
