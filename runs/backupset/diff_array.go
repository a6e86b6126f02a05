package backupset

import (
	"bytes"
	"slices"
)

// arrays compares two arrays in the same place.
func (d *differ) arrays(at place, a, b []byte) {
	rule := &arrays[at]
	before, after := elementsOf(a), elementsOf(b)
	if rule.set || len(rule.identity) > 0 {
		d.named(rule, before, after)
	} else {
		d.plain(rule.element, before, after)
	}
}

// namesakes are the elements of one name, as indices into both arrays.
type namesakes struct {
	name          string
	before, after []int
}

// couple is an element of both arrays.
type couple struct{ before, after int }

// named compares arrays whose elements are known by name, wherever they stand: a set of
// groups in which g3 took the place of g1 has lost g1 and gained g3.
func (d *differ) named(rule *array, before, after [][]byte) {
	var couples []couple
	var added []int
	for _, g := range groupByName(rule, before, after) {
		couples, added = d.coupled(rule, g, before, after, couples, added)
	}
	if rule.set {
		return
	}
	slices.SortFunc(couples, func(x, y couple) int { return x.before - y.before })
	order := make([]int, 0, len(after))
	for _, c := range couples {
		order = append(order, c.after)
	}
	if !slices.IsSorted(append(order, added...)) { // else what stays and then what came is the order
		back := d.enterOrder()
		d.report(OpReplace, names(rule, before), names(rule, after), false)
		d.path = d.path[:back]
	}
}

// groupByName groups the elements of both arrays, in the order in which the first of each
// name stands.
func groupByName(rule *array, before, after [][]byte) []*namesakes {
	var groups []*namesakes
	byName := make(map[string]*namesakes, max(len(before), len(after)))
	group := func(element []byte) *namesakes {
		name := nameOf(element, rule)
		g, ok := byName[name]
		if !ok {
			g = &namesakes{name: name}
			byName[name] = g
			groups = append(groups, g)
		}
		return g
	}
	for i, e := range before {
		g := group(e)
		g.before = append(g.before, i)
	}
	for i, e := range after {
		g := group(e)
		g.after = append(g.after, i)
	}
	return groups
}

// names returns the names of elements as a JSON array.
func names(rule *array, elements [][]byte) []byte {
	out := []byte{'['}
	for i, e := range elements {
		if i > 0 {
			out = append(out, ',')
		}
		out, _ = appendQuoted(out, nameOf(e, rule))
	}
	return append(out, ']')
}

// coupled reports what differs among the elements of one name. Equal ones belong
// together, then the others in their order; what is left over was removed or added. It
// appends the couples it made, and the indices of what was added.
func (d *differ) coupled(rule *array, g *namesakes, before, after [][]byte, couples []couple, added []int) ([]couple, []int) {
	mates, free := equalsFirst(g, before, after)
	several := len(g.before) > 1 || len(g.after) > 1
	for k, i := range g.before {
		mate := mates[k]
		if mate < 0 && len(free) > 0 {
			mate, free = free[0], free[1:]
		}
		back := d.enterName(g.name, k+1, several)
		if mate < 0 {
			d.report(OpRemove, before[i], nil, false)
		} else {
			couples = append(couples, couple{i, g.after[mate]})
			d.values(rule.element, before[i], after[g.after[mate]], false)
		}
		d.path = d.path[:back]
	}
	for _, k := range free {
		back := d.enterName(g.name, k+1, several)
		d.report(OpAdd, nil, after[g.after[k]], false)
		d.path = d.path[:back]
		added = append(added, g.after[k])
	}
	return couples, added
}

// equalsFirst gives every element of g.before an equal one of g.after, as a position in
// it, -1 where there is none. free are the positions that were not given.
func equalsFirst(g *namesakes, before, after [][]byte) (mates, free []int) {
	if len(g.before) == 1 && len(g.after) == 1 {
		return []int{0}, nil // the same element, changed or not
	}
	byContent := make(map[string][]int, len(g.after))
	for k, i := range g.after {
		byContent[string(after[i])] = append(byContent[string(after[i])], k)
	}
	given := make([]bool, len(g.after))
	for _, i := range g.before {
		mate := -1
		if equal := byContent[string(before[i])]; len(equal) > 0 {
			mate, byContent[string(before[i])] = equal[0], equal[1:]
			given[mate] = true
		}
		mates = append(mates, mate)
	}
	for k := range g.after {
		if !given[k] {
			free = append(free, k)
		}
	}
	return mates, free
}

// maxTable bounds the work of aligning two arrays; larger ones are compared by index.
const maxTable = 1 << 20

// plain compares arrays whose elements have no name: the longest common subsequence stays,
// and between its elements the others are paired in their order.
func (d *differ) plain(element place, before, after [][]byte) {
	lead := 0
	for lead < min(len(before), len(after)) && bytes.Equal(before[lead], after[lead]) {
		lead++
	}
	i, j := lead, lead
	for _, c := range append(commonSubsequence(before, after, lead), couple{len(before), len(after)}) {
		for i < c.before || j < c.after {
			switch {
			case j >= c.after:
				back := d.enterIndex(i)
				d.report(OpRemove, before[i], nil, false)
				d.path = d.path[:back]
				i++
			case i >= c.before:
				back := d.enterIndex(j)
				d.report(OpAdd, nil, after[j], false)
				d.path = d.path[:back]
				j++
			default:
				back := d.enterIndex(i)
				d.values(element, before[i], after[j], false)
				d.path = d.path[:back]
				i, j = i+1, j+1
			}
		}
		i, j = c.before+1, c.after+1
	}
}

// commonSubsequence returns a longest common subsequence of what follows the first lead
// elements, and only the common end of it when a table of all pairs would be too large.
func commonSubsequence(before, after [][]byte, lead int) []couple {
	n, m := len(before), len(after)
	for n > lead && m > lead && bytes.Equal(before[n-1], after[m-1]) {
		n, m = n-1, m-1
	}
	var out []couple
	rows, cols := n-lead, m-lead
	if rows > 0 && cols > 0 && rows <= maxTable/cols {
		// numbers stand for contents, so that the table compares no bytes
		number := make(map[string]int, rows+cols)
		numbers := func(elements [][]byte) []int {
			ids := make([]int, len(elements))
			for i, e := range elements {
				id, ok := number[string(e)]
				if !ok {
					id = len(number)
					number[string(e)] = id
				}
				ids[i] = id
			}
			return ids
		}
		x, y := numbers(before[lead:n]), numbers(after[lead:m])
		width := cols + 1
		longest := make([]int32, (rows+1)*width)
		for i := rows - 1; i >= 0; i-- {
			for j := cols - 1; j >= 0; j-- {
				if x[i] == y[j] {
					longest[i*width+j] = longest[(i+1)*width+j+1] + 1
				} else {
					longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
				}
			}
		}
		for i, j := 0, 0; i < rows && j < cols; {
			switch {
			case x[i] == y[j]:
				out = append(out, couple{lead + i, lead + j})
				i, j = i+1, j+1
			case longest[(i+1)*width+j] >= longest[i*width+j+1]:
				i++
			default:
				j++
			}
		}
	}
	for k := range len(before) - n {
		out = append(out, couple{n + k, m + k})
	}
	return out
}
