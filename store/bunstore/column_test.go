package bunstore

import (
	"math"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"pgregory.net/rapid"
)

// TestAColumnReadsOnlyWhatItWrites: of all values that a database can hold, a column takes
// those that it could have written, and writes them again. So no two stored values look
// alike to the checksum.
func TestAColumnReadsOnlyWhatItWrites(t *testing.T) {
	values := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Int64(), func(v int64) any { return v }), rapid.SampledFrom([]any{int64(0), int64(1)}),
		rapid.Map(rapid.Float64(), func(v float64) any { return v }), rapid.Map(rapid.String(), func(v string) any { return v }),
		rapid.SampledFrom([]any{"", "01980000-0000-7000-8000-000000000001", "01980000-0000-7000-8000-00000000000A"}),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(v []byte) any { return v }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 32, 32), func(v []byte) any { return v }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 3), func(v []byte) any { return v }), rapid.Just[any](true),
	)
	for name, of := range map[string]struct {
		column column
		takes  any
	}{
		"uid": {new(uid), make([]byte, 16)}, "ident": {new(ident), "a"}, "text": {new(text), "a"}, "num": {new(num), int64(2)},
		"flag": {new(flag), int64(1)}, "ts": {new(ts), int64(1)}, "digest": {new(digest), make([]byte, 32)},
		"optional": {new(optional), ""}, "blob": {new(blob), []byte{1}},
	} {
		t.Run(name, func(t *testing.T) {
			c := of.column
			if err := c.Scan(of.takes); err != nil || !sameValue(c.value(), of.takes) {
				t.Errorf("of %#v it makes %#v, %v", of.takes, c.value(), err)
			}
			rapid.Check(t, func(t *rapid.T) {
				stored := values.Draw(t, "stored")
				if c.Scan(stored) != nil {
					return
				}
				if got := c.value(); !sameValue(got, stored) {
					t.Fatalf("read %#v, would write %#v", stored, got)
				}
			})
		})
	}
}

func sameValue(a, b any) bool {
	x, ok := a.([]byte)
	y, ok2 := b.([]byte)
	if ok || ok2 {
		return ok && ok2 && string(x) == string(y)
	}
	return a == b
}

func TestIdsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := formatUUID(string(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "raw")))
		if got := uidOf(runs.ID(id)).id(); string(got) != id {
			t.Fatalf("id %s came back as %s", id, got)
		}
	})
	for _, id := range []string{"", "x", "01980000-0000-7000-8000-00000000000A", "01980000-0000-7000-8000-00000000000g",
		"01980000x0000-7000-8000-000000000001", "0198000000000-7000-8000-00000000001", "01980000-0000-7000-8000-0000000000011"} {
		if got := uidOf(runs.ID(id)); got != "" {
			t.Errorf("%q is an id: %s", id, got.id())
		}
	}
}

func TestTimesKeepMicroseconds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-1<<55, 1<<55).Draw(t, "micro"))
		if got := tsOf(at).time(); !got.Equal(at) || got.Location() != time.UTC {
			t.Fatalf("%s came back as %s", at, got)
		}
	})
	if !tsOf(time.Time{}).time().IsZero() || tsOf(time.Unix(0, 0)).time().IsZero() {
		t.Error("the zero time and 1970 are not told apart")
	}
}

// TestTheSumTellsRowsApart: moving bytes from one column to the next is a difference.
func TestTheSumTellsRowsApart(t *testing.T) {
	def := &table{name: "t"}
	seen := map[num]string{}
	for name, cols := range map[string][]column{
		"ab, c": {ptr(text("ab")), ptr(text("c"))}, "a, bc": {ptr(text("a")), ptr(text("bc"))},
		"none": {ptr(text("")), ptr(text(""))}, "one none": {ptr(text(""))}, "zero": {ptr(num(0))}, "false, false": {ptr(flag(false)), ptr(flag(false))},
		"empty": {ptr(optional{set: true})}, "max": {ptr(num(math.MaxInt64))}, "1970": {ptr(tsOf(time.Unix(0, 0))), ptr(text("x"))},
	} {
		sum, _ := def.sum(cols, nil)
		if other, taken := seen[sum]; taken {
			t.Errorf("%s and %s have the same sum", name, other)
		}
		seen[sum] = name
	}
}

func ptr[T any](v T) *T { return &v }
