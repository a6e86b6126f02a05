package graphtest

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestEditsTouchNothingElse(t *testing.T) {
	for name, c := range map[string]struct{ got, want string }{
		"replace":          {string(withProperty([]byte("{ \"a\" : 1 ,\r\n\"b\":[ 2 ] }"), "a", []byte("{}"))), "{ \"a\" : {} ,\r\n\"b\":[ 2 ] }"},
		"insert":           {string(withProperty([]byte("{ \"a\":1}"), "b", []byte("2"))), "{\"b\":2, \"a\":1}"},
		"insert as only":   {string(withProperty([]byte("{ }"), "b", []byte("2"))), "{\"b\":2 }"},
		"insert after BOM": {string(withProperty([]byte("\ufeff{}"), "b", []byte("2"))), "\ufeff{\"b\":2}"},
		"inner namesake":   {string(withProperty([]byte(`{"x":{"a":1},"a":2}`), "a", []byte("3"))), `{"x":{"a":1},"a":3}`},
		"quoted brackets":  {string(withProperty([]byte(`{"x":"}\"]{,","a":2}`), "a", []byte("3"))), `{"x":"}\"]{,","a":3}`},
		"escaped key":      {string(withProperty([]byte(`{"a\"":1,"a":2}`), "a", []byte("3"))), `{"a\"":1,"a":3}`},
		"remove first":     {first(withoutProperty([]byte(`{"a":1, "b":2}`), "a")), `{"b":2}`},
		"remove last":      {first(withoutProperty([]byte(`{"a":1 , "b":2 }`), "b")), `{"a":1 }`},
		"remove only":      {first(withoutProperty([]byte(`{"a":1}`), "a")), `{}`},
		"remove nothing":   {first(withoutProperty([]byte(`{"a":1}`), "b")), `{"a":1}`},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", name, c.got, c.want)
		}
	}
}

func first(rest, _ []byte) string { return string(rest) }

// Editing by offsets gives what decoding, editing and encoding would give.
func TestEditsAgreeWithDecoding(t *testing.T) {
	value := rapid.OneOf(
		rapid.Just(any(nil)), rapid.Map(rapid.Bool(), func(v bool) any { return v }), rapid.Map(rapid.Float64Range(-1e9, 1e9), func(v float64) any { return v }),
		rapid.Map(rapid.String(), func(v string) any { return v }),
		rapid.Map(rapid.SliceOfN(rapid.StringMatching(`[{}\[\]",:\\ a]*`), 0, 3), func(v []string) any {
			out := []any{}
			for _, s := range v {
				out = append(out, map[string]any{s: s})
			}
			return out
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.MapOfN(rapid.StringMatching(`[a-c]{1,2}`), value, 0, 5).Draw(t, "object")
		key := rapid.StringMatching(`[a-c]{1,2}`).Draw(t, "key")
		doc, err := json.MarshalIndent(object, rapid.SampledFrom([]string{"", " "}).Draw(t, "prefix"), rapid.SampledFrom([]string{"", "\t"}).Draw(t, "indent"))
		if err != nil {
			t.Fatal(err)
		}
		set := maps.Clone(object)
		set[key] = "new"
		compare(t, withProperty(doc, key, quote("new")), set)
		removed := maps.Clone(object)
		delete(removed, key)
		rest, _ := withoutProperty(doc, key)
		compare(t, rest, removed)
	})
}

func compare(t *rapid.T, doc []byte, want map[string]any) {
	var got map[string]any
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s\nfrom %s", diff, doc)
	}
}

func TestQuoteMakesJSONStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		var got string
		if err := json.Unmarshal(quote(s), &got); err != nil || got != s {
			t.Fatalf("%q became %q: %v", s, got, err)
		}
	})
}
