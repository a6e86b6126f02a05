package pages

import (
	"fmt"
	"html"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/runs"
)

// functions are what templates may call beside the methods of a screen.
var functions = template.FuncMap{
	"iconHTML": iconHTML, "badgeHTML": badgeHTML, "timeHTML": timeHTML, "awayHTML": awayHTML,
	"count":    count,
	"counts":   runCountsOf,
	"number":   number,
	"kind":     kindWords,
	"status":   statusOf,
	"setbadge": setBadge, "hollow": hollow,
	"trigger":  triggerWords,
	"duration": durationWords,
	"bytes":    byteWords,
	"sentence": sentence,
	"dict":     dict,
	"reason":   reasonWords,
	"warning":  warningWords,
	"named":    func(name, id string) template.HTML { return bdiHTML(shownName(name, id)) },
	"whole":    func(name, id string) template.HTML { return bdiHTML(wholeName(name, id)) },
	"short":    apart,
	"name":     func(name string) template.HTML { return bdiHTML(shortName(name)) },
	"bdi":      bdiHTML,
	"bars":     barsHTML,
	"titled":   titled,
	"deletion": deletionWords,
}

// dict makes a map of pairs, to hand several values to a part.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict takes pairs")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// sentence makes a message of the module one that stands alone: a capital, a full stop.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	s = string(unicode.ToUpper(r)) + s[n:]
	if !strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		s += "."
	}
	return s
}

// mostOfName and mostOfNameBytes are how much of a name a row, an option or a title has: characters,
// and bytes of HTML. Graph and people give names of thousands, and a page has hundreds of them. Each
// thing has its whole name on its own page.
const (
	mostOfName      = 120
	mostOfNameBytes = 360
)

// shortName is a name for a row, an option or a title. Characters that would turn its text round, or
// the text beside it, are shown as what they are.
func shortName(name string) string {
	name = visible(name)
	if len(name) <= mostOfNameBytes/5 { // no byte becomes more than five
		return name
	}
	characters, bytes := 0, 0
	for i, r := range name {
		characters++
		bytes += len(html.EscapeString(string(r)))
		if characters > mostOfName || bytes > mostOfNameBytes {
			return strings.TrimSpace(name[:i]) + "…"
		}
	}
	return name
}

// count is "1 policy", "12 policies": the plural is the last word.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// number groups digits by thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// moment is an instant on a page: for machines, in the viewer's zone, and how far away.
type moment struct {
	Machine string // RFC 3339, UTC; empty when there is none
	Text    string // "Sat 21 Nov 2026, 14:05"
	Zone    string // "CET"
	Away    string // "in 3 h", "2 days ago"
}

// At shows an instant in the viewer's zone.
func (s *screen) At(t time.Time) moment { return momentOf(t, s.visit.zone, s.visit.now) }

// AtIn shows an instant in a zone of an IANA name.
func (s *screen) AtIn(t time.Time, zone string) moment {
	return momentOf(t, s.visit.location(zone), s.visit.now)
}

// Now is the present time.
func (s *screen) Now() moment { return s.At(s.visit.now) }

// AtSecond is At with seconds, for what follows each other quickly.
func (s *screen) AtSecond(t time.Time) moment {
	m := s.At(t)
	if m.Text != "" {
		m.Text = t.In(s.visit.zone).Format("Mon 2 Jan 2006, 15:04:05")
	}
	return m
}

func momentOf(t time.Time, zone *time.Location, now time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	local := t.In(zone)
	m := moment{Machine: t.UTC().Format(time.RFC3339), Text: local.Format("Mon 2 Jan 2006, 15:04"), Zone: local.Format("MST"), Away: away(t.Sub(now))}
	if strings.ContainsAny(m.Zone, "+-") { // Go has no name for it
		m.Zone = "UTC" + local.Format("-07:00")
	}
	return m
}

// away says how far an instant is from now, coarsely.
func away(d time.Duration) string {
	switch {
	case d > -time.Minute && d <= 0:
		return "now"
	case d > 0 && d < time.Minute:
		return "in less than a minute"
	case d < 0:
		return durationWords(-d) + " ago"
	}
	return "in " + durationWords(d)
}

// durationWords is a duration with its largest units: "850 ms", "42 s", "3 min", "2 h 5 min", "4 days".
func durationWords(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 10*time.Hour && d%time.Hour >= time.Minute:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}

// byteWords is a size: "950 B", "12 kB", "3.4 MB"; a limit that is whole MiB is "256 MiB".
func byteWords(n int64) string {
	switch {
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// badge is a status: a word, an icon and a colour.
type badge struct {
	Word string
	Icon string // names a part "icon-..."
	Tone string // good, warn, bad, busy, quiet
}

// statusOf shows the status of a run, or a word of the same kind. Partial is never good.
func statusOf(s any) badge {
	switch word := fmt.Sprint(s); word {
	case "success", "complete", "live":
		return badge{Word: word, Icon: "check", Tone: "good"}
	case "partial":
		return badge{Word: word, Icon: "half", Tone: "warn"}
	case "failed", "damaged":
		return badge{Word: word, Icon: "cross", Tone: "bad"}
	case "missed", "overdue":
		return badge{Word: word, Icon: "clock", Tone: "bad"}
	case "running", "building":
		return badge{Word: word, Icon: "turn", Tone: "busy"}
	case "held":
		return badge{Word: word, Icon: "lock", Tone: "busy"}
	case "queued", "waiting":
		return badge{Word: word, Icon: "clock", Tone: "busy"}
	case "canceled", "gone":
		return badge{Word: word, Icon: "stop", Tone: "quiet"}
	case "":
		return badge{Word: "never run", Icon: "dash", Tone: "quiet"}
	default:
		return badge{Word: word, Icon: "dash", Tone: "quiet"}
	}
}

// runBadge is the status of a run, with the words that say more: missed, waiting.
func runBadge(r runs.Run) badge {
	switch {
	case r.Status == runs.StatusSkipped && r.ErrorCode == runs.CodeMissedSlot:
		return statusOf("missed")
	case r.Status == runs.StatusQueued && r.Attempt > 0:
		return statusOf("waiting")
	}
	return statusOf(r.Status)
}

// kindWords names a kind of run for people.
func kindWords(k runs.Kind) string {
	words := map[runs.Kind]string{
		runs.KindBackup: "Backup", runs.KindPolicySync: "Policy list refresh", runs.KindRetentionApply: "Retention",
		runs.KindSnapshot: "Policy snapshot", runs.KindSetCreate: "New backup set", runs.KindSetAdd: "Added policies",
		runs.KindSetVerify: "Verification", runs.KindSetImport: "Import", runs.KindDriftReport: "Drift report",
		runs.KindRestorePreview: "Restore preview", runs.KindRestoreExecute: "Restore",
	}
	if w, ok := words[k]; ok {
		return w
	}
	return string(k)
}

// triggerWords names a trigger for people.
func triggerWords(t runs.Trigger) string {
	words := map[runs.Trigger]string{
		runs.TriggerSchedule: "schedule", runs.TriggerManual: "by hand", runs.TriggerRetry: "retry", runs.TriggerSystem: "automatic",
	}
	if w, ok := words[t]; ok {
		return w
	}
	return string(t)
}

// zoneCookie holds the viewer's time zone, an IANA name.
const zoneCookie = "tb_zone"

// viewerZone is the time zone that the viewer's browser or the settings page has set; UTC else.
func viewerZone(r *http.Request) *time.Location {
	c, err := r.Cookie(zoneCookie)
	if err != nil {
		return time.UTC
	}
	return zoneOf(c.Value)
}

// zoneKnown tells whether the viewer's browser or the settings page has set a zone.
func zoneKnown(r *http.Request) bool {
	c, err := r.Cookie(zoneCookie)
	return err == nil && c.Value != "" && zoneOf(c.Value).String() == c.Value
}

// zoneOf loads a zone, UTC when there is none of the name. "Local" would be the server's.
func zoneOf(name string) *time.Location {
	if name == "" || name == "Local" || len(name) > 64 {
		return time.UTC
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return loc
}
