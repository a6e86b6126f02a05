package runs

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const someID = ID("0198d1c2-0000-7000-8000-000000000001")

func TestCursorComesBackUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := Keyset{ID: someID, Key: rapid.StringOfN(rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.P, unicode.Zs), 0, 100, 1000).Draw(t, "key")}
		s, err := PageRequest{Cursor: k.String()}.Slice()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Slice{Limit: DefaultPageSize, After: k}, s); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestWrongPagesAreRefusedByField(t *testing.T) {
	for _, tt := range []struct {
		name  string
		page  PageRequest
		field string
	}{
		{"negative limit", PageRequest{Limit: -1}, "limit"},
		{"limit beyond the maximum", PageRequest{Limit: MaxPageSize + 1}, "limit"},
		{"cursor of another alphabet", PageRequest{Cursor: "!!!"}, "cursor"},
		{"cursor without an id", PageRequest{Cursor: Keyset{Key: "x", ID: "nope"}.String()}, "cursor"},
		{"cursor with a NUL", PageRequest{Cursor: Keyset{Key: "a\x00b", ID: someID}.String()}, "cursor"},
		{"cursor that is not UTF-8", PageRequest{Cursor: Keyset{Key: "\xff", ID: someID}.String()}, "cursor"},
		{"cursor that is a novel", PageRequest{Cursor: Keyset{Key: strings.Repeat("x", 5000), ID: someID}.String()}, "cursor"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.page.Slice()
			var invalid *InvalidError
			if !errors.As(err, &invalid) || !errors.Is(err, ErrInvalid) || invalid.Fields[0].Field != tt.field {
				t.Errorf("error is %v, want one that names %s", err, tt.field)
			}
		})
	}
}

func TestPageSaysWhetherMoreFollows(t *testing.T) {
	keyset := func(i int) Keyset { return Keyset{ID: someID, Key: string(rune('a' + i))} }
	full := NewPage([]int{0, 1, 2}, 2, keyset)
	if diff := cmp.Diff(Page[int]{Items: []int{0, 1}, NextCursor: keyset(1).String()}, full); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if last := NewPage([]int{0, 1}, 2, keyset); last.NextCursor != "" {
		t.Error("the last page has a cursor")
	}
}

func TestIDsHaveOneForm(t *testing.T) {
	for id, want := range map[ID]bool{
		someID: true, "": false, "x": false,
		"0198D1C2-0000-7000-8000-000000000001":  false, // upper case would be a second name of the same row
		"0198d1c2-0000-7000-8000-00000000000g":  false,
		"0198d1c2000070008000000000000001":      false,
		"0198d1c2-0000-7000-8000-0000000000011": false,
	} {
		if got := id.Valid(); got != want {
			t.Errorf("ID(%q).Valid() = %v", id, got)
		}
	}
}
