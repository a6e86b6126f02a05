package pages

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// previewSlots is how many slots the form and the page of a schedule show.
const previewSlots = 5

// slotData is when a schedule would run.
type slotData struct {
	Zone   string
	Abroad bool // the viewer's zone is another one
	Slots  []time.Time
	Notes  []string // about days without a slot
	Wrong  []string // why nothing can be shown
}

// previewSchedule is the fragment that the form asks for while somebody types.
func previewSchedule(v *visit) (answer, error) {
	data, err := v.nextSlots(typed(v.query))
	return page{template: "fragment_schedule_preview", data: data}, err
}

// nextSlots tells the next slots of a form, or what is still missing.
func (v *visit) nextSlots(f scheduleForm) (slotData, error) {
	data := slotData{Zone: f.Timezone, Abroad: v.abroad(f.Timezone)}
	p, err := v.cfg.Scheduler.Preview(v.ctx(), v.tenant, v.actor, f.Draft, previewSlots)
	var invalid *runs.InvalidError
	switch {
	case errors.As(err, &invalid):
		for _, e := range invalid.Fields {
			data.Wrong = append(data.Wrong, sentence(fieldWords(e.Field)+": "+e.Message))
		}
		return data, nil
	case errors.Is(err, backupsched.ErrNoSlot):
		data.Wrong = []string{"This rule never falls due in the next 400 days."}
		return data, nil
	}
	data.Slots = p.Slots
	for _, w := range p.Warnings[:min(len(p.Warnings), 1)] { // the next one; those of later years are like it
		data.Notes = append(data.Notes, gapNote(f.Recurrence, w.Gap, v.now))
	}
	return data, err
}

// fieldWords names a field of a recurrence in a sentence.
func fieldWords(field string) string {
	switch field {
	case "time_of_day":
		return "the time of day"
	case "timezone":
		return "the time zone"
	case "frequency":
		return "the frequency"
	}
	return "the days of the week"
}

// gapNote tells of a day without a slot: "Sun 29 Mar: 02:30 does not exist in Europe/Berlin, this
// run is skipped. Set the time to 03:00 to run on that day, too."
func gapNote(r backupsched.Recurrence, g backupsched.Gap, now time.Time) string {
	day := time.Date(g.Date.Year, g.Date.Month, g.Date.Day, 0, 0, 0, 0, time.UTC)
	layout := "Mon 2 Jan"
	if g.Date.Year != now.UTC().Year() {
		layout = "Mon 2 Jan 2006"
	}
	what := r.TimeOfDay
	if g.WholeDay {
		what = "this day"
	}
	note := fmt.Sprintf("%s: %s does not exist in %s, this run is skipped", day.Format(layout), what, r.Timezone)
	if r.Frequency == backupsched.Weekly && len(r.DaysOfWeek) == 1 {
		note += ", which leaves 14 days without one"
	}
	note += "."
	if g.NextSafe != "" {
		note += " Set the time to " + g.NextSafe + " to run on that day, too."
	}
	return note
}

// commonZones are offered while somebody types a zone; any other IANA name is taken, too.
var commonZones = []string{
	"UTC", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Rome", "Europe/Amsterdam",
	"Europe/Zurich", "Europe/Vienna", "Europe/Stockholm", "Europe/Warsaw", "Europe/Helsinki", "Europe/Athens", "Europe/Istanbul", "Africa/Johannesburg",
	"Africa/Lagos", "Africa/Cairo", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Hong_Kong", "Asia/Shanghai", "Asia/Tokyo", "Asia/Seoul",
	"Australia/Perth", "Australia/Sydney", "Pacific/Auckland", "America/St_Johns", "America/New_York", "America/Toronto", "America/Chicago",
	"America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Mexico_City", "America/Bogota",
	"America/Sao_Paulo", "America/Argentina/Buenos_Aires",
}

// zones are the common ones, the viewer's first.
func (v *visit) zones() []string {
	own := v.zone.String()
	return append([]string{own}, slices.DeleteFunc(slices.Clone(commonZones), func(z string) bool { return z == own })...)
}
