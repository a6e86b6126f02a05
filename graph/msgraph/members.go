package msgraph

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// span is a value within a JSON text, by offsets. Bodies are cut and put together by offsets,
// never decoded and encoded, so that every byte of a value stays as Graph sent it.
type span struct{ start, end int }

// members yields the members of an object: each key, and where key and value stand. Another
// value has none. Like all functions here it takes what encoding/json has found valid, as the
// bodies of answers and what stands in them; of other texts it makes anything, but returns.
func members(doc []byte) iter.Seq2[string, memberSpan] {
	return func(yield func(string, memberSpan) bool) {
		at := skipSpace(doc, 0)
		if at >= len(doc) || doc[at] != '{' {
			return
		}
		for at++; ; {
			at = skipSpace(doc, at)
			switch {
			case at >= len(doc) || doc[at] == '}':
				return
			case doc[at] == ',':
				at++
				continue
			}
			m := memberSpan{key: span{at, skipValue(doc, at)}}
			m.value.start = skipSpace(doc, skipSpace(doc, m.key.end)+1) // behind the colon
			m.value.end = skipValue(doc, m.value.start)
			if m.value.end <= m.value.start || !yield(unquoted(doc[m.key.start:m.key.end]), m) {
				return
			}
			at = m.value.end
		}
	}
}

type memberSpan struct{ key, value span }

// elements returns the elements of an array, none for another value. They share memory with
// doc, and appending to one does not reach the next.
func elements(doc []byte) []json.RawMessage {
	at := skipSpace(doc, 0)
	if at >= len(doc) || doc[at] != '[' {
		return nil
	}
	var out []json.RawMessage
	for at++; ; {
		at = skipSpace(doc, at)
		switch {
		case at >= len(doc) || doc[at] == ']':
			return out
		case doc[at] == ',':
			at++
			continue
		}
		end := skipValue(doc, at)
		if end <= at {
			return out
		}
		out = append(out, doc[at:end:end])
		at = end
	}
}

// fields returns the members of an object, which share memory with doc; ok is false for any
// other value. Of a key that stands twice the last one counts, as in encoding/json.
func fields(doc []byte) (out map[string]json.RawMessage, ok bool) {
	if at := skipSpace(doc, 0); at >= len(doc) || doc[at] != '{' {
		return nil, false
	}
	out = map[string]json.RawMessage{}
	for key, m := range members(doc) {
		out[key] = doc[m.value.start:m.value.end:m.value.end]
	}
	return out, true
}

// withMember returns a copy of an object in which a member has the given value; a new one
// becomes the last.
func withMember(doc []byte, key string, value []byte) json.RawMessage {
	last := span{}
	for k, m := range members(doc) {
		if k == key {
			return slices.Concat(doc[:m.value.start], value, doc[m.value.end:])
		}
		last = m.value
	}
	name, _ := json.Marshal(key) // of the catalogue
	open := bytes.IndexByte(doc, '{') + 1
	if last.end == 0 {
		return slices.Concat(doc[:open], name, []byte(":"), value, doc[open:])
	}
	return slices.Concat(doc[:last.end], []byte(","), name, []byte(":"), value, doc[last.end:])
}

// array joins elements.
func array(rows []json.RawMessage) json.RawMessage {
	size := 2
	for _, r := range rows {
		size += len(r) + 1
	}
	out := append(make([]byte, 0, size), '[')
	for i, r := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, r...)
	}
	return append(out, ']')
}

// text returns a JSON string's text, empty for any other value.
func text(value []byte) string {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	return unquoted(value)
}

func unquoted(value []byte) string {
	if len(value) < 2 {
		return ""
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

func skipSpace(doc []byte, at int) int {
	for at < len(doc) && (doc[at] == ' ' || doc[at] == '\n' || doc[at] == '\r' || doc[at] == '\t') {
		at++
	}
	return at
}

// skipValue returns the end of the value that starts at an offset.
func skipValue(doc []byte, at int) int {
	depth := 0
	for at < len(doc) {
		switch doc[at] {
		case '"':
			at = skipString(doc, at)
		case '{', '[':
			depth++
			at++
			continue
		case '}', ']':
			depth--
			at++
		case ',', ':', ' ', '\n', '\r', '\t':
			at++
			continue
		default: // a number or a word
			for at < len(doc) && bytes.IndexByte([]byte(",:]} \n\r\t"), doc[at]) < 0 {
				at++
			}
		}
		if depth <= 0 {
			return at
		}
	}
	return at
}

func skipString(doc []byte, at int) int {
	for at++; at < len(doc); at++ {
		switch doc[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(doc)
}

// cut tells whether a value has a collection, at any depth, of which Graph has sent a part.
func cut(doc []byte) bool {
	if !bytes.Contains(doc, []byte(nextLink)) {
		return false // nearly always, and quick to see
	}
	// Text by text, whatever the depth: looking into values within values would read the innermost
	// as often as it lies deep.
	for at := 0; at < len(doc); {
		if doc[at] != '"' {
			at++
			continue
		}
		end := skipString(doc, at)
		behind := skipSpace(doc, end)
		if behind < len(doc) && doc[behind] == ':' && strings.HasSuffix(unquoted(doc[at:end]), nextLink) {
			return true
		}
		at = end
	}
	return false
}

// nextLink is the annotation of a collection that goes on elsewhere. The name of an expanded
// collection stands before it.
const nextLink = "@odata.nextLink"
