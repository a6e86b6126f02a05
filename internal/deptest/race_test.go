package deptest

import (
	"fmt"
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// testenvPath is the package that tells tests of the race detector.
const testenvPath = module + "/internal/testenv"

// inFull returns the rule that every test which does less with the race detector, or nothing, by
// itself or through what else its package's tests declare, has its name in the list inFull of the
// given script, which runs it without. Otherwise nobody would notice that it fails. The packages of
// its list plain run whole without.
func inFull(script string) rule {
	array := func(name string) []string {
		if found := regexp.MustCompile(`(?s)\n` + name + `=\((.*?)\n\)`).FindStringSubmatch(script); found != nil {
			return strings.Fields(found[1])
		}
		return nil
	}
	list, plain := array("inFull"), array("plain")
	return func(tr tree) (findings []string) {
		less := lessUnderRace(tr)
		for _, s := range tr.sources {
			for _, d := range s.file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if ok && s.test && f.Recv == nil && isTest(f.Name.Name) && less[s.dir+" "+f.Name.Name] && !slices.Contains(list, f.Name.Name) && !slices.Contains(plain, "./"+s.dir) {
					findings = append(findings, fmt.Sprintf("%s: %s does less with the race detector: name it in inFull of .ci/run", tr.at(f.Pos()), f.Name.Name))
				}
			}
		}
		return findings
	}
}

func isTest(name string) bool { return strings.HasPrefix(name, "Test") && name != "TestMain" }

// lessUnderRace finds what test files declare that asks for the race detector, or uses what does,
// by folder and name; a method's name begins with a dot.
func lessUnderRace(tr tree) map[string]bool {
	found := map[string]bool{}
	for more := true; more; {
		more = false
		for _, s := range tr.sources {
			if !s.test {
				continue
			}
			testenv, _ := importedAs(s.file, testenvPath)
			for name, node := range declared(s.file) {
				if key := s.dir + " " + name; !found[key] && uses(node, testenv, s.dir, found) {
					found[key], more = true, true
				}
			}
		}
	}
	return found
}

// declared lists the functions, methods, variables and constants of a file.
func declared(file *ast.File) map[string]ast.Node {
	list := map[string]ast.Node{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch {
			case d.Body == nil:
			case d.Recv != nil:
				list["."+d.Name.Name] = d.Body
			default:
				list[d.Name.Name] = d.Body
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range v.Names {
						list[name.Name] = v
					}
				}
			}
		}
	}
	return list
}

// uses tells whether code asks testenv, by the name it is imported as, for the race detector, or
// names something of its folder that is found already.
func uses(code ast.Node, testenv, dir string, found map[string]bool) (yes bool) {
	ast.Inspect(code, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if isPackage(n.X, testenv) {
				yes = yes || n.Sel.Name == "RaceDetector" || n.Sel.Name == "SlowUnderRace"
				return false
			}
			yes = yes || found[dir+" ."+n.Sel.Name]
		case *ast.Ident:
			yes = yes || found[dir+" "+n.Name]
		}
		return !yes
	})
	return yes
}

func TestWhatTheRaceDetectorSlowsRunsInFullToo(t *testing.T) {
	script, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, inFull(string(script)))
}

func TestWhatTheRaceDetectorSlowsRunsInFullTooCatches(t *testing.T) {
	const head = "package runs\nimport \"" + testenvPath + "\"\n"
	test := func(body string) map[string]string {
		return map[string]string{"runs/a_test.go": head + body}
	}
	catches(t, inFull("\nplain=(\n\t./graph/a\n)\nx=(\n\tTestX\n)\ninFull=(\n\tTestListed\n)\ny=(\n\tTestY\n)\n"), []breach{
		{"skipped", test("func TestA(t *testing.T) { testenv.SlowUnderRace(t) }"), []string{"runs/a_test.go:3: TestA does less"}},
		{"smaller", test("func TestA(t *testing.T) { if testenv.RaceDetector { n = 1 } }"), []string{"TestA does less"}},
		{"within a part of it", test("func TestA(t *testing.T) { t.Run(\"x\", func(t *testing.T) { testenv.SlowUnderRace(t) }) }"), []string{"TestA does less"}},
		{"under another name", map[string]string{"runs/a_test.go": strings.Replace(head, "import ", "import env ", 1) +
			"func TestA(t *testing.T) { env.SlowUnderRace(t) }"}, []string{"TestA does less"}},
		{"through functions of another file", map[string]string{
			"runs/a_test.go": "package runs\nfunc TestA(t *testing.T) { world(t) }",
			"runs/b_test.go": "package runs\nfunc world(t *testing.T) { part(t) }",
			"runs/c_test.go": head + "func part(t *testing.T) { testenv.SlowUnderRace(t) }",
		}, []string{"runs/a_test.go:2: TestA does less"}},
		{"through a variable", test("var n = f()\nfunc f() int { return when(testenv.RaceDetector) }\nfunc TestA(t *testing.T) { try(t, n) }"), []string{"TestA does less"}},
		{"through a method", test("func (w world) f() { testenv.SlowUnderRace(w.t) }\nfunc TestA(t *testing.T) { w.f() }"), []string{"TestA does less"}},
		{"in another list", test("func TestX(t *testing.T) { testenv.SlowUnderRace(t) }"), []string{"TestX does less"}},
		{"in a list that follows", test("func TestY(t *testing.T) { testenv.SlowUnderRace(t) }"), []string{"TestY does less"}},
		{"a beginning only", test("func TestListedToo(t *testing.T) { testenv.SlowUnderRace(t) }"), []string{"TestListedToo does less"}},
		{"listed", test("func TestListed(t *testing.T) { testenv.SlowUnderRace(t) }"), nil},
		{"in a package that runs whole without", map[string]string{"graph/a/a_test.go": head + "func TestA(t *testing.T) { testenv.SlowUnderRace(t) }"}, nil},
		{"in a package below one", map[string]string{"graph/a/b/a_test.go": head + "func TestA(t *testing.T) { testenv.SlowUnderRace(t) }"}, []string{"TestA does less"}},
		{"another need", test("func TestA(t *testing.T) { testenv.Data(t) }"), nil},
		{"a function of another folder", map[string]string{
			"runs/a_test.go":  head + "func world(t *testing.T) { testenv.SlowUnderRace(t) }",
			"graph/b_test.go": "package graph\nfunc TestA(t *testing.T) { world(t) }",
		}, nil},
		{"no test", test("func TestMain(m *testing.M) { run(testenv.RaceDetector) }\nfunc BenchmarkA(b *testing.B) { testenv.SlowUnderRace(b) }"), nil},
	})
}
