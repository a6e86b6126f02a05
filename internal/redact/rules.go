package redact

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// span is a secret's place in a text, in bytes.
type span struct{ from, to int }

// rule finds the secrets of one kind. Every rule reads the text as it came, never
// another rule's result, so what stands around a secret cannot hide it.
type rule struct {
	name string
	hint func(s string) bool // a cheap test whether the rule can apply at all; nil: always
	find func(s string) []span
}

// rules in no particular order: their results are merged.
var rules = []rule{
	{"PEM block", has("-----BEGIN"), all(pemBlock)},
	{"JSON Web Token", has("eyJ"), all(jwt)},
	{"Entra client secret", has("Q~"), all(entraSecret)},
	{"Entra refresh token", has(".A"), all(entraRefresh)},
	{"Intune service URL", has(".manage.microsoft."), all(intuneURL)},
	{"user and password of a URL", has("@"), userinfo},
	{"e-mail address", nil, addresses},
	{"Authorization credentials", nil, credentials},
	{"query parameter", nil, queryValues},
	{"named value", nil, namedValues},
}

var (
	// A block that was cut before its end counts up to the end of the text.
	pemBlock = regexp.MustCompile(`(?s)-----BEGIN [^-]{1,40}-----.*?(?:-----END [^-]{1,40}-----|$)`)

	// eyJ is the Base64 of `{"`, with which the header and the claims of a token begin.
	jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_+/=-]{5,}(?:\.[A-Za-z0-9_+/=-]*)*`)

	// The form that Microsoft's credential scanners publish: three characters, a digit,
	// Q~ and 31 to 34 more. A shorter tail is accepted, for texts that were cut.
	entraSecret = regexp.MustCompile(`[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{20,}`)

	entraRefresh = regexp.MustCompile(`[01]\.A[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]*)*`)

	// Intune puts the URL of its own back end into messages: scale unit and account.
	intuneURL = regexp.MustCompile(`(?i)https?:(?:\\*/){2}[^\s"'<>]*\.manage\.microsoft\.[^\s"'<>]*`)

	urlUserinfo = regexp.MustCompile(`:(?:\\*/){2}([^\s/?#"'<>\\]+)@`)

	domain = regexp.MustCompile(`^(?:[\pL\pN-]+\.)+\pL[\pL\pN-]+`)

	afterScheme = regexp.MustCompile(`^(?i:lite)?[ :=]+(?:\\*["'])?`)

	beforeQueryName = regexp.MustCompile(`(?i)(?:[?&]|&amp;|%3f|%26|\\u0026|\\u003f)$`)
	afterQueryName  = regexp.MustCompile(`^(?i:nature)?(?:=|%3[dD]|\\+u003[dD])`)
)

// has returns a hint that looks for a literal.
func has(literal string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, literal) }
}

// all returns a finder of whole matches.
func all(re *regexp.Regexp) func(string) []span {
	return func(s string) (found []span) {
		for _, m := range re.FindAllStringIndex(s, -1) {
			found = append(found, span{m[0], m[1]})
		}
		return found
	}
}

// userinfo finds what stands before the @ of a URL's host.
func userinfo(s string) (found []span) {
	for _, m := range urlUserinfo.FindAllStringSubmatchIndex(s, -1) {
		found = append(found, span{m[2], m[3]})
	}
	return found
}

// addresses finds e-mail addresses and user principal names (also a guest's, with
// #EXT#). Left alone are OData annotations, which look alike ("settings@odata.type"),
// and hosts of URLs, which follow a userinfo.
func addresses(s string) (found []span) {
	var hosts []span
	if strings.Contains(s, "@") {
		hosts = userinfo(s)
	}
	for _, at := range occurrences(s, "@", "%40") {
		if slices.ContainsFunc(hosts, func(h span) bool { return h.to == at.from }) {
			continue
		}
		from := strings.LastIndexAny(s[:at.from], " @<>\"'`,;:()[]{}\\/|=&?%") + 1
		m := domain.FindString(ahead(s, at.to))
		lower := strings.ToLower(m)
		if from == at.from || m == "" || strings.HasPrefix(lower, "odata.") || strings.HasPrefix(lower, "microsoft.graph.") {
			continue
		}
		found = append(found, span{from, at.to + len(m)})
	}
	return found
}

// schemeWords follow the name of a scheme in prose and in challenges.
var schemeWords = []string{"token", "tokens", "authentication", "authorization", "scheme", "auth"}

// credentials finds what follows the name of an HTTP authentication scheme.
func credentials(s string) (found []span) {
	for _, name := range occurrences(s, "bearer", "basic", "negotiate", "sharedkey") {
		sep := afterScheme.FindString(ahead(s, name.to))
		from := name.to + len(sep)
		to := endOfRun(s, from, " \"'<>,;")
		value := s[from:to]
		if sep == "" || value == "" || masked(s, from) {
			continue
		}
		word := strings.ToLower(strings.TrimSuffix(strings.TrimRight(value, ".:!?)"), ellipsis))
		if slices.ContainsFunc(schemeWords, func(w string) bool { return strings.HasPrefix(w, word) }) {
			continue
		}
		// "Basic" and "Negotiate" are everyday words; what follows must look encoded.
		if !strings.EqualFold(s[name.from:name.to], "bearer") && !strings.ContainsAny(value[1:], "0123456789+/=:ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			continue
		}
		found = append(found, span{from, to})
	}
	return found
}

// queryValues finds the parameters of a URL that are secrets only there: a "code" in
// other places is an error code.
func queryValues(s string) (found []span) {
	for _, name := range occurrences(s, "sig", "code") {
		sep := afterQueryName.FindString(ahead(s, name.to))
		if sep == "" {
			continue
		}
		before := s[max(0, name.from-6):name.from]
		alone := s[name.from]|0x20 == 's' && (before == "" || strings.HasSuffix(before, " "))
		from := name.to + len(sep)
		if !alone && !beforeQueryName.MatchString(before) || masked(s, from) {
			continue
		}
		if to := endOfRun(s, from, " &\"'<>"); to > from {
			found = append(found, span{from, to})
		}
	}
	return found
}

// occurrences returns the places of the words, which are in lower case, in s in any case,
// in order. It is many times faster than a regular expression that ignores case.
func occurrences(s string, words ...string) (found []span) {
	lower := []byte(s)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' { // not strings.ToLower, which may change the length
			lower[i] = c | 0x20
		}
	}
	for _, w := range words {
		for at := 0; ; {
			n := bytes.Index(lower[at:], []byte(w))
			if n < 0 {
				break
			}
			found = append(found, span{at + n, at + n + len(w)})
			at += n + 1
		}
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	return found
}

// ahead returns what follows at i, as far as a separator may reach.
func ahead(s string, i int) string { return s[i:min(i+512, len(s))] }

// endOfRun returns where the run of characters that are not in stop ends. Backslashes
// before a quote belong to the quote.
func endOfRun(s string, from int, stop string) int {
	n := strings.IndexAny(s[from:], stop)
	if n < 0 {
		return len(s)
	}
	to := from + n
	if s[to] == '"' || s[to] == '\'' {
		for to > from && s[to-1] == '\\' {
			to--
		}
	}
	return to
}

// masked tells whether the value at i was masked, or cut off, before.
func masked(s string, i int) bool {
	return strings.HasPrefix(s[i:], Mask) || s[i:] == ellipsis
}

// secrets returns the places of all secrets in s, in order and apart from each other.
func secrets(s string) []span { return apply(rules, s) }

// apply is [secrets] with the given rules.
func apply(rules []rule, s string) []span {
	var found []span
	for _, r := range rules {
		if r.hint == nil || r.hint(s) {
			found = append(found, r.find(s)...)
		}
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	merged := found[:0]
	for _, f := range found {
		if n := len(merged); n > 0 && f.from <= merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, f.to)
		} else {
			merged = append(merged, f)
		}
	}
	return merged
}

// mask replaces the given places.
func mask(s string, places []span) string {
	if len(places) == 0 {
		return s
	}
	var b strings.Builder
	from := 0
	for _, p := range places {
		b.WriteString(s[from:p.from])
		b.WriteString(Mask)
		from = p.to
	}
	b.WriteString(s[from:])
	return b.String()
}
