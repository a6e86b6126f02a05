package pages

import "maps"

// cautionNotices are the notices that tell of something that was not done.
var cautionNotices = map[string]bool{"none_chosen": true}

// allNotices are what a form has done, by the key that the redirect carries. A page shows it once;
// app.js takes it out of the address, so that a reload does not say it again.
func allNotices() map[string]string {
	all := map[string]string{
		"run_started": "The run has started. This page follows it.",
		"run_reused":  "Such a run is under way already; this is it.",
		"zone_saved":  "Times are shown in this zone now.",
	}
	for _, area := range []map[string]string{scheduleNotices, runNotices, setNotices, policyNotices, restoreNotices, inboxNotices, settingsNotices} {
		maps.Copy(all, area)
	}
	return all
}
