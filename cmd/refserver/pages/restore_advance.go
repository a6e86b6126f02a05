package pages

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// advance is what to know before a restore. It stands above the list, once.
type advance struct {
	Careful []caution // about what would be written
	Blocked int       // how many others would not be
	Kept    []caution // why
	Missing []missing // what those wait for, the most wanted first
	More    int       // how many others are missing
	Remedy  string    // what helps where something is missing
	Of      string    // from how many policies it was counted; empty when from all
}

// caution is something to know before a restore, and how many policies it is about.
type caution struct {
	Words string
	Count string
}

// missing is what a policy refers to and the tenant does not have.
type missing struct {
	Name string
	Kind string // in words
	Wait string // how many policies wait for it

	waits int
}

const (
	cautionsRead   = 1000 // how many policies are read for what stands above the list
	missingShown   = 20   // how much of what is missing stands above the list,
	missingInEntry = 5    // beside a policy of a list,
	missingOfOne   = 100  // and of a policy that is shown alone
)

// inAdvance counts the warnings of what would be written, and what keeps the rest from it. some tells
// that not the whole set was chosen.
func (v *visit) inAdvance(p restore.Preview, some bool) (a advance, err error) {
	if v.query.Get("cursor") != "" || v.query.Get("item") != "" {
		return a, nil
	}
	careful, kept, wanted := map[string]int{}, map[string]int{}, map[missing]int{}
	actions, read := []restore.Action{restore.Create, restore.Change, restore.Blocked}, 0
	for pr := (runs.PageRequest{Limit: runs.MaxPageSize}); read < cautionsRead; {
		got, err := v.cfg.Restores.Items(v.ctx(), v.tenant, v.actor, p.RunID, restore.Filter{Actions: actions}, pr)
		if err != nil {
			return a, err
		}
		read += len(got.Items)
		for _, item := range got.Items {
			if item.Action == restore.Blocked {
				kept[string(item.Reason)]++
			} else {
				for code := range warningCodes(item) {
					careful[code]++
				}
			}
			for _, m := range v.missingOf(item) {
				wanted[m]++
			}
		}
		if pr.Cursor = got.NextCursor; pr.Cursor == "" {
			break
		}
	}
	total := 0
	for _, action := range actions {
		total += p.Totals[action]
	}
	if read < total {
		a.Of = "Counted from the first " + number(read) + " of " + number(total) + " policies."
	}
	a.Careful, a.Blocked = cautionsOf(careful, knownCautions), p.Totals[restore.Blocked]
	if a.Kept = cautionsOf(kept, knownBlocks); len(kept) > 0 {
		others := 0
		for reason, n := range kept {
			if !slices.ContainsFunc(knownBlocks, func(c knownCaution) bool { return c.code == reason }) {
				others += n
			}
		}
		if others > 0 {
			a.Kept = append(a.Kept, caution{Words: "Why stands with each in the list below.", Count: count(others, "policy", "policies")})
		}
	}
	a.wants(wanted)
	a.Remedy = remedy(p, wanted, some)
	return a, nil
}

// warningCodes are the codes of an item's warnings, each once.
func warningCodes(item restore.PreviewItem) map[string]bool {
	codes := map[string]bool{}
	for _, w := range item.Warnings {
		codes[warningCode(item.Action, w.Code)] = true
	}
	return codes
}

func cautionsOf(counts map[string]int, known []knownCaution) (list []caution) {
	for _, c := range known {
		if n := counts[c.code]; n > 0 && c.words != "" {
			list = append(list, caution{Words: c.words, Count: count(n, "policy", "policies")})
		}
	}
	return list
}

// wants lists what is missing, what most policies wait for first.
func (a *advance) wants(wanted map[missing]int) {
	for m, n := range wanted {
		m.waits, m.Wait = n, count(n, "policy waits", "policies wait")
		a.Missing = append(a.Missing, m)
	}
	slices.SortFunc(a.Missing, func(x, y missing) int {
		return cmp.Or(y.waits-x.waits, strings.Compare(x.Kind, y.Kind), strings.Compare(x.Name, y.Name))
	})
	a.Missing, a.More = atMost(a.Missing, missingShown)
}

// atMost are the first ones of a list, and how many there are beside them. One more is shown rather
// than counted.
func atMost(list []missing, n int) (first []missing, more int) {
	if len(list) > n+1 {
		return list[:n], len(list) - n
	}
	return list, 0
}

// remedy says what else than making it helps where something is missing.
func remedy(p restore.Preview, wanted map[missing]int, some bool) string {
	words := "Then make a new preview."
	if some {
		words = "What the backup set has of it can be restored as well: choose it, too. " + words
	}
	group := false
	for m := range wanted {
		group = group || m.Kind == directoryWords["group"]
	}
	if group && p.Options.Assignments == restore.OriginalAssignments {
		words += " Groups that have the same name here are found when assignments go to groups of the same name."
	}
	return words
}

// directoryWords are what there is in a directory that policies refer to.
var directoryWords = map[string]string{"group": "Group", "user": "User", "application": "App", "role": "Role"}

// missingOf is what a blocked item refers to and the tenant does not have, each once, by its
// warnings: `group "Pilot" is not in the target`.
func (v *visit) missingOf(item restore.PreviewItem) (list []missing) {
	if item.Action != restore.Blocked {
		return nil
	}
	for _, w := range item.Warnings {
		what, found := strings.CutSuffix(w.Detail, " is not in the target")
		if !found || w.Code != string(runs.ReasonDependencyMissing) {
			continue
		}
		kind, name, _ := strings.Cut(what, " ")
		m := missing{Kind: directoryWords[kind]}
		if m.Kind == "" {
			m.Kind = v.typeName(graph.PolicyType(kind))
		}
		if quoted, err := strconv.Unquote(name); err == nil {
			m.Name = shownName(quoted, "")
		} else {
			m.Name = shownName("", name)
		}
		if !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}
