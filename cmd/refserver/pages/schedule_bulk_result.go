package pages

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// The results of a bulk stand in the address of the page that shows them, so that reload, Back and
// a bookmark show them again and nothing is done twice: done has the schedules that it was done to,
// each followed by its run where there is one, was the same of those whose run was under way already,
// and each not has a code and the schedules that it is about; batch is that of the runs which are new.
// Whoever makes up such an address can only name schedules of the tenant and codes that these pages
// have words for.

// packedLength is how long an id is in an address: 200 of them, in 36 characters each, would be more
// than some proxies take.
const packedLength = 22

// packed writes ids for an address; those that are none are left out.
func packed(ids ...runs.ID) string {
	var b strings.Builder
	for _, id := range ids {
		if raw, err := hex.DecodeString(strings.ReplaceAll(string(id), "-", "")); err == nil && id.Valid() {
			b.WriteString(base64.RawURLEncoding.EncodeToString(raw))
		}
	}
	return b.String()
}

// unpacked reads what packed has written. It is false for anything else, and for more ids than the
// runs and schedules of a bulk.
func unpacked(s string) ([]runs.ID, bool) {
	if len(s)%packedLength != 0 || len(s) > 2*backupsched.MaxBulk*packedLength {
		return nil, false
	}
	ids := make([]runs.ID, 0, len(s)/packedLength)
	for ; s != ""; s = s[packedLength:] {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(s[:packedLength])
		if err != nil {
			return nil, false
		}
		h := hex.EncodeToString(raw)
		ids = append(ids, runs.ID(strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")))
	}
	return ids, true
}

// errBulkAddress refuses an address that no form leads to.
var errBulkAddress = badRequest("This address is not one of this page's own. Choose the schedules in their list.")

// tellResults puts what became of each schedule into a query.
func tellResults(q url.Values, results []backupsched.BulkResult) {
	var done, was strings.Builder
	failed := map[string][]runs.ID{}
	batch := runs.ID("")
	for _, r := range results {
		switch {
		case r.OK && r.Reused:
			was.WriteString(packed(r.ID, r.RunID))
			continue
		case r.OK:
			batch = cmp.Or(batch, r.BatchID)
			done.WriteString(packed(r.ID, r.RunID))
			continue
		}
		code := failureOf(scheduleGone(r.Err)).code
		failed[code] = append(failed[code], r.ID)
	}
	q.Set("done", done.String())
	if was.Len() > 0 {
		q.Set("was", was.String())
	}
	if batch != "" {
		q.Set("batch", packed(batch))
	}
	for code, ids := range failed {
		q.Add("not", code+"."+packed(ids...))
	}
}

// bulkWhy says why something was not done to a schedule, by the code.
var bulkWhy = map[string]string{
	"deleted":               "It had been deleted already.",
	"forbidden":             "Your role does not allow it for this one, or there is no such schedule.",
	"nothing_to_retry":      "It has not run yet, or its last run succeeded. Run it now instead.",
	"run_active":            "Its last run has not ended yet. Wait for it or cancel it.",
	"confirm_plan_required": "Backup sets would go with it. Delete it on its own page, which shows which.",
	"busy":                  "Something else was at work on it. Try again.",
	"conflict":              "It had changed in the meantime. Look at it, then try again.",
	"invalid":               "Its settings are not valid any more. Open it and save it again.",
	"unavailable":           "The database could not be reached. Try again.",
	"interrupted":           "The request ended before it was its turn. Try again.",
	"internal":              "Something went wrong. The server's log has the cause.",
}

type bulkData struct {
	Choice bulkChoice
	Lines  []bulkLine // what was not done first
	OK     int
	Was    int // of which a run was under way already
	Failed int
	Back   string
	Runs   string // the address of all of them; empty when there is none
	Active bool   // some of them are under way
}

// bulkLine is one schedule of many, and what became of it.
type bulkLine struct {
	ID   runs.ID
	Name string // empty when nobody knows it
	Gone bool   // deleted by now
	Done bool
	Run  runs.ID
	Now  *badge // how the run is now; nil when that was not looked up
	Was  bool   // the run was under way already
	Why  string
}

// bulkResults shows what an address says of a bulk. It needs no more than looking: nothing is done.
func (v *visit) bulkResults() (answer, error) {
	data := bulkData{Back: v.backToList()}
	for _, c := range bulkTable {
		if string(c.Action) == v.query.Get("action") {
			data.Choice = c
		}
	}
	for _, s := range v.query["not"] {
		code, list, _ := strings.Cut(s, ".")
		ids, ok := unpacked(list)
		why, known := bulkWhy[code]
		if !ok {
			return nil, errBulkAddress
		}
		if !known {
			why = "It could not be done. The page of the schedule shows how it is now."
		}
		for _, id := range ids {
			data.Lines = append(data.Lines, bulkLine{ID: id, Why: why})
		}
	}
	data.Failed = len(data.Lines)
	step := 1
	if data.Choice.starts() {
		step = 2
	}
	for _, list := range []string{"done", "was"} {
		ids, ok := unpacked(v.query.Get(list))
		if !ok || len(ids)%step != 0 || data.Choice.Action == "" || list == "was" && step == 1 && len(ids) > 0 {
			return nil, errBulkAddress
		}
		for ; len(ids) > 0; ids = ids[step:] {
			line := bulkLine{ID: ids[0], Done: true, Was: list == "was"}
			if step > 1 {
				line.Run = ids[1]
			}
			if data.Lines = append(data.Lines, line); line.Was {
				data.Was++
			}
		}
	}
	data.OK = len(data.Lines) - data.Failed - data.Was
	if len(data.Lines) == 0 || len(data.Lines) > backupsched.MaxBulk {
		return nil, errBulkAddress
	}
	if err := v.nameLines(data.Lines); err != nil {
		return nil, err
	}
	if err := v.batchLines(&data); err != nil {
		return nil, err
	}
	pg := page{template: "schedule_bulk", title: data.Choice.Label + ": results", section: "schedules", data: data}
	if data.Active {
		pg.follows = "results"
	}
	return pg, nil
}

// batchLines looks up how the runs are that were started together.
func (v *visit) batchLines(data *bulkData) error {
	batch, ok := unpacked(v.query.Get("batch"))
	switch {
	case !ok || len(batch) > 1:
		return errBulkAddress
	case len(batch) == 0 || !data.Choice.starts():
		return nil
	}
	found, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, runs.RunFilter{BatchID: batch[0]}, runs.PageRequest{Limit: runs.MaxBatch})
	if err != nil {
		return err
	}
	if len(found.Items) == 0 {
		return nil
	}
	data.Runs = v.batchPath(batch[0])
	known := make(map[runs.ID]runs.Run, len(found.Items))
	for _, r := range found.Items {
		known[r.ID] = r
		data.Active = data.Active || r.Status.Active()
	}
	for i := range data.Lines {
		if r, found := known[data.Lines[i].Run]; found {
			b := runBadge(r)
			data.Lines[i].Now = &b
		}
	}
	return nil
}

// nameLines looks up what the schedules are called, deleted ones too.
func (v *visit) nameLines(lines []bulkLine) error {
	ids := make([]runs.ID, len(lines))
	for i, line := range lines {
		ids[i] = line.ID
	}
	found, err := v.chosen(backupsched.Filter{IDs: ids, WithDeleted: true})
	if err != nil {
		return err
	}
	known := make(map[runs.ID]backupsched.Schedule, len(found))
	for _, s := range found {
		known[s.ID] = s
	}
	for i := range lines {
		s := known[lines[i].ID]
		lines[i].Name, lines[i].Gone = s.Name, s.Deleted()
	}
	return nil
}
