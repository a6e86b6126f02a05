package pages

import "maps"

// cautionNotices are the notices that tell of something that was not done.
var cautionNotices = map[string]bool{"none_chosen": true}

// allNotices are what a form has done, by the key that the redirect carries. A page shows it once;
// app.js takes it out of the address, so that a reload does not say it again.
func allNotices() map[string]string {
	all := map[string]string{
		"run_started": "The run was started. What it does stands below.",
		"run_reused":  "Such a run had been started already. This is it.",
		"zone_saved":  "Times are shown in this zone now.",
	}
	for _, area := range []map[string]string{scheduleNotices, runNotices, setNotices, policyNotices, restoreNotices, inboxNotices, settingsNotices} {
		maps.Copy(all, area)
	}
	return all
}
