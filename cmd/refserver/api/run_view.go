package api

import (
	"encoding/json"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// Run is one execution of anything.
type Run struct {
	ID           string          `json:"id" format:"uuid"`
	Kind         string          `json:"kind"`
	Trigger      string          `json:"trigger" enum:"schedule,manual,retry,system"`
	Actor        string          `json:"actor" doc:"Id of the user; system for the engine"`
	Status       string          `json:"status" enum:"queued,running,success,partial,failed,canceled,skipped"`
	ScheduleID   *string         `json:"schedule_id" format:"uuid"`
	ScheduledFor *time.Time      `json:"scheduled_for" doc:"The slot; null for a run that no slot started"`
	Target       Target          `json:"target"`
	CreatedAt    time.Time       `json:"created_at"`
	UpdatedAt    time.Time       `json:"updated_at"`
	StartedAt    *time.Time      `json:"started_at"`
	FinishedAt   *time.Time      `json:"finished_at"`
	NotBefore    *time.Time      `json:"not_before" doc:"A queued run waits until then"`
	Attempt      int             `json:"attempt"`
	AttemptAt    *time.Time      `json:"attempt_started_at" doc:"When the latest attempt began, which the eta counts from"`
	RetryOf      *string         `json:"retry_of" format:"uuid"`
	BatchID      *string         `json:"batch_id" format:"uuid" doc:"The same for all runs that one bulk call started; null for a run that was started by itself"`
	ErrorCode    *string         `json:"error_code"`
	ErrorMessage *string         `json:"error_message"`
	Counts       Counts          `json:"counts"`
	ETA          *time.Time      `json:"eta" doc:"When a running run may end, by its pace so far. Null while that cannot be told, as of a backup of several policy types, whose total grows with each type that it lists"`
	BackupSetID  *string         `json:"backup_set_id" format:"uuid"`
	Summary      json.RawMessage `json:"summary" doc:"An object whose fields depend on the kind; null when there is none"`
}

// Target is what a run or an audit entry is about.
type Target struct {
	Type string  `json:"type"`
	ID   *string `json:"id"`
}

// Counts are the outcomes of a run's items. Processed is the sum of the last three.
type Counts struct {
	Total     int `json:"total" doc:"What the run expects; 0 while unknown. A capture of policy types raises it with each type that it lists"`
	Processed int `json:"processed"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Skipped   int `json:"skipped"`
}

// RunItem is the outcome of one policy within a run.
type RunItem struct {
	ID           string  `json:"id" format:"uuid"`
	PolicyType   string  `json:"policy_type"`
	PolicyID     *string `json:"policy_id" doc:"Graph's id; null when the item speaks for the whole type"`
	Name         *string `json:"name"`
	Status       string  `json:"status" enum:"success,failed,skipped"`
	ReasonCode   *string `json:"reason_code"`
	Message      *string `json:"message"`
	Attempt      int     `json:"attempt"`
	BackupItemID *string `json:"backup_item_id" format:"uuid"`
	TargetID     *string `json:"target_id"`
}

func showTarget(t runs.Target) Target { return Target{Type: t.Type, ID: text(t.ID)} }

func (a *API) showRun(r runs.Run) Run {
	return Run{
		ID: string(r.ID), Kind: string(r.Kind), Trigger: string(r.Trigger), Actor: r.Actor.ID, Status: string(r.Status),
		ScheduleID: text(r.ScheduleID), ScheduledFor: instant(r.ScheduledFor), Target: showTarget(r.Target),
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), StartedAt: instant(r.StartedAt),
		FinishedAt: instant(r.FinishedAt), NotBefore: instant(r.NotBefore), Attempt: r.Attempt, AttemptAt: instant(r.AttemptStartedAt), RetryOf: text(r.RetryOf), BatchID: text(r.BatchID),
		ErrorCode: text(r.ErrorCode), ErrorMessage: text(r.ErrorMessage), Counts: Counts(r.Counts),
		ETA: instant(a.eta(r)), BackupSetID: text(r.BackupSetID), Summary: r.Summary,
	}
}

// eta is when a running run may end; zero when nothing can be said.
func (a *API) eta(r runs.Run) time.Time {
	at := r.ETA(a.cfg.Clock.Now())
	if !at.IsZero() && len(capture.Types(a.cfg.Catalogue, r)) > 1 {
		return time.Time{}
	}
	return at
}

func showRunItem(i runs.Item) RunItem {
	return RunItem{
		ID: string(i.ID), PolicyType: string(i.PolicyType), PolicyID: text(i.PolicyID), Name: text(i.Name),
		Status: string(i.Status), ReasonCode: text(i.Reason), Message: text(i.Message), Attempt: i.Attempt,
		BackupItemID: text(i.BackupItemID), TargetID: text(i.TargetID),
	}
}
