package redact

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// secretNames are the ends of the names of secrets. Only the end counts, so
// "access_token" and "clientSecret" are such names, "passwordRequired" and "tokenExpiry"
// are not. A name that is an everyday word needs another word before it.
var secretNames = map[string][]string{
	"secret": nil, "password": nil, "passwd": nil, "passphrase": nil, "pwd": nil, "token": nil, "assertion": nil,
	"key":       {"account", "access", "shared", "private", "subscription", "encryption", "api"},
	"signature": {"access"},
	"verifier":  {"code"},
	"code":      {"device", "user"},
}

// secretWords are the keys of secretNames.
var secretWords = slices.Sorted(maps.Keys(secretNames))

// afterName matches everything between a secret's name and its value: an optional quote,
// a separator and an optional opening quote. Quotes may be escaped any number of times,
// as in JSON inside a JSON string, or be written \u0022 (.NET), %22 or &quot;. The
// submatches are the quote behind the name and the quote before the value.
var afterName = func() *regexp.Regexp {
	const (
		quote = `(\\*["'` + "`" + `]|\\+u00(?:22|27)|%22|%27|&quot;|&apos;|&#34;|&#39;)?`
		space = `(?: |\\+[rnt])*`
		// {"name":"password","value":"..."} is how settings name their values.
		pair = `,` + space + `(?:\\*["'])value(?:\\*["'])` + space + `:`
		sep  = `(?::=|=>|==|[:=>]|%3[ad]|\\+u003[ade]|&gt;|` + pair + `)`
	)
	return regexp.MustCompile(`(?i)^s?` + quote + space + sep + space + quote)
}()

// isSecretName tells whether the word at the given place ends the name of a secret.
func isSecretName(s string, word span) bool {
	before := secretNames[strings.ToLower(s[word.from:word.to])]
	return before == nil || slices.ContainsFunc(before, func(b string) bool {
		for _, joint := range []string{"", "_", "-", " "} {
			at := word.from - len(b) - len(joint)
			if at >= 0 && strings.EqualFold(s[at:word.from], b+joint) {
				return true
			}
		}
		return false
	})
}

// maxNested is how many bracketed secrets inside bracketed secrets are told apart. From
// the next one on everything is masked.
const maxNested = 8

// namedValues finds the values behind names of secrets.
func namedValues(s string) (found []span) {
	bracketsEnd, nested := 0, 0
	for _, word := range occurrences(s, secretWords...) {
		if !isSecretName(s, word) {
			continue
		}
		m := afterName.FindStringSubmatchIndex(ahead(s, word.to))
		if m == nil {
			continue
		}
		from := word.to + m[1]
		if from == len(s) || masked(s, from) {
			continue
		}
		var to int
		switch {
		case m[4] >= 0:
			to = endOfQuoted(s, from, s[word.to+m[4]:from])
		case m[2] >= 0 && (s[from] == '[' || s[from] == '{'):
			// Looking again and again for the end of brackets inside brackets would cost
			// quadratic time.
			if from < bracketsEnd {
				nested++
			}
			if to = len(s); nested <= maxNested {
				to = endOfBrackets(s, from)
				bracketsEnd = max(bracketsEnd, to)
			}
		case m[2] >= 0:
			to = endOfRun(s, from, " &;\"'`<>,}]")
		default:
			to = endOfRun(s, from, " &;\"'`<>")
		}
		if to > from {
			found = append(found, span{from, to})
		}
		if to == len(s) {
			break // the rest is masked anyway
		}
	}
	return found
}

// endOfQuoted returns where the value that begins at from and was opened by the given
// quote ends. A value that is never closed ends with the text: rather too much is masked
// than too little.
func endOfQuoted(s string, from int, open string) int {
	escapes := strings.LastIndexByte(open, '\\') + 1
	if escapes != len(open)-1 {
		// \u0022, %22, &quot;: the same spelling closes, unless it is escaped itself.
		for at := from; ; {
			n := strings.Index(s[at:], open)
			if n < 0 {
				return len(s)
			}
			at += n
			if open[0] != '\\' || at == from || s[at-1] != '\\' {
				return at
			}
			at += len(open)
		}
	}
	// In a string nested d levels deep a quote is written with 2^d-1 backslashes, and
	// each backslash of the value with 2^(d+1). Whatever remains of the backslashes
	// before a quote tells whether it closes this level or belongs to the value.
	quote := open[len(open)-1]
	run := 0
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\\':
			run++
			continue
		case quote:
			if run%(2*(escapes+1)) == escapes {
				return i - escapes
			}
		}
		run = 0
	}
	return len(s)
}

// endOfBrackets returns where the array or object that begins at from ends. Brackets in
// strings do not count.
func endOfBrackets(s string, from int) int {
	depth, run := 0, 0
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\\':
			run++
			continue
		case '"':
			i = endOfQuoted(s, i+1, s[i-run:i+1]) + run
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		run = 0
	}
	return len(s)
}
