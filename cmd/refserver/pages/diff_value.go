package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// What of a value stands on the page unfolded.
const (
	valueRunes = 240
	valueLines = 10
	headRunes  = 90
)

// diffValue is one side of a change.
type diffValue struct {
	Text   string // what is shown
	Head   string // of a long value, what is shown while the rest is folded
	Size   string // of a long value
	Secret bool   // it is not shown
	Block  bool   // it has lines

	str bool // a string of JSON
}

// maskedSecret is what stands for a secret in captured content.
const maskedSecret = "[masked]"

// newDiffValue shows a JSON value: a string without quotes, all else as JSON, with each number
// as it was written. What is nil has no value.
func newDiffValue(raw json.RawMessage) *diffValue {
	if raw == nil {
		return nil
	}
	// Differences are masked when they are made. Those that were stored before a rule of masking
	// came are masked here.
	raw, _, err := backupset.Mask(bytes.TrimSpace(raw))
	if err != nil {
		return &diffValue{Text: "damaged: not JSON"}
	}
	v := &diffValue{}
	size := len(raw)
	var s string
	switch {
	case raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
		v.str, v.Secret = true, s == maskedSecret
		v.Text = s
		if ambiguous(s) {
			v.Text = string(raw)
		}
	default:
		var out bytes.Buffer
		if err := json.Indent(&out, raw, "", "  "); err != nil {
			return &diffValue{Text: "damaged: not JSON"}
		}
		v.Text = out.String()
	}
	v.Text = visible(v.Text)
	lines := strings.Count(v.Text, "\n") + 1
	v.Block = lines > 1
	if utf8.RuneCountInString(v.Text) > valueRunes || lines > valueLines {
		v.Size = byteWords(int64(size))
		v.Head = headOf(raw, v.Text)
	}
	return v
}

// ambiguous tells whether a string without its quotes would look like something else.
func ambiguous(s string) bool {
	return s == "" || strings.TrimSpace(s) != s || json.Valid([]byte(s))
}

// headOf says in one line what a long value is.
func headOf(raw json.RawMessage, text string) string {
	var object map[string]json.RawMessage
	var list []json.RawMessage
	switch {
	case raw[0] == '{' && json.Unmarshal(raw, &object) == nil:
		return count(len(object), "property", "properties")
	case raw[0] == '[' && json.Unmarshal(raw, &list) == nil:
		return count(len(list), "entry", "entries")
	}
	return excerpt([]rune(text), 0)
}

// showDifference lets the heads of two long strings begin a little before the first difference.
func showDifference(a, b *diffValue) {
	if !a.str || !b.str || a.Head == "" || b.Head == "" {
		return
	}
	x, y := []rune(a.Text), []rune(b.Text)
	same := 0
	for same < len(x) && same < len(y) && x[same] == y[same] {
		same++
	}
	from := same - headRunes/3
	if same < headRunes {
		from = 0
	}
	a.Head, b.Head = excerpt(x, from), excerpt(y, from)
}

// excerpt is one line of a text from a rune on.
func excerpt(text []rune, from int) string {
	from = min(from, max(0, len(text)-headRunes))
	to := min(from+headRunes, len(text))
	line := strings.Join(strings.Fields(string(text[from:to])), " ")
	if from > 0 {
		line = "…" + line
	}
	if to < len(text) {
		line += "…"
	}
	return line
}

// visible replaces characters that would hide or reorder others by their code points.
func visible(s string) string {
	hidden := func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || r == utf8.RuneError ||
			r >= 0x200B && r <= 0x200F && r != 0x200C && r != 0x200D || r >= 0x202A && r <= 0x202E || r >= 0x2060 && r <= 0x2069 || r == 0xFEFF
	}
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
