package restore

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// pattern is a path of [graph.WriteRules] or [graph.RefRule], ready for matching while walking
// over canonical JSON.
type pattern struct {
	steps []string       // keys, eachElement and anyDepth
	rule  *graph.RefRule // of a reference
}

const (
	eachElement = "[]"
	anyDepth    = "**"
)

func newPattern(path string) pattern {
	var p pattern
	for part := range strings.SplitSeq(path, ".") {
		key, each := strings.CutSuffix(part, eachElement)
		p.steps = append(p.steps, key)
		if each {
			p.steps = append(p.steps, eachElement)
		}
	}
	return p
}

// pos is how far a pattern has been followed.
type pos struct {
	p *pattern
	i int
}

func (a pos) end() bool { return a.i == len(a.p.steps) }

// reached adds a position, and those that need no step more.
func reached(active []pos, p *pattern, i int) []pos {
	active = append(active, pos{p, i})
	for i < len(p.steps) && p.steps[i] == anyDepth {
		i++
		active = append(active, pos{p, i})
	}
	return active
}

// start returns the positions before the first step.
func start(patterns []pattern) []pos {
	var active []pos
	for i := range patterns {
		active = reached(active, &patterns[i], 0)
	}
	return active
}

// refsIn returns the positions before the first step of the references that may stand in a
// canonical value: to search settings at any depth is only worth while where one says that
// it refers to something.
func (f *facts) refsIn(value []byte) []pos {
	var active []pos
	for i := range f.refs {
		if in := f.refs[i].rule.In; in == "" || bytes.Contains(value, []byte(in)) {
			active = reached(active, &f.refs[i], 0)
		}
	}
	return active
}

// step returns the positions after going to a key, or to an element.
func step(active []pos, name []byte) []pos {
	var out []pos
	for _, a := range active {
		switch {
		case a.end():
		case a.p.steps[a.i] == anyDepth:
			out = reached(out, a.p, a.i)
		case a.p.steps[a.i] == string(name):
			out = reached(out, a.p, a.i+1)
		}
	}
	return out
}

// object puts together a JSON object.
type object struct{ buf []byte }

func newObject(dst []byte) object { return object{append(dst, '{')} }

// key begins a member whose value is appended to buf next.
func (o *object) key(name []byte) {
	if o.buf[len(o.buf)-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, `":`...)
}

func (o *object) put(name, value []byte) {
	o.key(name)
	o.buf = append(o.buf, value...)
}

func (o *object) done() []byte { return append(o.buf, '}') }

// prune appends a canonical value without the members that a pattern leads to.
func prune(dst, value []byte, active []pos) []byte {
	if len(active) == 0 {
		return append(dst, value...)
	}
	switch value[0] {
	case '{':
		o := newObject(dst)
		for key, v := range backupset.Members(value) {
			inner := step(active, key)
			if !slices.ContainsFunc(inner, pos.end) {
				o.key(key)
				o.buf = prune(o.buf, v, inner)
			}
		}
		return o.done()
	case '[':
		return eachOf(dst, value, func(dst, e []byte) []byte {
			return prune(dst, e, step(active, []byte(eachElement)))
		})
	}
	return append(dst, value...)
}

// eachOf appends an array with what do makes of its elements.
func eachOf(dst, array []byte, do func(dst, element []byte) []byte) []byte {
	dst = append(dst, '[')
	first := len(dst)
	for e := range backupset.Elements(array) {
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = do(dst, e)
	}
	return append(dst, ']')
}

// swapFunc returns what replaces an id. rules are those that lead to it: more than one where
// Graph does not tell of which type the object is.
type swapFunc func(rules []*graph.RefRule, id string) string

// rewriteRefs appends a canonical value with every id that a pattern leads to replaced. holder
// is the object that the value stands in.
func rewriteRefs(dst, value, holder []byte, active []pos, swap swapFunc) []byte {
	if len(active) == 0 {
		return append(dst, value...)
	}
	switch value[0] {
	case '{':
		o := newObject(dst)
		for key, v := range backupset.Members(value) {
			o.key(key)
			o.buf = rewriteRefs(o.buf, v, value, step(active, key), swap)
		}
		return o.done()
	case '[':
		inner := step(active, []byte(eachElement))
		return eachOf(dst, value, func(dst, e []byte) []byte {
			return rewriteRefs(dst, e, holder, inner, swap)
		})
	case '"':
		id := textOf(value)
		var rules []*graph.RefRule
		for _, a := range active {
			if a.end() && leadsTo(a.p.rule, id, holder) {
				rules = append(rules, a.p.rule)
			}
		}
		if len(rules) > 0 {
			if to := swap(rules, id); to != id {
				return append(dst, quoted(to)...)
			}
		}
	}
	return append(dst, value...)
}

// leadsTo tells whether a text in the place of a rule is an id that may be mapped.
func leadsTo(rule *graph.RefRule, id string, holder []byte) bool {
	if id == "" || rule.In != "" && textOf(backupset.Lookup(holder, "@odata.type")) != rule.In {
		return false
	}
	return !slices.ContainsFunc(rule.Fixed, func(fixed string) bool { return strings.EqualFold(fixed, id) })
}

// textOf returns the text of a canonical string, "" for anything else.
func textOf(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(value, &s) // canonical text is well-formed
	return s
}

// quoted returns text as JSON.
func quoted(text string) []byte {
	out, _ := json.Marshal(text) // a string always marshals
	return out
}
