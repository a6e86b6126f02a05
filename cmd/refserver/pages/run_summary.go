package pages

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// summary reads what a run has left behind. shape says which part of the template shows it;
// it is empty when there is nothing, or nothing that these pages know.
func (v *visit) summary(run runs.Run) (shape string, content any) {
	if len(run.Summary) == 0 {
		return "", nil
	}
	if run.ErrorCode == runs.CodeMissedSlot {
		return decoded[runs.MissedSummary]("missed", run.Summary)
	}
	switch run.Kind {
	case runs.KindBackup, runs.KindPolicySync, runs.KindSetCreate:
		return shown("capture", run.Summary, v.captureSummary)
	case runs.KindSetAdd:
		return shown("capture", run.Summary, func(s capture.Summary) captureSummary { return v.addedSummary(run, s) })
	case runs.KindSnapshot:
		return decoded[capture.SnapshotSummary]("snapshot", run.Summary)
	case runs.KindSetVerify:
		return decoded[capture.VerifySummary]("verify", run.Summary)
	case runs.KindSetImport:
		return shown("import", run.Summary, v.importSummary)
	case runs.KindRestorePreview, runs.KindDriftReport:
		return shown("preview", run.Summary, func(s restore.Summary) previewSummary { return v.previewSummary(run, s) })
	case runs.KindRestoreExecute:
		return decoded[restore.ExecuteSummary]("restore", run.Summary)
	case runs.KindRetentionApply:
		return shown("retention", run.Summary, retentionSummaryOf)
	}
	return "", nil
}

// decoded is a summary that is shown as it is.
func decoded[T any](shape string, raw json.RawMessage) (string, any) {
	return shown(shape, raw, func(s T) T { return s })
}

// shown is what show makes of a summary, and nothing when it is none that these pages know.
func shown[T, S any](shape string, raw json.RawMessage, show func(T) S) (string, any) {
	var s T
	if json.Unmarshal(raw, &s) != nil {
		return "", nil
	}
	return shape, show(s)
}

type captureSummary struct {
	capture.Summary
	Types    []typeAccount
	Warnings []warningRow
	Unknown  []string
	Unread   []string // the types whose policies could not all be listed
	Chosen   bool     // one by one: nothing was listed
	Had      int      // of the chosen ones: in the set already, or gone
}

// addedSummary is that of policies which were added to a set. Earlier versions noted none; the run
// has counted them.
func (v *visit) addedSummary(run runs.Run, s capture.Summary) captureSummary {
	out := v.captureSummary(s)
	out.Chosen, out.Had = true, run.Counts.Skipped
	out.PoliciesTotal, out.PoliciesBackedUp, out.ErrorsCount = run.Counts.Total, run.Counts.Succeeded, run.Counts.Failed
	return out
}

// runCounts are the counts of a run. An item that stands for a whole policy type, whose policies
// could not all be listed, is no policy.
type runCounts struct {
	runs.Counts
	Types int  // policy types that could not be read, not among Failed
	SoFar bool // Total is of the types that were listed until now
}

// ofTypes tells whether a run captures types, not single policies.
func ofTypes(run runs.Run) bool {
	var p capture.CreateSetParams
	return run.Kind == runs.KindBackup || run.Kind == runs.KindSetCreate && json.Unmarshal(run.Params, &p) == nil && len(p.PolicyIDs) == 0
}

// runCountsOf reads how many of the failures of a capture are types from its summary.
func runCountsOf(run runs.Run) runCounts {
	c := runCounts{Counts: run.Counts, SoFar: run.Status.Active() && ofTypes(run)}
	switch run.Kind {
	case runs.KindBackup, runs.KindPolicySync, runs.KindSetCreate, runs.KindSetAdd:
		var s capture.Summary
		if run.Counts.Failed == 0 || json.Unmarshal(run.Summary, &s) != nil {
			return c
		}
		for _, b := range s.TypeBreakdown {
			if !b.Complete && c.Failed > 0 { // its listing has an item of its own
				c.Types++
				c.Failed--
			}
		}
	}
	return c
}

type typeAccount struct {
	Name string
	capture.TypeBreakdown
	Why string // it could not be read to its end; empty when it could, or nobody noted it

	key graph.PolicyType
}

// unread tells whether policies of the type may be missing that nobody has seen.
func (t typeAccount) unread() bool { return !t.Complete }

type warningRow struct {
	What, Count string
	Policies    []runLink // the first ones

	code string
	n    int
}

func (v *visit) captureSummary(s capture.Summary) captureSummary {
	out := captureSummary{Summary: s}
	for t, b := range s.TypeBreakdown {
		account := typeAccount{Name: v.typeName(t), TypeBreakdown: b, key: t}
		out.Types = append(out.Types, account)
		if account.unread() {
			out.Unread = append(out.Unread, v.typeName(t))
		}
	}
	slices.Sort(out.Unread)
	slices.SortFunc(out.Types, func(a, b typeAccount) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	for _, w := range s.Warnings {
		code, n, _ := strings.Cut(w, ": ")
		row := warningRow{What: reasonWords(runs.Reason(code)), Count: n, code: code}
		row.n, _ = strconv.Atoi(n) // none are named where it is no number
		out.Warnings = append(out.Warnings, row)
	}
	for _, t := range s.UnknownPolicyTypes {
		out.Unknown = append(out.Unknown, string(t))
	}
	return out
}

type importSummary struct {
	transfer.ImportSummary
	Whose tenantWord // tenant the file names
	Types []importRow
}

type importRow struct {
	Name string
	transfer.Counts
}

func (v *visit) importSummary(s transfer.ImportSummary) importSummary {
	out := importSummary{ImportSummary: s, Whose: v.tenantWord(s.Source.TenantID)}
	for t, c := range s.TypeBreakdown {
		out.Types = append(out.Types, importRow{v.typeName(t), c})
	}
	slices.SortFunc(out.Types, func(a, b importRow) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out
}

type previewSummary struct {
	Drift  bool
	Path   string // of the page that shows it item by item
	Totals []totalRow
}

type totalRow struct {
	What string
	N    int
}

func (v *visit) previewSummary(run runs.Run, s restore.Summary) previewSummary {
	out := previewSummary{Drift: run.Kind == runs.KindDriftReport, Path: v.path("restore", "previews", string(run.ID))}
	order := []restore.Action{restore.Create, restore.Change, restore.Unchanged, restore.Skip, restore.Blocked}
	if out.Drift {
		out.Path = v.path("drift", string(run.ID))
		order = []restore.Action{restore.Added, restore.Removed, restore.Change, restore.Unchanged, restore.Skip, restore.Blocked}
	}
	for _, a := range order {
		if n, ok := s.Totals[a]; ok || !slices.Contains([]restore.Action{restore.Skip, restore.Blocked}, a) {
			word := actionWords[string(a)]
			if out.Drift && a == restore.Change {
				word = "changed since"
			}
			out.Totals = append(out.Totals, totalRow{word, n})
		}
	}
	return out
}

type retentionSummary struct {
	retention.Summary
	Stop       string // why it stopped, in words
	Stay, Gone []totalRow
}

func retentionSummaryOf(s retention.Summary) retentionSummary {
	out := retentionSummary{Summary: s, Stop: pauseWords[s.Paused]}
	for reason, n := range s.Reasons {
		words, ok := retentionReasons[reason]
		if !ok {
			words = reason
		}
		if retentionGoes(reason) {
			out.Gone = append(out.Gone, totalRow{words, n})
		} else {
			out.Stay = append(out.Stay, totalRow{words, n})
		}
	}
	byNumber := func(a, b totalRow) int {
		if a.N != b.N {
			return b.N - a.N
		}
		return strings.Compare(a.What, b.What)
	}
	slices.SortFunc(out.Stay, byNumber)
	slices.SortFunc(out.Gone, byNumber)
	return out
}
