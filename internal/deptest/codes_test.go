package deptest

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// codeName is how constants are called whose values programs compare.
var codeName = regexp.MustCompile(`^([cC]ode|[rR]eason)[A-Z]`)

// listed returns the rule that every code appears in a table of the given text.
func listed(text string) rule {
	return func(tr tree) (findings []string) {
		check := func(x ast.Expr) {
			lit, ok := x.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return
			}
			if code, err := strconv.Unquote(lit.Value); err == nil && code != "" && !strings.Contains(text, "\n| `"+code+"` |") {
				findings = append(findings, fmt.Sprintf("%s: %s is not listed in docs/errors.md", tr.at(lit.Pos()), code))
			}
		}
		for _, s := range tr.sources {
			if s.test || internalDir(s.dir) || program(s.dir) {
				continue
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					for i, name := range n.Names {
						if i < len(n.Values) && codeName.MatchString(name.Name) {
							check(n.Values[i])
						}
					}
				case *ast.KeyValueExpr:
					// FieldError{Code: "..."}; Graph's own codes are not ours to list.
					if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" && !under(s.dir, "graph") {
						check(n.Value)
					}
				}
				return true
			})
		}
		return findings
	}
}

func TestEveryCodeIsListed(t *testing.T) {
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, listed(string(text)))
}

func TestEveryCodeIsListedCatches(t *testing.T) {
	catches(t, listed("\n| `KNOWN` | x |\n| `known` | x |\nprose `PROSE`\n"), []breach{
		{"a typed constant", map[string]string{"runs/a.go": "package runs\nconst CodeNew Code = \"NEW\"\nconst CodeKnown Code = \"KNOWN\""}, []string{"runs/a.go:2: NEW"}},
		{"a reason", map[string]string{"runs/a.go": "package runs\nconst ReasonNew Reason = \"new\"\nconst ReasonKnown Reason = \"known\""}, []string{"new is not"}},
		{"a field code", map[string]string{"runs/a.go": "package runs\nconst codeNew = \"new\""}, []string{"new is not"}},
		{"a literal", map[string]string{"runs/a.go": "package runs\nvar x = FieldError{Field: \"f\", Code: \"new\"}"}, []string{"new is not"}},
		{"in prose only", map[string]string{"runs/a.go": "package runs\nconst CodeProse Code = \"PROSE\""}, []string{"PROSE is not"}},
		{"a beginning only", map[string]string{"runs/a.go": "package runs\nconst CodeKnow Code = \"KNOW\""}, []string{"KNOW is not"}},
		{"something else", map[string]string{"runs/a.go": "package runs\nconst codec = \"x\"\nfunc f() { const reason = \"x\" }"}, nil},
		{"Graph's codes", map[string]string{"graph/graphtest/a.go": "package graphtest\nvar x = Error{Code: \"TooManyRequests\"}"}, nil},
	})
}
