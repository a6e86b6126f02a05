package pages

import (
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// hollow tells whether a set holds nothing since its run did not succeed: it is no backup, and is offered
// for nothing. A complete one without policies is a backup of types of which there were none.
func hollow(s backupset.BackupSet) bool { return s.Status == backupset.Partial && s.ItemsCount == 0 }

// setBadge is the status of a set, in words that tell one that is hollow from a backup.
func setBadge(s backupset.BackupSet) badge {
	if hollow(s) {
		return badge{Word: "empty", Icon: "cross", Tone: "bad"}
	}
	return statusOf(s.Status)
}

// setTime is how the name of a backup set ends that a schedule made: with when it was due.
const setTime = "2006-01-02 15:04 UTC"

// dated takes the time out of the name of a set that a schedule made. What people write is left alone.
func dated(s backupset.BackupSet) (name string, at time.Time, ok bool) {
	cut := len(s.Name) - len(setTime)
	if s.ScheduleID == "" || cut < 1 {
		return s.Name, time.Time{}, false
	}
	at, err := time.Parse(setTime, s.Name[cut:])
	name = strings.TrimSpace(s.Name[:cut])
	if err != nil || name == "" {
		return s.Name, time.Time{}, false
	}
	return name, at, true
}

// setTitle is what a set is called in links, headings and lists: one that a schedule made by the
// schedule's name and its time in the viewer's zone. Its own name, in UTC, stands on its own page.
func (v *visit) setTitle(s backupset.BackupSet) string { return v.setTitleOf(s, "") }

// setTitleOf also names the tenant, unless it is empty.
func (v *visit) setTitleOf(s backupset.BackupSet, tenant string) string {
	name, at, ok := dated(s)
	name = apart(name)
	if tenant != "" {
		name += " of " + apart(tenant)
	}
	if !ok {
		return name
	}
	return name + ", " + inWords(momentOf(at, v.zone, v.now))
}

// inWords is a moment as a text: "Sat 21 Nov 2026, 14:05 CET".
func inWords(m moment) string { return m.Text + " " + m.Zone }

// SetTitle is what a set is called in links, headings and lists.
func (s *screen) SetTitle(set backupset.BackupSet) string { return s.visit.setTitle(set) }

// SetOption is the same for an option, which has nothing beside it: always with a time.
func (s *screen) SetOption(set backupset.BackupSet) string {
	if s.Dated(set) {
		return s.visit.setTitle(set)
	}
	return apart(set.Name) + ", " + inWords(s.At(set.CreatedAt))
}

// Dated tells whether the title of a set has its time.
func (s *screen) Dated(set backupset.BackupSet) bool {
	_, _, ok := dated(set)
	return ok
}
