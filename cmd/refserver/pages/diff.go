package pages

import (
	"html/template"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// How much of a difference one page shows. The bytes are those of paths and values once they are
// HTML, so that a page stays below 200 KB whatever policies hold.
const (
	diffOnItsOwn  = 100     // changes on a page of one policy
	diffInAList   = 10      // changes of one policy in a list of several
	diffPageBytes = 120_000 // all differences of a page
)

// diffView is what differs between two states of a policy, as the part "diff" shows it.
type diffView struct {
	Before, After string // what the sides are: "In the backup", "Live"
	Lines         []diffLine
	Words         string // "1 added, 2 changed"
	Same          int    // properties that are equal, folded into this count; 0 when nobody counted
	Less          int    // changes left out before the first line
	More          int    // and after the last one
	Prev, Rest    string // where those are
}

// diffLine is one change.
type diffLine struct {
	Path        []pathPart
	Exact       string // the path as programs know it
	Op          diffOp
	Left, Right *diffValue // nil where there is nothing
	Secret      bool       // both sides are secrets: only that they differ can be said
}

// diffOp is what happened to a value: a word, a sign, a colour.
type diffOp struct{ Word, Sign, Tone string }

var diffOps = map[backupset.Op]diffOp{
	backupset.OpAdd:     {"added", "+", "added"},
	backupset.OpRemove:  {"removed", "−", "removed"},
	backupset.OpReplace: {"changed", "~", "changed"},
}

// diffLimits say how much of a difference is shown, and where the rest is.
type diffLimits struct {
	before, after string
	from, most    int
	budget        *int                  // bytes left on the page, shared by its differences
	own           bool                  // the page is the difference's own: the first change is shown however large
	at            func(from int) string // the page that shows the changes from one on
}

// newDiff prepares changes for people.
func newDiff(changes []backupset.Change, l diffLimits) diffView {
	from := min(max(l.from, 0), len(changes))
	v := diffView{Before: l.before, After: l.after, Words: diffWords(changes), Less: from}
	for _, c := range changes[from:] {
		line := newDiffLine(c)
		cost := line.cost()
		if len(v.Lines) == l.most || cost > *l.budget && (len(v.Lines) > 0 || !l.own) {
			break
		}
		*l.budget -= cost
		v.Lines = append(v.Lines, line)
	}
	v.More = len(changes) - from - len(v.Lines)
	if v.More > 0 {
		v.Rest = l.at(from + len(v.Lines))
	}
	if v.Less > 0 {
		v.Prev = l.at(max(0, from-l.most))
	}
	return v
}

func newDiffLine(c backupset.Change) diffLine {
	line := diffLine{Path: pathWords(c.Path), Exact: visible(c.Path), Op: diffOps[c.Op]}
	if line.Op.Word == "" {
		line.Op = diffOps[backupset.OpReplace]
	}
	line.Left, line.Right = newDiffValue(c.Before), newDiffValue(c.After)
	if line.Left != nil && line.Right != nil {
		line.Secret = line.Left.Secret && line.Right.Secret
		showDifference(line.Left, line.Right)
	}
	return line
}

// cost is about how many bytes the line is as HTML.
func (l diffLine) cost() int {
	n := 600 + 3*len(l.Exact)
	for _, side := range []*diffValue{l.Left, l.Right} {
		if side != nil {
			n += len(template.HTMLEscapeString(side.Text)) + len(template.HTMLEscapeString(side.Head))
		}
	}
	return n
}

// diffWords counts changes by what happened: "1 added, 2 changed".
func diffWords(changes []backupset.Change) string {
	if len(changes) == 0 {
		return "no difference"
	}
	counts := map[backupset.Op]int{}
	for _, c := range changes {
		counts[c.Op]++
	}
	return countedWords(counted{counts[backupset.OpAdd], "added"}, counted{counts[backupset.OpRemove], "removed"}, counted{counts[backupset.OpReplace], "changed"})
}

// diffSummary counts changes and names the first ones: "2 changed: Description, Settings › x".
func diffSummary(changes []backupset.Change) string {
	const most, long = 3, 90
	var names []string
	for _, c := range changes {
		var parts []string
		for _, p := range pathWords(c.Path) {
			parts = append(parts, p.Text)
		}
		name := []rune(strings.Join(parts, " › "))
		if len(name) > long {
			name = append(name[:long], '…')
		}
		if len(names) == most {
			names = append(names, "…")
			break
		}
		names = append(names, string(name))
	}
	return diffWords(changes) + ": " + strings.Join(names, ", ")
}
