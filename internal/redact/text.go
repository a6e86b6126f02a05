// Package redact keeps secrets out of what people and logs get to see.
//
// The parts:
//
//   - [Text] turns any text (an error of Graph, of a driver, of a host) into a short one
//     without secrets, personal names or control characters. It is the one edge that
//     every stored message, notification, audit entry and log line passes.
//   - [Secret] holds a value that this module must know but nobody may see.
//
// One rule holds everywhere: patterns are the last line of defence, not the first.
// Messages are never built from raw bodies of Graph.
package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mask stands where a secret stood.
const Mask = "[redacted]"

// MaxRunes is the longest text, in characters, that [Text] returns.
const MaxRunes = 500

// window is how many bytes of a text are looked at. What lies behind could not appear in
// the result unless nearly everything before it was masked.
const window = 16 << 10

// ellipsis ends a text that was cut.
const ellipsis = "…"

// Text returns s fit to be stored, logged and shown: valid UTF-8 on one line, without
// control and invisible formatting characters, secrets replaced by [Mask], and then, in
// this order, cut to at most [MaxRunes] characters. Text(Text(s)) equals Text(s), and
// the work is linear in the length of s.
//
// What counts as a secret: PEM blocks, JSON Web Tokens, Entra client secrets and refresh
// tokens, Authorization credentials, the value behind a name such as client_secret,
// access_token, password, AccountKey or device_code (as key=value, JSON, nested JSON or
// XML), sig and code in a query, user and password in a URL, Intune's internal service
// URLs, and e-mail addresses or user principal names. GUIDs stay: request, tenant and
// policy ids are what a support case needs.
func Text(s string) string {
	return text(s, window)
}

// text is [Text] looking at the given number of bytes.
func text(s string, window int) string {
	if len(s) > window {
		s = firstBytes(s, window)
		if s == "" {
			return Mask
		}
	}
	s = clean(s)
	s = truncate(mask(s, secrets(s)))
	for {
		// What masking and cutting left may look like a secret itself: a user name whose
		// password is a PEM block, half of the quote before a masked value. Going on
		// until nothing changes makes Text idempotent. Each round leaves fewer
		// characters outside a Mask, and the text is short by now.
		again := truncate(mask(s, secrets(s)))
		if again == s {
			return s
		}
		s = again
	}
}

// firstBytes cuts s to at most n bytes and back to the last blank, quote or angle
// bracket, because half a secret may not look like one. Secrets that may contain these
// are recognised by how they begin.
func firstBytes(s string, n int) string {
	return s[:strings.LastIndexAny(s[:n], " \t\r\n\"'<>")+1]
}

// clean makes s valid UTF-8 on one line: each run of white space becomes one blank, and
// invalid bytes, control characters and invisible formatting characters (which could
// hide a name like pass<zero width space>word) are dropped.
func clean(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	blank := false
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				continue
			}
		}
		switch {
		case unicode.IsSpace(r):
			blank = b.Len() > 0
		case unicode.In(r, unicode.Cc, unicode.Cf):
		default:
			if blank {
				b.WriteByte(' ')
				blank = false
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// truncate cuts s to at most MaxRunes characters, never inside a Mask.
func truncate(s string) string {
	if utf8.RuneCountInString(s) <= MaxRunes {
		return s
	}
	end, count := 0, 0
	for i := range s {
		if count == MaxRunes-1 {
			end = i
			break
		}
		count++
	}
	if m := strings.LastIndex(s[:min(end+len(Mask)-1, len(s))], Mask); m >= 0 && m+len(Mask) > end {
		end = m
	}
	return s[:end] + ellipsis
}
