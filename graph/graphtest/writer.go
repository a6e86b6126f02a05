package graphtest

import (
	"strconv"
	"time"
)

// writer appends compact JSON. An empty key writes an element of an array. It is much
// faster than encoding maps and keeps the order of properties that Graph uses; that the
// result is JSON is tested for every type.
type writer struct {
	buf []byte
}

func (w *writer) key(k string) {
	if n := len(w.buf); n > 0 {
		if c := w.buf[n-1]; c != '{' && c != '[' {
			w.buf = append(w.buf, ',')
		}
	}
	if k != "" {
		w.buf = append(w.buf, '"')
		w.buf = append(w.buf, k...)
		w.buf = append(w.buf, '"', ':')
	}
}

func (w *writer) obj(k string) { w.key(k); w.buf = append(w.buf, '{') }
func (w *writer) arr(k string) { w.key(k); w.buf = append(w.buf, '[') }

// end closes objects and arrays, one for each byte of '}' or ']'.
func (w *writer) end(closers ...byte) { w.buf = append(w.buf, closers...) }

func (w *writer) raw(k string, v []byte) { w.key(k); w.buf = append(w.buf, v...) }
func (w *writer) null(k string)          { w.raw(k, []byte("null")) }
func (w *writer) bool(k string, v bool)  { w.key(k); w.buf = strconv.AppendBool(w.buf, v) }
func (w *writer) int(k string, v int)    { w.key(k); w.buf = strconv.AppendInt(w.buf, int64(v), 10) }
func (w *writer) str(k string, s string) { w.key(k); w.buf = appendQuoted(w.buf, s) }
func (w *writer) time(k string, t time.Time) {
	w.str(k+"@odata.type", "#DateTimeOffset")
	w.str(k, timestamp(t))
}

// enum writes a value whose type minimal metadata would leave out.
func (w *writer) enum(k, typ, v string) {
	w.str(k+"@odata.type", "#microsoft.graph."+typ)
	w.str(k, v)
}

func (w *writer) strings(k string, values ...string) {
	w.str(k+"@odata.type", "#Collection(String)")
	w.arr(k)
	for _, v := range values {
		w.str("", v)
	}
	w.end(']')
}

// quote makes a JSON string.
func quote(s string) []byte { return appendQuoted(nil, s) }

func appendQuoted(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
