package backupset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ApplyChanges makes the second state of a canonical object out of the first one and what
// [Canonicalizer.Diff] says, knowing nothing else of the second. Elements of one name may come
// out in another order.
func ApplyChanges(before []byte, changes []Change) ([]byte, error) {
	var edits []edit
	for _, c := range changes {
		edits = append(edits, edit{segments(c.Path), c})
	}
	return apply(topLevel, before, edits)
}

// DiffCanonical is [Canonicalizer.Diff] of what is in canonical form already.
func DiffCanonical(before, after []byte) []Change {
	var d differ
	d.values(topLevel, before, after, false)
	return d.changes
}

// edit is a change and what is left of its path.
type edit struct {
	path []string // keys, and elements with their brackets
	Change
}

func segments(path string) []string {
	var out []string
	for piece := range strings.SplitSeq(path, "/") {
		// A slash within a name belongs to it: every bracket is closed.
		if n := len(out); n > 0 && strings.HasPrefix(out[n-1], "[") && !strings.HasSuffix(out[n-1], "]") {
			out[n-1] += "/" + piece
			continue
		}
		for {
			open := strings.IndexByte(piece, '[')
			if open < 0 {
				out = append(out, piece)
				break
			}
			if open > 0 {
				out = append(out, piece[:open])
			}
			end := strings.IndexByte(piece, ']')
			if end < 0 {
				out = append(out, piece[open:])
				break
			}
			out = append(out, piece[open:end+1])
			if piece = piece[end+1:]; piece == "" {
				break
			}
		}
	}
	return out
}

func apply(at place, value []byte, edits []edit) ([]byte, error) {
	if len(edits) == 1 && len(edits[0].path) == 0 {
		return edits[0].After, nil
	}
	if value[0] == '{' {
		return applyToObject(at, value, edits)
	}
	return applyToArray(at, value, edits)
}

// grouped collects edits by the first piece of their paths, which is taken off.
func grouped(edits []edit) (order []string, groups map[string][]edit) {
	groups = map[string][]edit{}
	for _, e := range edits {
		first := e.path[0]
		if _, ok := groups[first]; !ok {
			order = append(order, first)
		}
		e.path = e.path[1:]
		groups[first] = append(groups[first], e)
	}
	return order, groups
}

var keyText = strings.NewReplacer("~4", "", "~2", "[", "~1", "/", "~0", "~")

func applyToObject(at place, value []byte, edits []edit) ([]byte, error) {
	members := map[string][]byte{}
	for key, v := range Members(value) {
		members[string(key)] = v
	}
	order, groups := grouped(edits)
	for _, piece := range order {
		key, es := keyText.Replace(piece), groups[piece]
		if len(es) == 1 && len(es[0].path) == 0 && es[0].Op != OpReplace {
			if _, there := members[key]; there != (es[0].Op == OpRemove) {
				return nil, fmt.Errorf("%s of %q, which is there: %v", es[0].Op, key, there)
			}
			members[key] = es[0].After
			continue
		}
		if members[key] == nil {
			return nil, fmt.Errorf("a change of %q, which is not there", key)
		}
		changed, err := apply(childOf(at, []byte(key)), members[key], es)
		if err != nil {
			return nil, err
		}
		members[key] = changed
	}
	var out []string
	for key, v := range members {
		if v != nil {
			out = append(out, `"`+key+`":`+string(v))
		}
	}
	slices.Sort(out)
	return []byte("{" + strings.Join(out, ",") + "}"), nil
}

func applyToArray(at place, value []byte, edits []edit) ([]byte, error) {
	rule := &arrays[at]
	named := rule.set || len(rule.identity) > 0
	before := elementsOf(value)
	label := func(i int) string { return "[" + strconv.Itoa(i) + "]" }
	if named {
		count, labels := map[string]int{}, make([]string, len(before))
		for i, e := range before {
			name := nameOf(e, rule)
			count[name]++
			var d differ
			d.enterName(name, count[name], true)
			labels[i] = string(d.path)
		}
		label = func(i int) string { return labels[i] }
	}
	order, groups := grouped(edits)
	var out [][]byte
	for i, e := range before {
		var inner []edit
		for _, one := range groups[label(i)] {
			if len(one.path) > 0 || one.Op != OpAdd {
				inner = append(inner, one)
			}
		}
		switch {
		case len(inner) == 1 && len(inner[0].path) == 0 && inner[0].Op == OpRemove:
			continue
		case len(inner) > 0:
			changed, err := apply(rule.element, e, inner)
			if err != nil {
				return nil, err
			}
			e = changed
		}
		out = append(out, e)
	}
	if !named { // a piece may also stand for an element before
		slices.SortStableFunc(order, func(a, b string) int { return indexOf(a) - indexOf(b) })
	}
	for _, piece := range order {
		for _, one := range groups[piece] {
			switch {
			case len(one.path) > 0 || one.Op != OpAdd:
			case named:
				out = append(out, one.After)
			case indexOf(piece) > len(out):
				return nil, fmt.Errorf("an add at %s of %d elements", piece, len(out))
			default:
				out = slices.Insert(out, indexOf(piece), []byte(one.After))
			}
		}
	}
	if es := groups["[]"]; len(es) == 1 && named {
		var names []string
		if err := json.Unmarshal(es[0].After, &names); err != nil {
			return nil, err
		}
		var sorted [][]byte
		for _, name := range names {
			i := slices.IndexFunc(out, func(e []byte) bool { return plainName(e, rule) == name })
			if i < 0 {
				return nil, fmt.Errorf("nothing goes by the name %q", name)
			}
			sorted = append(sorted, out[i])
			out = slices.Delete(out, i, i+1)
		}
		out = append(sorted, out...)
	}
	return append(append([]byte{'['}, bytes.Join(out, []byte{','})...), ']'), nil
}

func indexOf(piece string) int {
	i, _ := strconv.Atoi(strings.Trim(piece, "[]"))
	return i
}

// plainName is a name as a list of names shows it.
func plainName(e []byte, rule *array) string {
	quoted, _ := appendQuoted(nil, nameOf(e, rule))
	var name string
	_ = json.Unmarshal(quoted, &name)
	return name
}

// SettleNamesakes puts the elements of one name of every ordered array into one order: which
// of them is which, a diff does not tell.
func SettleNamesakes(value []byte) []byte { return settle(topLevel, value) }

func settle(at place, value []byte) []byte {
	switch value[0] {
	case '{':
		var out [][]byte
		for key, v := range Members(value) {
			out = append(out, slices.Concat([]byte{'"'}, key, []byte(`":`), settle(childOf(at, key), v)))
		}
		return slices.Concat([]byte{'{'}, bytes.Join(out, []byte{','}), []byte{'}'})
	case '[':
		rule := &arrays[at]
		list := elementsOf(value)
		places := map[string][]int{}
		for i, e := range list {
			name := strconv.Itoa(i)
			if rule.set || len(rule.identity) > 0 {
				name = "named " + nameOf(e, rule)
			}
			list[i] = settle(rule.element, e)
			places[name] = append(places[name], i)
		}
		for _, at := range places {
			var same [][]byte
			for _, i := range at {
				same = append(same, list[i])
			}
			slices.SortFunc(same, bytes.Compare)
			for k, i := range at {
				list[i] = same[k]
			}
		}
		return slices.Concat([]byte{'['}, bytes.Join(list, []byte{','}), []byte{']'})
	}
	return value
}
