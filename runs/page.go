package runs

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of a page.
const (
	DefaultPageSize = 50
	MaxPageSize     = 200
)

// PageRequest asks for one page of a list in the list's own order. Cursor is the
// NextCursor of the page before, empty for the first.
type PageRequest struct {
	Limit  int // 1..MaxPageSize; 0 means DefaultPageSize
	Cursor string
}

// Page is one page. NextCursor is empty on the last page.
type Page[T any] struct {
	Items      []T
	NextCursor string
}

// Keyset is the position after which a page starts: the sort key and id of the last row
// of the page before. The zero value is the start. Stores receive it decoded.
type Keyset struct {
	Key string // in a form that the store chose; it comes back unchanged
	ID  ID
}

// IsZero tells whether the page is the first.
func (k Keyset) IsZero() bool { return k == Keyset{} }

// String encodes the position as an opaque cursor.
func (k Keyset) String() string {
	if k.IsZero() {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(string(k.ID) + "\n" + k.Key))
}

// Slice is one page as a store sees it: at most Limit rows after After.
type Slice struct {
	Limit int
	After Keyset
}

// Slice checks the request and decodes its cursor. The error is an [InvalidError]
// naming "limit" or "cursor".
func (p PageRequest) Slice() (Slice, error) {
	s := Slice{Limit: p.Limit}
	if s.Limit == 0 {
		s.Limit = DefaultPageSize
	}
	if s.Limit < 1 || s.Limit > MaxPageSize {
		return Slice{}, Invalid("limit", "limit_range", "must be between 1 and 200")
	}
	if p.Cursor == "" {
		return s, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	id, key, ok := strings.Cut(string(raw), "\n")
	if err != nil || !ok || !ID(id).Valid() || len(key) > 1024 || !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl) {
		return Slice{}, Invalid("cursor", "cursor_invalid", "is not a cursor of this list; start again without one")
	}
	s.After = Keyset{Key: key, ID: ID(id)}
	return s, nil
}

// NewPage cuts a list that was read with one row more than the limit into a page. keyset
// tells the position of a row.
func NewPage[T any](rows []T, limit int, keyset func(T) Keyset) Page[T] {
	if len(rows) <= limit {
		return Page[T]{Items: rows}
	}
	rows = rows[:limit:limit]
	return Page[T]{Items: rows, NextCursor: keyset(rows[limit-1]).String()}
}

// Valid tells whether the id has the form of a UUID.
func (id ID) Valid() bool {
	if len(id) != 36 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
