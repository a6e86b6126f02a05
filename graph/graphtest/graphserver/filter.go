package graphserver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// condition is a filter that was read.
type condition func(graph.Policy) bool

// parseFilter reads the filters that the server knows: comparisons of a property with eq and
// ne, isof and startswith, joined by and, or, not and parentheses.
func parseFilter(text string, forbidden []string) (condition, error) {
	p := &filterText{tokens: split(text), forbidden: forbidden}
	return p.whole()
}

func (p *filterText) whole() (condition, error) {
	c, err := p.or()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("%q is not expected", p.tokens[0])
	}
	return c, err
}

// parseFolded reads a filter of the directory, which compares text without regard to case.
func parseFolded(text string) (condition, error) {
	p := &filterText{tokens: split(text), fold: true}
	return p.whole()
}

type filterText struct {
	tokens    []string
	forbidden []string
	fold      bool
}

// split cuts at spaces, parentheses and commas, but not in quoted text.
func split(text string) []string {
	var out []string
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		n := strings.IndexAny(text, " (),")
		switch {
		case text[0] == '\'':
			n = 1
			for n < len(text) && (text[n] != '\'' || strings.HasPrefix(text[n:], "''")) {
				if text[n] == '\'' {
					n++
				}
				n++
			}
			n = min(n+1, len(text))
		case n == 0:
			n = 1
		case n < 0:
			n = len(text)
		}
		out, text = append(out, text[:n]), text[n:]
	}
	return out
}

func (p *filterText) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// take is true when the next token is the given one, which is gone then.
func (p *filterText) take(token string) bool {
	if len(p.tokens) > 0 && p.tokens[0] == token {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *filterText) or() (condition, error) {
	left, err := p.and()
	for err == nil && p.take("or") {
		var right condition
		before := left
		right, err = p.and()
		left = func(o graph.Policy) bool { return before(o) || right(o) }
	}
	return left, err
}

func (p *filterText) and() (condition, error) {
	left, err := p.one()
	for err == nil && p.take("and") {
		var right condition
		before := left
		right, err = p.one()
		left = func(o graph.Policy) bool { return before(o) && right(o) }
	}
	return left, err
}

func (p *filterText) one() (condition, error) {
	switch {
	case p.take("not"):
		c, err := p.one()
		return func(o graph.Policy) bool { return !c(o) }, err
	case p.take("("):
		c, err := p.or()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a parenthesis is not closed")
		}
		return c, err
	}
	name := p.next()
	if slices.Contains(p.forbidden, name) {
		return nil, fmt.Errorf("property '%s' does not support filtering", name)
	}
	if p.take("(") {
		return p.function(name)
	}
	op, literal := p.next(), p.next()
	want, ok := literalOf(literal)
	if !ok || name == "" || op != "eq" && op != "ne" {
		return nil, fmt.Errorf("syntax error at '%s %s %s'", name, op, literal)
	}
	return func(o graph.Policy) bool {
		have := valueOf(o, name)
		return (have == want || p.fold && strings.EqualFold(have, want)) == (op == "eq")
	}, nil
}

func (p *filterText) function(name string) (condition, error) {
	var args []string
	for !p.take(")") {
		arg := p.next()
		if arg == "" {
			return nil, fmt.Errorf("a parenthesis is not closed")
		}
		if arg != "," {
			args = append(args, arg)
		}
	}
	switch {
	case name == "isof" && len(args) == 1:
		kind := "#" + strings.Trim(args[0], "'")
		return func(o graph.Policy) bool { return o.ODataType == kind }, nil
	case name == "startswith" && len(args) == 2 && !slices.Contains(p.forbidden, args[0]):
		want, ok := literalOf(args[1])
		if !ok {
			break
		}
		return func(o graph.Policy) bool {
			return strings.HasPrefix(valueOf(o, args[0]), strings.TrimSuffix(want, `"`))
		}, nil
	}
	return nil, fmt.Errorf("the function '%s' is not supported here", name)
}

// literalOf is a literal as JSON.
func literalOf(text string) (string, bool) {
	switch {
	case len(text) > 1 && text[0] == '\'' && text[len(text)-1] == '\'':
		return string(quote(strings.ReplaceAll(text[1:len(text)-1], "''", "'"))), true
	case text == "true", text == "false", text == "null":
		return text, true
	}
	return text, text != "" && strings.Trim(text, "0123456789.-") == ""
}

// valueOf is a property as JSON, "null" when the object has none. A name may begin with the
// type that has it, "microsoft.graph.managedApp/appAvailability", and lead into an object.
func valueOf(o graph.Policy, name string) string {
	doc := plain(o.Raw)
	for _, step := range strings.Split(name, "/") {
		if strings.HasPrefix(step, "microsoft.graph.") {
			continue
		}
		if len(doc) == 0 || doc[0] != '{' {
			return "null"
		}
		if doc = value(members(doc), step); doc == nil {
			return "null"
		}
	}
	if doc[0] == '"' { // in one way of writing it
		return string(requoted(doc))
	}
	return string(doc)
}
