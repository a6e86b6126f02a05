package pages

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// auditLog registers the pages of the audit log. Verifying reads the whole log and changes
// nothing; it is a POST since it is work, and its outcome is the answer itself.
func (p *Pages) auditLog() {
	p.add(route{method: http.MethodGet, path: "audit", action: runs.ActionLook, target: "audit"}, listAudit)
	p.add(route{method: http.MethodPost, path: "audit/verify", action: runs.ActionLook, target: "audit"}, verifyAudit)
}

type auditData struct {
	Actions  []filterOption
	ID       string
	Actor    string       // as it was typed
	Persons  []runs.Actor // that the page knows
	From, To string
	Filtered bool
	Rows     []auditRow
	Pager    pager
}

type auditRow struct {
	runs.AuditEntry
	What   string // "began a run: Backup"
	Who    string
	Theirs string // the log of this person
	About  subject
	Run    string // where the run is shown
	Badge  badge
	Reason string // what a person gave as a reason, or why the engine did it
	Did    string // how much of it: "2 backup sets retired, 30 kept"

	Changes []auditChange // of a schedule, field by field
	Facts   []auditFact
}

func listAudit(v *visit) (answer, error) {
	request, err := v.pageRequest()
	if err != nil {
		return nil, err
	}
	data := auditData{ID: strings.TrimSpace(v.query.Get("id")), Actor: strings.TrimSpace(v.query.Get("actor")), From: v.query.Get("from"), To: v.query.Get("to")}
	filter := runs.AuditFilter{Actor: data.Actor}
	for _, a := range slices.SortedFunc(maps.Keys(auditWords), func(a, b string) int { return strings.Compare(auditWords[a], auditWords[b]) }) {
		chosen := v.query.Get("action") == a
		data.Actions = append(data.Actions, filterOption{a, auditWords[a], chosen})
		if chosen {
			filter.Actions = []string{a}
		}
	}
	data.Filtered = v.query.Get("action") != "" || data.ID != "" || data.Actor != "" || data.From != "" || data.To != ""
	pg := page{template: "audit", title: "Audit log", section: "audit"}
	var bad runs.InvalidError
	oneOf(v, &bad, "action", slices.Collect(maps.Keys(auditWords)))
	if id := runs.ID(data.ID); id != "" && !id.Valid() {
		bad.Add("id", "id_invalid", "must be an id as pages and addresses show it, of 36 characters")
	}
	if len(data.Actor) > mostOfActor || strings.ContainsFunc(data.Actor, unicode.IsControl) || !utf8.ValidString(data.Actor) {
		bad.Add("actor", "actor_invalid", "must be the id of a person, or system for the engine")
	}
	filter.From, filter.To = v.days(&bad)
	if len(bad.Fields) > 0 {
		data.Persons = personsOf(v.actor, nil)
		pg.data, pg.errors = data, bad.Fields
		return pg, nil
	}
	if id := runs.ID(data.ID); id != "" {
		// An entry names its run and what it is about: which of them the id is, the runs know.
		switch _, err := v.cfg.Starter.Get(v.ctx(), v.tenant, v.actor, id); {
		case err == nil:
			filter.RunID = id
		case errors.Is(err, runs.ErrNotFound):
			filter.Resource = id
		default:
			return nil, err
		}
	}
	found, err := v.cfg.Starter.Audit(v.ctx(), v.tenant, v.actor, filter, request)
	if err != nil {
		return nil, err
	}
	if data.Rows, err = v.auditRows(found.Items); err != nil {
		return nil, err
	}
	data.Persons = personsOf(v.actor, found.Items)
	data.Pager = v.pager(found.NextCursor)
	pg.data = data
	return pg, nil
}

// Person is what somebody is called in an option.
func (s *screen) Person(a runs.Actor) string { return apart(actorWords(a)) }

// mostOfActor bounds the id of a person in an address, in bytes.
const mostOfActor = 1000

// personsOf are those whom a filter suggests: the viewer, the engine, and who is in the list.
func personsOf(viewer runs.Actor, entries []runs.AuditEntry) []runs.Actor {
	persons := []runs.Actor{viewer, runs.SystemActor}
	for _, e := range entries {
		if !slices.ContainsFunc(persons, func(a runs.Actor) bool { return a.ID == e.Actor.ID }) {
			persons = append(persons, e.Actor)
		}
	}
	return persons
}

func (v *visit) auditRows(entries []runs.AuditEntry) ([]auditRow, error) {
	wanted := map[string]map[runs.ID]bool{"schedule": {}, "backup_set": {}, "policy": {}}
	for _, e := range entries {
		if ids := wanted[e.Resource.Type]; ids != nil && e.Resource.ID.Valid() {
			ids[e.Resource.ID] = true
		}
	}
	names, err := v.names(wanted)
	if err != nil {
		return nil, err
	}
	others, err := v.auditSources(entries, names)
	if err != nil {
		return nil, err
	}
	gone, err := v.goneSchedules(wanted["schedule"], names)
	if err != nil {
		return nil, err
	}
	var rows []auditRow
	for _, e := range entries {
		name, ok := names[e.Resource.ID]
		row := auditRow{AuditEntry: e, What: auditEntryWords(e), Who: actorWords(e.Actor), Theirs: v.with("actor", e.Actor.ID), About: v.place(e.Resource, name, ok), Badge: outcomeBadge(e.Outcome), Reason: auditReason(e), Did: auditDid(e), Changes: v.auditChanges(e), Facts: v.facts(e)}
		if s, other := others[e.RunID]; other && e.Resource.Type == "backup_set" {
			row.About = s
		} else if called := cmp.Or(auditName(e), gone[e.Resource.ID]); !ok && called != "" {
			row.About.Name = shortName(called) // as it was called before it was deleted
		} else if !ok && row.About.Path == "" && e.Action != "access.denied" {
			row.About.Name = "" // what is done says what it was done to
		}
		if e.RunID != "" && e.Resource.Type != "run" {
			row.Run = v.path("runs", string(e.RunID))
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// auditName is what an entry itself calls the thing that it is about; "" when it does not.
func auditName(e runs.AuditEntry) string {
	switch e.Resource.Type {
	case "schedule":
		return e.Details["name"]
	case "backup_set":
		return e.Details["set_name"]
	}
	return ""
}

// goneSchedules names the schedules that are deleted.
func (v *visit) goneSchedules(wanted map[runs.ID]bool, names map[runs.ID]string) (map[runs.ID]string, error) {
	missing := maps.Clone(wanted)
	maps.DeleteFunc(missing, func(id runs.ID, _ bool) bool { _, known := names[id]; return known })
	gone := map[runs.ID]string{}
	if len(missing) == 0 {
		return gone, nil
	}
	found, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, backupsched.Filter{IDs: keysOf(missing), WithDeleted: true}, runs.PageRequest{Limit: runs.MaxPageSize})
	for _, s := range found.Items {
		gone[s.ID] = s.Name
	}
	return gone, err
}

// outcomeBadge shows the outcome of an audit entry.
func outcomeBadge(outcome string) badge {
	switch outcome {
	case "ok", "sound":
		return badge{Word: outcome, Icon: "check", Tone: "good"}
	case "denied":
		return badge{Word: outcome, Icon: "cross", Tone: "bad"}
	}
	return statusOf(outcome)
}

type auditCheckData struct {
	Known   string // as it was typed
	Done    bool
	Sound   bool
	Checked int
	Old     int // entries from before the log was chained
	Head    string
	Breaks  []string
}

// breakWords say what a break of the audit log means.
var breakWords = map[string]string{
	runs.AuditChanged: "was changed, or is not in its place",
	runs.AuditMissing: "is missing",
	runs.AuditHeadOff: "is where the log does not agree with the end that was noted",
}

func verifyAudit(v *visit) (answer, error) {
	data := auditCheckData{Known: strings.TrimSpace(v.form.Get("head"))}
	pg := page{template: "audit_check", title: "Check of the audit log", section: "audit"}
	known, ok := knownHead(data.Known)
	if !ok {
		pg.data = data
		pg.errors = []runs.FieldError{{Field: "head", Code: "hash_invalid", Message: "must be as an earlier check showed it: a number, a colon and 64 hexadecimal digits"}}
		return pg, nil
	}
	// A long log takes longer than an answer may. The server has no say in how long.
	_ = http.NewResponseController(v.w).SetWriteDeadline(time.Time{})
	found, err := v.cfg.Starter.VerifyAudit(v.ctx(), v.tenant, v.actor, known)
	if err != nil {
		return nil, err
	}
	data.Done, data.Sound, data.Checked, data.Old = true, found.Sound(), found.Checked, found.Unchained
	if !found.Head.Hash.IsZero() {
		data.Head = strconv.FormatInt(found.Head.Seq, 10) + ":" + found.Head.Hash.String()
	}
	for _, b := range found.Breaks {
		words, ok := breakWords[b.Code]
		if !ok {
			words = b.Code
		}
		data.Breaks = append(data.Breaks, "Entry "+strconv.FormatInt(b.Seq, 10)+" "+words+".")
	}
	pg.data = data
	return pg, nil
}

// knownHead reads the head of an earlier check: "12:9f86...". None is fine, too.
func knownHead(s string) (head runs.AuditHead, ok bool) {
	if s == "" {
		return head, true
	}
	seq, hash, found := strings.Cut(s, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if !found || err != nil || n < 1 || hash == "" || head.Hash.UnmarshalText([]byte(hash)) != nil {
		return runs.AuditHead{}, false
	}
	head.Seq = n
	return head, true
}
