package pages

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// restored is what the page of a restore shows beside that of other runs.
type restored struct {
	Folded bool     // what was left alone is not listed, only counted
	Alone  string   // how much that is, in words
	Path   string   // leads to it
	Next   []string // what is left to do
	Words  string   // how it ended; empty while it is not over
	Short  bool     // something could not be restored
	Why    string   // leads to what the preview had blocked
}

// restoredStatuses are the items that the page of a restore shows unless the address says others:
// what was written, or should have been. A restore of a set leaves most of it alone.
var restoredStatuses = []runs.ItemStatus{runs.ItemFailed, runs.ItemSuccess}

// restoreParams are what somebody asked of a restore; false for those of a version that these
// pages do not know.
func restoreParams(run runs.Run) (p restore.ExecuteParams, known bool) {
	err := json.Unmarshal(run.Params, &p)
	return p, err == nil && p.PreviewRunID.Valid()
}

// previewOfRestore is what a restore does; its preview goes with its set.
func (v *visit) previewOfRestore(run runs.Run) (p restore.Preview, found bool, err error) {
	params, known := restoreParams(run)
	if !known {
		return p, false, nil
	}
	p, err = v.cfg.Restores.Get(v.ctx(), v.tenant, v.actor, params.PreviewRunID)
	if notThere(err) {
		return restore.Preview{}, false, nil
	}
	return p, err == nil, err
}

// restored says of the shown items what was done with them, puts what failed first, and tells what
// was left alone and what is left to do.
func (v *visit) restored(data *runData, folded bool) error {
	data.Restored = &restored{Folded: folded && data.Run.Counts.Skipped > 0, Path: v.with("status", string(runs.ItemSkipped))}
	preview, found, err := v.previewOfRestore(data.Run)
	if err != nil {
		return err
	}
	data.Restored.Words = restoredWords(data.Run)
	if s, ok := data.Summary.(restore.ExecuteSummary); ok {
		data.Restored.Short = s.Failed+s.Blocked > 0
	}
	data.Restored.Alone = aloneWords(data.Run.Counts.Skipped, preview)
	if found {
		if preview.Totals[restore.Blocked] > 0 {
			data.Restored.Why = v.path("restore", "previews", string(preview.RunID)) + "?action=" + string(restore.Blocked)
		}
		if err := v.whatWasDone(data, preview); err != nil {
			return err
		}
	}
	rank := func(r itemRow) int {
		switch {
		case r.Status == runs.ItemFailed:
			return 0
		case r.Status == runs.ItemSkipped:
			return 3
		case r.Did == didBadges[restore.Change]:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(data.Items, func(a, b itemRow) int { return rank(a) - rank(b) })
	if s, ok := data.Summary.(restore.ExecuteSummary); found && ok && data.Run.Status.Terminal() && s.Created+s.Changed > 0 {
		data.Restored.Next, err = v.nextSteps(preview, s)
	}
	return err
}

// didBadges say what a restore did with an item.
var didBadges = map[restore.Action]badge{
	restore.Create: {Word: "created", Icon: "plus", Tone: "good"},
	restore.Change: {Word: "changed", Icon: "pencil", Tone: "good"},
}

func (v *visit) whatWasDone(data *runData, p restore.Preview) error {
	var ids []runs.ID
	for _, row := range data.Items {
		if (row.Status == runs.ItemSuccess || row.Status == runs.ItemSkipped && row.Reason == runs.ReasonDependencyMissing) && row.BackupItemID.Valid() {
			ids = append(ids, row.BackupItemID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	done, err := v.cfg.Restores.Items(v.ctx(), v.tenant, v.actor, p.RunID, restore.Filter{ItemIDs: ids}, runs.PageRequest{Limit: runs.MaxPageSize})
	if err != nil {
		return err
	}
	said := map[runs.ID]restore.PreviewItem{}
	for _, item := range done.Items {
		said[item.ItemID] = item
	}
	for i := range data.Items {
		row, item := &data.Items[i], said[data.Items[i].BackupItemID]
		row.Did = didBadges[item.Action]
		row.Missing, row.More = atMost(v.missingOf(item), missingInEntry)
	}
	return nil
}

// restoredWords say how a restore that is over ended: "5 policies restored, 19 could not be". They are
// empty for other runs, and where nothing tells.
func restoredWords(run runs.Run) string {
	var s restore.ExecuteSummary
	if run.Kind != runs.KindRestoreExecute || len(run.Summary) == 0 || json.Unmarshal(run.Summary, &s) != nil {
		return ""
	}
	words := count(s.Created+s.Changed, "policy", "policies") + " restored"
	if n := s.Failed + s.Blocked; n > 0 {
		words += ", " + number(n) + " could not be"
	}
	if n := s.Skipped - s.Blocked; n > 0 {
		words += ", " + number(n) + " skipped"
	}
	return words
}

// aloneWords count what a restore left alone: "105 policies needed no change, 2 skipped".
func aloneWords(skipped int, p restore.Preview) string {
	same, blocked := p.Totals[restore.Unchanged], p.Totals[restore.Blocked]
	if same+blocked == 0 || same+blocked > skipped {
		return count(skipped, "policy was", "policies were") + " skipped"
	}
	var parts []string
	if same > 0 {
		parts = append(parts, count(same, "policy", "policies")+" needed no change")
	}
	if blocked > 0 {
		parts = append(parts, count(blocked, "policy", "policies")+" could not be restored")
	}
	if rest := skipped - same - blocked; rest > 0 {
		parts = append(parts, count(rest, "was skipped", "were skipped")+" for other reasons")
	}
	return strings.Join(parts, ", ")
}

// nextSteps are what a person has to do after a restore, since it leaves what is safe: policies
// that nobody gets, and Conditional Access that is not enforced.
func (v *visit) nextSteps(p restore.Preview, s restore.ExecuteSummary) ([]string, error) {
	var steps []string
	if s.Created > 0 && p.Options.Assignments == restore.NoAssignments {
		made, err := v.cfg.Restores.Items(v.ctx(), v.tenant, v.actor, p.RunID, restore.Filter{Actions: []restore.Action{restore.Create}}, runs.PageRequest{Limit: runs.MaxPageSize})
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(made.Items, func(i restore.PreviewItem) bool {
			t, known := v.cfg.Catalogue.Lookup(i.Type)
			return known && t.Write.Assigned
		}) {
			steps = append(steps, "Assign what was created: it is assigned to nobody yet. That is done in the Intune admin centre.")
		}
	}
	words := accessSteps[p.Options.Access]
	if words == "" {
		return steps, nil
	}
	actions := []restore.Action{restore.Create, restore.Change}
	if p.Options.Access == restore.AccessKeep {
		actions = actions[:1] // what exists keeps its state
	}
	access, err := v.cfg.Restores.Items(v.ctx(), v.tenant, v.actor, p.RunID, restore.Filter{Type: conditionalAccess, Actions: actions}, runs.PageRequest{Limit: 1})
	if err == nil && len(access.Items) > 0 {
		steps = append(steps, words)
	}
	return steps, err
}

// accessSteps are what is left to do with Conditional Access, by the state that it came back in.
var accessSteps = map[restore.AccessState]string{
	restore.AccessKeep:       "Enable Conditional Access: policies that were created are disabled, so they protect nobody yet. Look at them in the Entra admin centre first.",
	restore.AccessDisabled:   "Enable Conditional Access: what was restored is disabled, so it protects nobody yet. Look at it in the Entra admin centre first.",
	restore.AccessReportOnly: "Enable Conditional Access: what was restored is report-only, so nobody is refused yet. Look at its sign-in log in the Entra admin centre first.",
}
