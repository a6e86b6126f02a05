package msgraph

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// told is what a body says about an error.
// Source of its shape: https://learn.microsoft.com/graph/errors
type told struct {
	code, message, requestID string
	activity                 string // Intune's name of the request
}

// maxNested is how deep errors stand in errors that are read.
const maxNested = 8

// readError reads the body of a refusal, whatever it holds.
func readError(body []byte) told {
	var t told
	t.read(body, 0)
	return t
}

// read takes what an object says. Services spell the names in different letter cases.
func (t *told) read(body []byte, depth int) {
	var fields map[string]json.RawMessage
	if depth > maxNested || json.Unmarshal(body, &fields) != nil {
		return
	}
	for key, value := range fields {
		var text string
		isText := json.Unmarshal(value, &text) == nil
		switch strings.ToLower(key) {
		case "error", "innererror":
			t.read(value, depth+1)
		case "code":
			// The innermost code is the most specific one, the outermost the documented one.
			if isText && t.code == "" {
				t.code = codeOf(text)
			}
		case "request-id":
			if isText && t.requestID == "" {
				t.requestID = identifier(text)
			}
		case "message":
			if isText {
				t.say(text, depth)
			}
		}
	}
}

// say takes a message. Intune puts an error of its own, as JSON, into Graph's message.
func (t *told) say(text string, depth int) {
	if inner := strings.TrimSpace(text); strings.HasPrefix(inner, "{") {
		if json.Valid([]byte(inner)) {
			t.read([]byte(inner), depth+1)
		}
		return
	}
	if t.message == "" {
		if m := activity.FindStringSubmatch(text); m != nil {
			t.activity = m[1]
		}
		text, _, _ = strings.Cut(text, " - Operation ID")
		t.message = text
	}
}

var (
	activity = regexp.MustCompile(`Activity ID: ([0-9A-Fa-f-]{36})`)
	address  = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://\S+`)
)

// err is the message as it may be shown and stored, nil when there is none.
func (t told) err() error {
	text := redact.Text(address.ReplaceAllString(t.message, "[address]"))
	if t.activity != "" {
		text += " (activity " + t.activity + ")"
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return errors.New(text)
}

// approval tells whether a write waits for other administrators. That the message names the
// header is all that Graph says about it.
func (t told) approval() bool {
	return strings.Contains(strings.ToLower(t.message), strings.ToLower(approvalHeader))
}

// codeOf is a code as it may be shown: a word.
func codeOf(s string) string {
	if len(s) > 80 || strings.Trim(strings.ToLower(s), "0123456789abcdefghijklmnopqrstuvwxyz-_.:") != "" {
		return ""
	}
	return s
}
