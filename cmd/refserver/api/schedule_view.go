package api

import (
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Schedule is a tenant's recurring backup plan.
type Schedule struct {
	ID                 string     `json:"id" format:"uuid"`
	Name               string     `json:"name"`
	Enabled            bool       `json:"enabled"`
	Timezone           string     `json:"timezone"`
	Frequency          string     `json:"frequency" enum:"daily,weekly"`
	TimeOfDay          string     `json:"time_of_day" doc:"Local time, HH:MM"`
	DaysOfWeek         []int      `json:"days_of_week" minimum:"1" maximum:"7" doc:"1 (Monday) to 7 (Sunday); empty for a daily schedule"`
	PolicyTypes        []string   `json:"policy_types"`
	IncludeFoundations bool       `json:"include_foundations"`
	RetentionKeepLast  int        `json:"retention_keep_last"`
	NextRunAt          *time.Time `json:"next_run_at" doc:"null while disabled"`
	LastRunAt          *time.Time `json:"last_run_at"`
	LastRunStatus      *string    `json:"last_run_status"`
	CreatedAt          time.Time  `json:"created_at"`
	UpdatedAt          time.Time  `json:"updated_at" doc:"The latest change by a person; runs do not move it. if_updated_at of an update takes it."`
}

// SavedSchedule is a schedule that was just saved, with what a person should know about it.
type SavedSchedule struct {
	Schedule
	Warnings []Warning `json:"warnings"`
}

// Warning is something that a person should know about a valid schedule.
type Warning struct {
	Code         string    `json:"code" doc:"slot_in_gap: on this day the time of day does not exist, and no backup is made"`
	Field        string    `json:"field"`
	Message      string    `json:"message"`
	Date         string    `json:"date" format:"date" doc:"The local day without a backup"`
	At           time.Time `json:"at" doc:"When the clocks are set forward"`
	NextSafeTime *string   `json:"next_safe_time" doc:"The first local time after the gap on that day, HH:MM; null when none is left"`
}

// SchedulePreview is what a schedule would do.
type SchedulePreview struct {
	Slots    []time.Time `json:"slots" doc:"When it would be due next"`
	Warnings []Warning   `json:"warnings"`
}

func showSchedule(s backupsched.Schedule) Schedule {
	v := Schedule{
		ID: string(s.ID), Name: s.Name, Enabled: s.Enabled, Timezone: s.Timezone, Frequency: string(s.Frequency),
		TimeOfDay: s.TimeOfDay, DaysOfWeek: []int{}, PolicyTypes: []string{},
		IncludeFoundations: s.IncludeFoundations, RetentionKeepLast: s.RetentionKeepLast,
		NextRunAt: instant(s.NextRunAt), LastRunAt: instant(s.LastRunAt), LastRunStatus: text(s.LastRunStatus),
		CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
	}
	v.DaysOfWeek = append(v.DaysOfWeek, s.DaysOfWeek...)
	for _, t := range s.PolicyTypes {
		v.PolicyTypes = append(v.PolicyTypes, string(t))
	}
	return v
}

func showWarning(w backupsched.Warning) Warning {
	return Warning{
		Code: w.Code, Field: w.Field, Message: w.Message, Date: w.Gap.Date.String(),
		At: w.Gap.At.UTC(), NextSafeTime: text(w.Gap.NextSafe),
	}
}

// scheduleBody is what a person says about a new schedule.
type scheduleBody struct {
	Name               string    `json:"name" maxLength:"255"`
	Enabled            *bool     `json:"enabled,omitempty" default:"true"`
	Timezone           *string   `json:"timezone,omitempty" default:"UTC" doc:"IANA name in its exact spelling; an empty one is an error"`
	Frequency          string    `json:"frequency" enum:"daily,weekly"`
	TimeOfDay          string    `json:"time_of_day" doc:"Local time, HH:MM"`
	DaysOfWeek         *[]int    `json:"days_of_week,omitempty" doc:"1 (Monday) to 7 (Sunday); only and always for a weekly schedule"`
	PolicyTypes        *[]string `json:"policy_types" minItems:"1" doc:"Names of the catalogue of policy types, such as settingsCatalogPolicy; docs/graph-types.md lists them"`
	IncludeFoundations *bool     `json:"include_foundations,omitempty" default:"true" doc:"Also back up what policies refer to"`
	RetentionKeepLast  *int      `json:"retention_keep_last,omitempty" default:"30" minimum:"1" maximum:"10000" doc:"How many complete backup sets to keep"`
}

func (b scheduleBody) draft() backupsched.Draft {
	d := backupsched.NewDraft()
	d.Name, d.Frequency, d.TimeOfDay = b.Name, backupsched.Frequency(b.Frequency), b.TimeOfDay
	d.Enabled = given(b.Enabled, d.Enabled)
	d.Timezone = given(b.Timezone, d.Timezone)
	d.DaysOfWeek = given(b.DaysOfWeek, nil)
	d.PolicyTypes = policyTypes(given(b.PolicyTypes, nil))
	d.IncludeFoundations = given(b.IncludeFoundations, d.IncludeFoundations)
	d.RetentionKeepLast = given(b.RetentionKeepLast, d.RetentionKeepLast)
	return d
}

// schedulePatchBody changes the fields that are there.
type schedulePatchBody struct {
	Name               *string   `json:"name,omitempty" maxLength:"255"`
	Enabled            *bool     `json:"enabled,omitempty"`
	Timezone           *string   `json:"timezone,omitempty"`
	Frequency          *string   `json:"frequency,omitempty" enum:"daily,weekly" doc:"daily clears days_of_week"`
	TimeOfDay          *string   `json:"time_of_day,omitempty"`
	DaysOfWeek         *[]int    `json:"days_of_week,omitempty"`
	PolicyTypes        *[]string `json:"policy_types,omitempty" minItems:"1" doc:"Names of the catalogue of policy types, such as settingsCatalogPolicy; docs/graph-types.md lists them"`
	IncludeFoundations *bool     `json:"include_foundations,omitempty"`
	RetentionKeepLast  *int      `json:"retention_keep_last,omitempty" minimum:"1" maximum:"10000"`
	ConfirmPlan        *string   `json:"confirm_plan,omitempty" doc:"confirm_plan of a retention plan; needed when a lower retention_keep_last would delete backup sets"`
	IfUpdatedAt        *string   `json:"if_updated_at,omitempty" format:"date-time" doc:"updated_at of the schedule that the change was decided on: when somebody has changed it since, the answer is 409 schedule_changed and nothing is changed. Without it the change is made in any case."`
}

func (b schedulePatchBody) patch() (backupsched.Patch, error) {
	p := backupsched.Patch{
		Name: b.Name, Enabled: b.Enabled, Timezone: b.Timezone, TimeOfDay: b.TimeOfDay, DaysOfWeek: b.DaysOfWeek,
		IncludeFoundations: b.IncludeFoundations, RetentionKeepLast: b.RetentionKeepLast, ConfirmPlan: given(b.ConfirmPlan, ""),
	}
	if b.Frequency != nil {
		f := backupsched.Frequency(*b.Frequency)
		p.Frequency = &f
	}
	if b.PolicyTypes != nil {
		types := policyTypes(*b.PolicyTypes)
		p.PolicyTypes = &types
	}
	if b.IfUpdatedAt != nil {
		var bad runs.InvalidError
		if p.IfUpdatedAt = instantParam(*b.IfUpdatedAt).value(&bad, "if_updated_at"); bad.Err() == nil && p.IfUpdatedAt.IsZero() {
			bad.Add("if_updated_at", "if_updated_at_invalid", "must be the updated_at of the schedule; leave it out to change the schedule in any case")
		}
		return p, bad.Err()
	}
	return p, nil
}

// schedulePreviewBody is a schedule in the making: only when it would be due is looked at.
type schedulePreviewBody struct {
	Name               *string   `json:"name,omitempty"`
	Enabled            *bool     `json:"enabled,omitempty"`
	Timezone           *string   `json:"timezone,omitempty" default:"UTC"`
	Frequency          string    `json:"frequency" enum:"daily,weekly"`
	TimeOfDay          string    `json:"time_of_day"`
	DaysOfWeek         *[]int    `json:"days_of_week,omitempty"`
	PolicyTypes        *[]string `json:"policy_types,omitempty"`
	IncludeFoundations *bool     `json:"include_foundations,omitempty"`
	RetentionKeepLast  *int      `json:"retention_keep_last,omitempty"`
	Count              *int      `json:"count,omitempty" default:"5" minimum:"1" maximum:"50" doc:"How many slots to show"`
}

func (b schedulePreviewBody) draft() backupsched.Draft {
	return scheduleBody{Timezone: b.Timezone, Frequency: b.Frequency, TimeOfDay: b.TimeOfDay, DaysOfWeek: b.DaysOfWeek}.draft()
}
