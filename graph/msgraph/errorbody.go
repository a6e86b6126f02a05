package msgraph

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// refusal is what the body of a refusal says.
// Source of its shape: https://learn.microsoft.com/graph/errors
type refusal struct {
	code      string
	messages  []string // the outer one first
	requestID string
	activity  string // Intune's name of the request
}

// maxNested is how deep errors stand in errors that are read.
const maxNested = 8

// readRefusal reads the body of a refusal, whatever it holds.
func readRefusal(body []byte) refusal {
	var r refusal
	r.read(body, 0)
	return r
}

// read takes what an object says, then what the objects in it say. Services spell the names in
// different letter cases.
func (r *refusal) read(body []byte, depth int) {
	var fields map[string]json.RawMessage
	if depth > maxNested || json.Unmarshal(body, &fields) != nil {
		return
	}
	texts, inner := map[string]string{}, map[string]json.RawMessage{}
	for key, value := range fields {
		key = strings.ToLower(key)
		if s := text(value); s != "" {
			texts[key] = s
		} else {
			inner[key] = value
		}
	}
	if r.code == "" {
		r.code = word(texts["code"], 80)
	}
	if r.requestID == "" {
		r.requestID = word(texts["request-id"], 64)
	}
	r.say(texts["message"], depth)
	r.read(inner["error"], depth+1)
	r.read(inner["innererror"], depth+1)
}

var activityID = regexp.MustCompile(`Activity ID: ([0-9A-Fa-f-]{36})`)

// say takes a message. Intune puts an error of its own, as JSON, into Graph's message: its texts
// count, and behind them come internal addresses.
func (r *refusal) say(message string, depth int) {
	message = strings.TrimSpace(message)
	if strings.HasPrefix(message, "{") {
		r.read([]byte(message), depth+1)
		return
	}
	if m := activityID.FindStringSubmatch(message); m != nil {
		r.activity = m[1]
	}
	message, _, _ = strings.Cut(message, " - Operation ID")
	if message != "" && len(r.messages) < 2 && (len(r.messages) == 0 || r.messages[0] != message) {
		r.messages = append(r.messages, message)
	}
}

// err is what people may read of it, nil when there is nothing.
func (r refusal) err() error {
	s := clean(strings.Join(r.messages, "; "))
	switch {
	case s == "":
		return nil
	case r.activity != "":
		s += " (activity " + r.activity + ")"
	}
	return errors.New(s)
}

// word is a code or id of an answer if it looks like one, else nothing: they go into errors and
// logs as they are.
func word(s string, longest int) string {
	if len(s) > longest || strings.Trim(strings.ToLower(s), "0123456789abcdefghijklmnopqrstuvwxyz-_.:") != "" {
		return ""
	}
	return s
}
