package bunstore

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// column is one stored value: a pointer to a field of a row. Each type maps stored values
// one to one: Scan refuses whatever value could not have written, so that two different
// stored values never look alike to the program, nor to the row sum.
type column interface {
	Scan(src any) error
	value() any                 // as given to the driver: nil, int64, string or []byte
	appendSum(b []byte) []byte  // the encoding that the row sum is taken over
	appendText(b []byte) []byte // for messages: ids and numbers only
	schema.QueryAppender        // the value as an SQL literal
	postgresColumn
}

// appendLiteral writes a value as the dialect has it.
func appendLiteral(gen schema.QueryGen, b []byte, c column) ([]byte, error) {
	if gen.Dialect().Name() == dialect.PG {
		return appendPostgres(b, c), nil
	}
	return gen.Append(b, c.value()), nil
}

// The tags of the row sum's encoding.
const (
	sumNull byte = iota
	sumInt
	sumText
	sumBytes
)

func appendSumInt(b []byte, v int64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, sumInt), uint64(v))
}

func appendSumBytes[T ~string | ~[]byte](b []byte, tag byte, v T) []byte {
	b = binary.AppendUvarint(append(b, tag), uint64(len(v)))
	return append(b, v...)
}

func unexpected(want string, src any) error {
	return fmt.Errorf("stored value is a %T where %s belongs", src, want)
}

// uid is an id that is always a UUID: 16 bytes, or "" (NULL) for none.
type uid string

// uidOf converts an id. What is no UUID becomes none, which no look-up finds; writes check
// their ids with fields.id first.
func uidOf(id runs.ID) uid {
	raw, ok := parseUUID(string(id))
	if !ok {
		return ""
	}
	return uid(raw[:])
}

func (u uid) id() runs.ID {
	if u == "" {
		return ""
	}
	return runs.ID(formatUUID(string(u)))
}

func (u *uid) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*u = ""
		return nil
	case []byte:
		if len(v) == 16 {
			*u = uid(v)
			return nil
		}
	}
	return unexpected("an id of 16 bytes", src)
}

func (u uid) value() any {
	if u == "" {
		return nil
	}
	return []byte(u)
}

func (u uid) appendSum(b []byte) []byte {
	if u == "" {
		return append(b, sumNull)
	}
	return appendSumBytes(b, sumBytes, u)
}

func (u uid) appendText(b []byte) []byte { return append(b, u.id()...) }

// AppendQuery implements schema.QueryAppender.
func (u uid) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return appendLiteral(gen, b, &u)
}

// ident is a name that others give: a tenant, a Graph object, a target. Most are UUIDs and
// take 16 bytes then; anything else is kept as text. It is never NULL.
type ident string

func (i *ident) Scan(src any) error {
	switch v := src.(type) {
	case string:
		if _, isUUID := parseUUID(v); !isUUID {
			*i = ident(v)
			return nil
		}
	case []byte:
		if len(v) == 16 {
			*i = ident(formatUUID(string(v)))
			return nil
		}
	}
	return unexpected("a name", src)
}

func (i ident) value() any {
	if raw, ok := parseUUID(string(i)); ok {
		return raw[:]
	}
	return string(i)
}

func (i ident) appendSum(b []byte) []byte  { return appendSumBytes(b, sumText, i) }
func (i ident) appendText(b []byte) []byte { return append(b, i...) }

// AppendQuery implements schema.QueryAppender.
func (i ident) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return appendLiteral(gen, b, &i)
}

// text is a string; "" is NULL.
type text string

func (t *text) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = ""
		return nil
	case string:
		if v != "" {
			*t = text(v)
			return nil
		}
	}
	return unexpected("a text", src)
}

func (t text) value() any {
	if t == "" {
		return nil
	}
	return string(t)
}

func (t text) appendSum(b []byte) []byte {
	if t == "" {
		return append(b, sumNull)
	}
	return appendSumBytes(b, sumText, t)
}

func (t text) appendText(b []byte) []byte { return append(b, t...) }

// AppendQuery implements schema.QueryAppender.
func (t text) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return appendLiteral(gen, b, &t)
}

// num is a whole number, never NULL.
type num int64

func (n *num) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return unexpected("a whole number", src)
	}
	*n = num(v)
	return nil
}

func (n num) value() any                 { return int64(n) }
func (n num) appendSum(b []byte) []byte  { return appendSumInt(b, int64(n)) }
func (n num) appendText(b []byte) []byte { return fmt.Append(b, int64(n)) }

// AppendQuery implements schema.QueryAppender.
func (n num) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return appendLiteral(gen, b, &n)
}

// flag is a yes or no, stored as 1 or 0.
type flag bool

func (f *flag) Scan(src any) error {
	v, ok := src.(int64)
	if !ok || v != 0 && v != 1 {
		return unexpected("a 0 or 1", src)
	}
	*f = v == 1
	return nil
}

func (f flag) value() any {
	if f {
		return int64(1)
	}
	return int64(0)
}

func (f flag) appendSum(b []byte) []byte  { return appendSumInt(b, f.value().(int64)) }
func (f flag) appendText(b []byte) []byte { return fmt.Append(b, bool(f)) }

// AppendQuery implements schema.QueryAppender.
func (f flag) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return appendLiteral(gen, b, &f)
}

// ts is an instant in microseconds since 1970 UTC; unset (NULL) is the zero time.
type ts struct {
	micro int64
	set   bool
}

func tsOf(t time.Time) ts {
	if t.IsZero() {
		return ts{}
	}
	return ts{micro: t.UnixMicro(), set: true}
}

func (t ts) time() time.Time {
	if !t.set {
		return time.Time{}
	}
	return time.UnixMicro(t.micro).UTC()
}

func (t *ts) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = ts{}
		return nil
	case int64:
		*t = ts{micro: v, set: true}
		return nil
	}
	return unexpected("a time", src)
}

func (t ts) value() any {
	if !t.set {
		return nil
	}
	return t.micro
}

func (t ts) appendSum(b []byte) []byte {
	if !t.set {
		return append(b, sumNull)
	}
	return appendSumInt(b, t.micro)
}

func (t ts) appendText(b []byte) []byte { return t.time().AppendFormat(b, time.RFC3339Nano) }

// AppendQuery implements schema.QueryAppender.
func (t ts) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return appendLiteral(gen, b, &t)
}

// digest is a SHA-256, never NULL.
type digest [32]byte

func (d *digest) Scan(src any) error {
	v, ok := src.([]byte)
	if !ok || len(v) != len(d) {
		return unexpected("a hash of 32 bytes", src)
	}
	copy(d[:], v)
	return nil
}

func (d digest) value() any                 { return d[:] }
func (d digest) appendSum(b []byte) []byte  { return appendSumBytes(b, sumBytes, d[:]) }
func (d digest) appendText(b []byte) []byte { return hex.AppendEncode(b, d[:]) }

// AppendQuery implements schema.QueryAppender.
func (d digest) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return appendLiteral(gen, b, &d)
}

// link is a hash of a chain; the zero value is NULL.
type link [32]byte

func (l *link) Scan(src any) error {
	if src == nil {
		*l = link{}
		return nil
	}
	v, ok := src.([]byte)
	if !ok || len(v) != len(l) || link(v) == (link{}) {
		return unexpected("a hash of 32 bytes or none", src)
	}
	copy(l[:], v)
	return nil
}

func (l link) value() any {
	if l == (link{}) {
		return nil
	}
	return l[:]
}

func (l link) appendSum(b []byte) []byte {
	if l == (link{}) {
		return append(b, sumNull)
	}
	return appendSumBytes(b, sumBytes, l[:])
}

func (l link) appendText(b []byte) []byte { return hex.AppendEncode(b, l[:]) }

// AppendQuery implements schema.QueryAppender.
func (l link) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return appendLiteral(gen, b, &l)
}

// optional is a text that may be absent (NULL), which is not the same as empty.
type optional struct {
	text string
	set  bool
}

func (o *optional) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*o = optional{}
		return nil
	case string:
		*o = optional{text: v, set: true}
		return nil
	}
	return unexpected("a text", src)
}

func (o optional) value() any {
	if !o.set {
		return nil
	}
	return o.text
}

func (o optional) appendSum(b []byte) []byte {
	if !o.set {
		return append(b, sumNull)
	}
	return appendSumBytes(b, sumText, o.text)
}

func (o optional) appendText(b []byte) []byte { return append(b, o.text...) }

// AppendQuery implements schema.QueryAppender.
func (o optional) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return appendLiteral(gen, b, &o)
}

// parseUUID reads the canonical lower-case form only, so that formatUUID gives back the
// same text.
func parseUUID(s string) (raw [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return raw, false
	}
	at, bad := 0, byte(0)
	for i := range raw {
		if s[at] == '-' {
			at++
		}
		high, low := hexDigits[s[at]], hexDigits[s[at+1]]
		bad |= high | low
		raw[i] = high<<4 | low&15
		at += 2
	}
	return raw, bad < 16
}

// hexDigits are the values of lower-case digits; everything else is too large.
var hexDigits = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		table[c] = byte(i)
	}
	return table
}()

func formatUUID(raw string) string { return uuidv7.Format([16]byte([]byte(raw))) }
