package graphtest

import (
	"bytes"
	"slices"
)

// bom is the byte order mark that some tools write before exported JSON.
var bom = []byte("\xef\xbb\xbf")

// span is a value of a JSON document and where it stands.
type span struct {
	key        string // of the nearest property around it, as written
	depth      int    // 1 for the properties of the document itself
	keyStart   int    // of a property; start in an array
	start, end int
}

// walk visits every value of a JSON document, inner ones before those around them. The
// document is known to be valid. Editing by offsets instead of decoding and encoding
// keeps every byte that is not meant to change: order, spaces, number literals.
func walk(doc []byte, visit func(span)) {
	w := walker{doc: doc, visit: visit}
	if bytes.HasPrefix(doc, bom) {
		w.at = len(bom)
	}
	w.space()
	w.value(span{keyStart: w.at})
}

type walker struct {
	doc   []byte
	at    int
	visit func(span)
}

func (w *walker) space() {
	for w.at < len(w.doc) && (w.doc[w.at] == ' ' || w.doc[w.at] == '\n' || w.doc[w.at] == '\r' || w.doc[w.at] == '\t') {
		w.at++
	}
}

func (w *walker) value(s span) {
	s.start = w.at
	switch w.doc[w.at] {
	case '{', '[':
		w.members(s)
	case '"':
		w.text()
	default:
		for w.at < len(w.doc) && !bytes.ContainsRune([]byte(",]} \r\n\t"), rune(w.doc[w.at])) {
			w.at++
		}
	}
	s.end = w.at
	w.visit(s)
}

func (w *walker) members(s span) {
	object := w.doc[w.at] == '{'
	for w.at++; ; {
		w.space()
		switch w.doc[w.at] {
		case ',':
			w.at++
			continue
		case '}', ']':
			w.at++
			return
		}
		inner := span{key: s.key, depth: s.depth + 1, keyStart: w.at}
		if object {
			w.text()
			inner.key = string(w.doc[inner.keyStart+1 : w.at-1])
			w.space()
			w.at++ // the colon
			w.space()
		}
		w.value(inner)
	}
}

func (w *walker) text() {
	for w.at++; w.doc[w.at] != '"'; w.at++ {
		if w.doc[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
}

// properties returns the properties of the document itself.
func properties(doc []byte) []span {
	var out []span
	walk(doc, func(s span) {
		if s.depth == 1 {
			out = append(out, s)
		}
	})
	return out
}

// property finds a property of the document itself.
func property(doc []byte, key string) (span, bool) {
	all := properties(doc)
	i := slices.IndexFunc(all, func(s span) bool { return s.key == key })
	if i < 0 {
		return span{}, false
	}
	return all[i], true
}

// replaced returns a copy of doc with the value at s replaced.
func replaced(doc []byte, s span, value []byte) []byte {
	return slices.Concat(doc[:s.start], value, doc[s.end:])
}

// withProperty returns a copy of doc in which a property has the given value; a new one
// becomes the first.
func withProperty(doc []byte, key string, value []byte) []byte {
	if s, ok := property(doc, key); ok {
		return replaced(doc, s, value)
	}
	open := bytes.IndexByte(doc, '{') + 1
	sep := ","
	if len(properties(doc)) == 0 {
		sep = ""
	}
	return slices.Concat(doc[:open], []byte(`"`+key+`":`), value, []byte(sep), doc[open:])
}

// withoutProperty returns a copy of doc without a property, and the value it had.
func withoutProperty(doc []byte, key string) (rest, value []byte) {
	all := properties(doc)
	i := slices.IndexFunc(all, func(s span) bool { return s.key == key })
	if i < 0 {
		return doc, nil
	}
	from, to := all[i].keyStart, all[i].end
	switch {
	case i+1 < len(all):
		to = all[i+1].keyStart
	case i > 0:
		from = all[i-1].end // takes the comma before it along
	}
	return slices.Concat(doc[:from], doc[to:]), doc[all[i].start:all[i].end]
}
