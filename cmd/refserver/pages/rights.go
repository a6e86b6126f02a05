package pages

import (
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
)

// rightGroup is what the actor may do with one sort of thing.
type rightGroup struct {
	Label  string
	Rights []right
}

type right struct {
	What    string
	Allowed bool
}

// rights asks the guard what the actor may do, in groups. A test holds the table against the
// actions that there are.
func (v *visit) rights() []rightGroup {
	var groups []rightGroup
	for _, g := range rightTable {
		group := rightGroup{Label: g.label}
		for _, r := range g.rights {
			group.Rights = append(group.Rights, right{r.what, v.may(r.action)})
		}
		groups = append(groups, group)
	}
	return groups
}

// rightWords name an action: "Schedules, Delete".
func rightWords(action runs.Action) string {
	for _, group := range rightTable {
		for _, r := range group.rights {
			if r.action == action {
				return group.label + ", " + strings.ToLower(r.what[:1]) + r.what[1:]
			}
		}
	}
	return string(action)
}

type namedAction struct {
	what   string
	action runs.Action
}

var rightTable = []struct {
	label  string
	rights []namedAction
}{
	{"Look", []namedAction{{"See schedules, runs, sets, policies and the audit log", runs.ActionLook}}},
	{"Schedules", []namedAction{
		{"Create", runs.ActionScheduleCreate}, {"Change", runs.ActionScheduleUpdate}, {"Turn on", runs.ActionScheduleEnable},
		{"Turn off", runs.ActionScheduleDisable}, {"Delete", runs.ActionScheduleDelete}, {"Run now", runs.StartAction(runs.KindBackup)},
		{"Confirm a retention plan", runs.ActionRetentionConfirm}, {"Apply retention", runs.StartAction(runs.KindRetentionApply)},
	}},
	{"Runs", []namedAction{{"Cancel what you started", runs.ActionCancelOwn}, {"Cancel what others started", runs.ActionCancelAny}}},
	{"Policies", []namedAction{{"Refresh the list", runs.StartAction(runs.KindPolicySync)}, {"Capture one", runs.StartAction(runs.KindSnapshot)}}},
	{"Backup sets", []namedAction{
		{"Make one by hand", runs.StartAction(runs.KindSetCreate)}, {"Add policies to it", runs.StartAction(runs.KindSetAdd)},
		{"Verify", runs.StartAction(runs.KindSetVerify)}, {"Compare with what is live", runs.StartAction(runs.KindDriftReport)},
		{"Hold", runs.ActionSetHold}, {"Release a hold", runs.ActionSetRelease}, {"Delete", runs.ActionSetDelete}, {"Undelete", runs.ActionSetUndelete},
		{"Purge for good", runs.ActionSetPurge}, {"Export", runs.ActionSetExport}, {"Export with secrets", runs.ActionExportSecrets},
		{"Import", runs.StartAction(runs.KindSetImport)},
	}},
	{"Restore", []namedAction{
		{"Preview", runs.StartAction(runs.KindRestorePreview)}, {"Restore", runs.StartAction(runs.KindRestoreExecute)},
		{"Restore into another tenant", runs.ActionRestoreAcross},
	}},
}
