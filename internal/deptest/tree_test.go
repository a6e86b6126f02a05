package deptest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/tenantatlas/tenantbackup"

// source is one Go file.
type source struct {
	path  string // from the top of the module, with slashes
	dir   string // its package's path below the module, "" for the top
	test  bool   // _test.go
	lines int
	file  *ast.File
}

// tree is the module's source.
type tree struct {
	fset    *token.FileSet
	sources []source
	top     []fs.DirEntry // what lies at the top level
}

// rule returns one line for each place that breaks it.
type rule func(tree) []string

// parse reads every Go file but those that the go command leaves out.
func parse(t *testing.T, fsys fs.FS) tree {
	t.Helper()
	top, err := fs.ReadDir(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	tr := tree{fset: token.NewFileSet(), top: top}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := path.Base(name)
			if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || name == dataDir) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(tr.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if ignored(file) {
			return nil
		}
		dir := path.Dir(name)
		if dir == "." {
			dir = ""
		}
		tr.sources = append(tr.sources, source{
			path: name, dir: dir, file: file,
			test:  strings.HasSuffix(name, "_test.go"),
			lines: bytes.Count(text, []byte("\n")),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// ignored tells whether a file is a stand-alone program ("//go:build ignore").
func ignored(file *ast.File) bool {
	for _, group := range file.Comments {
		for _, c := range group.List {
			if expr, err := constraint.Parse(c.Text); err == nil && c.Pos() < file.Package {
				return !expr.Eval(func(tag string) bool { return tag != "ignore" })
			}
		}
	}
	return false
}

// imports returns the paths that a file imports.
func (s source) imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic(err) // the parser has accepted it
		}
		paths = append(paths, p)
	}
	return paths
}

// at names a place in the source.
func (tr tree) at(pos token.Pos) string {
	p := tr.fset.Position(pos)
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// own returns the path below the module of a package of ours.
func own(importPath string) (dir string, ok bool) {
	if importPath == module {
		return "", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// standard tells whether a package is of the standard library: the first element of
// every other path has a dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// under tells whether dir is the package parent or lies below it.
func under(dir, parent string) bool {
	return dir == parent || strings.HasPrefix(dir, parent+"/")
}

// internalDir tells whether a package can be imported by this module only.
func internalDir(dir string) bool {
	return slices.Contains(strings.Split(dir, "/"), "internal")
}

// program tells whether a package is a command or an example, which nobody imports.
func program(dir string) bool { return under(dir, "cmd") || under(dir, "examples") }

// holds runs rules over the module itself.
func holds(t *testing.T, rules ...rule) {
	t.Helper()
	tr := parse(t, os.DirFS("../.."))
	if len(tr.sources) < 10 {
		t.Fatalf("only %d Go files found: this is not the module", len(tr.sources))
	}
	for _, r := range rules {
		for _, finding := range r(tr) {
			t.Error(finding)
		}
	}
}

// breach is a made-up tree and what a rule must say about it, in parts of its findings;
// none when the tree keeps the rule.
type breach struct {
	name  string
	files map[string]string
	want  []string
}

// catches runs a rule over made-up trees.
func catches(t *testing.T, r rule, breaches []breach) {
	t.Helper()
	for _, b := range breaches {
		t.Run(b.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, text := range b.files {
				files[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got := r(parse(t, files))
			if len(got) != len(b.want) {
				t.Fatalf("%d findings %q, want %d like %q", len(got), got, len(b.want), b.want)
			}
			for i, want := range b.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("finding %q does not contain %q", got[i], want)
				}
			}
		})
	}
}

// sameProgram tells whether two packages belong to one command or one example.
func sameProgram(a, b string) bool {
	first := func(dir string) string {
		parts := strings.SplitN(dir, "/", 3)
		return strings.Join(parts[:min(2, len(parts))], "/")
	}
	return first(a) == first(b)
}
