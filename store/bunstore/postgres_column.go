package bunstore

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// postgresColumn is a value as Postgres keeps it.
type postgresColumn interface {
	// scanPostgres reads what a driver gives. Like Scan it refuses whatever the value could
	// not have written.
	scanPostgres(src any) error

	// postgresText appends the text form; null tells that there is none.
	postgresText(b []byte) (text []byte, null bool)

	// postgresType names the type. Only those of text and bytea need quotes in an array.
	postgresType() string
}

// postgresDest scans a column from Postgres.
type postgresDest struct{ column }

func (d postgresDest) Scan(src any) error { return d.scanPostgres(src) }

// appendPostgres writes a value as a typed literal.
func appendPostgres(b []byte, c column) []byte {
	return append(append(appendValue(b, c), "::"...), c.postgresType()...)
}

// appendValue writes a value as a literal where its type is known.
func appendValue(b []byte, c column) []byte {
	start := len(b)
	b = append(b, '\'')
	b, null := c.postgresText(b)
	switch {
	case null:
		b = append(b[:start], "NULL"...)
	case c.postgresType() == "text":
		b = doubleQuotes(b, start+1)
		fallthrough
	default:
		b = append(b, '\'')
	}
	return b
}

// doubleQuotes doubles the single quotes of b from an index on.
func doubleQuotes(b []byte, from int) []byte {
	n := 0
	for _, c := range b[from:] {
		if c == '\'' {
			n++
		}
	}
	if n == 0 {
		return b
	}
	to := len(b) + n
	for range n {
		b = append(b, 0)
	}
	for at := len(b) - n - 1; n > 0; at-- {
		to--
		b[to] = b[at]
		if b[at] == '\'' {
			to--
			b[to] = '\''
			n--
		}
	}
	return b
}

// stringOf reads a text of a driver: pgx gives strings, pgdriver bytes for types that it
// does not know.
func stringOf(src any) (string, bool) {
	switch v := src.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}

func (u *uid) scanPostgres(src any) error {
	if src == nil {
		*u = ""
		return nil
	}
	if s, ok := stringOf(src); ok {
		if raw, ok := parseUUID(s); ok {
			*u = uid(raw[:])
			return nil
		}
	}
	return unexpected("a UUID", src)
}

func (u uid) postgresText(b []byte) ([]byte, bool) {
	if u == "" {
		return b, true
	}
	return append(b, formatUUID(string(u))...), false
}

func (uid) postgresType() string { return "uuid" }

func (i *ident) scanPostgres(src any) error {
	s, err := scanText(src, "a name")
	*i = ident(s)
	return err
}

func (i ident) postgresText(b []byte) ([]byte, bool) { return appendText(b, string(i)), false }
func (ident) postgresType() string                   { return "text" }

func (t *text) scanPostgres(src any) error {
	if src == nil {
		*t = ""
		return nil
	}
	s, err := scanText(src, "a text")
	if err == nil && s == "" {
		err = unexpected("a text that is not empty", src)
	}
	*t = text(s)
	return err
}

func (t text) postgresText(b []byte) ([]byte, bool) { return appendText(b, string(t)), t == "" }
func (text) postgresType() string                   { return "text" }

func (o *optional) scanPostgres(src any) error {
	if src == nil {
		*o = optional{}
		return nil
	}
	s, err := scanText(src, "a text")
	*o = optional{text: s, set: true}
	return err
}

func (o optional) postgresText(b []byte) ([]byte, bool) { return appendText(b, o.text), !o.set }
func (optional) postgresType() string                   { return "text" }

func (n *num) scanPostgres(src any) error { return n.Scan(src) }
func (n num) postgresText(b []byte) ([]byte, bool) {
	return strconv.AppendInt(b, int64(n), 10), false
}
func (num) postgresType() string { return "bigint" }

func (f *flag) scanPostgres(src any) error {
	v, ok := src.(bool)
	if !ok {
		return unexpected("a yes or no", src)
	}
	*f = flag(v)
	return nil
}

func (f flag) postgresText(b []byte) ([]byte, bool) { return strconv.AppendBool(b, bool(f)), false }
func (flag) postgresType() string                   { return "boolean" }

func (t *ts) scanPostgres(src any) error {
	switch v := src.(type) {
	case nil:
		*t = ts{}
		return nil
	case time.Time:
		*t = ts{micro: v.UnixMicro(), set: true}
		return nil
	}
	return unexpected("a time", src)
}

func (t ts) postgresText(b []byte) ([]byte, bool) {
	return t.time().AppendFormat(b, "2006-01-02T15:04:05.999999Z"), !t.set
}
func (ts) postgresType() string { return "timestamptz" }

func (d *digest) scanPostgres(src any) error          { return d.Scan(src) }
func (d digest) postgresText(b []byte) ([]byte, bool) { return appendBytea(b, d[:]), false }
func (digest) postgresType() string                   { return "bytea" }

func (l *link) scanPostgres(src any) error          { return l.Scan(src) }
func (l link) postgresText(b []byte) ([]byte, bool) { return appendBytea(b, l[:]), l == link{} }
func (link) postgresType() string                   { return "bytea" }

func (b *blob) scanPostgres(src any) error            { return b.Scan(src) }
func (b blob) postgresText(dst []byte) ([]byte, bool) { return appendBytea(dst, b), false }
func (blob) postgresType() string                     { return "bytea" }

func appendBytea(b, v []byte) []byte { return hex.AppendEncode(append(b, `\x`...), v) }

// Postgres keeps neither the character NUL nor bytes that are no UTF-8. Names come from
// outside, so both are written as escape, then two hex digits, and escape itself as number 1.
const escape = "\ue000"

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == 0 || c >= utf8.RuneSelf {
			return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) && !strings.Contains(s, escape)
		}
	}
	return true
}

func appendText(b []byte, s string) []byte {
	if plain(s) {
		return append(b, s...)
	}
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1, r == 0:
			b = fmt.Appendf(b, "%s%02x", escape, s[0])
		case s[:n] == escape:
			b = append(b, escape+"01"...)
		default:
			b = append(b, s[:n]...)
		}
		s = s[n:]
	}
	return b
}

// scanText reads what appendText wrote.
func scanText(src any, what string) (string, error) {
	s, ok := stringOf(src)
	if !ok {
		return "", unexpected(what, src)
	}
	before, rest, escaped := strings.Cut(s, escape)
	if !escaped {
		return s, nil
	}
	var b strings.Builder
	for escaped {
		b.WriteString(before)
		if len(rest) < 2 {
			return "", unexpected(what, src)
		}
		v, err := strconv.ParseUint(rest[:2], 16, 8)
		if err != nil {
			return "", unexpected(what, src)
		}
		if v == 1 {
			b.WriteString(escape)
		} else {
			b.WriteByte(byte(v))
		}
		before, rest, escaped = strings.Cut(rest[2:], escape)
	}
	b.WriteString(before)
	return b.String(), nil
}
