package msgraph

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzMembers holds the reading by offsets against encoding/json. What is no JSON may be read
// as anything, without a panic and with an end.
func FuzzMembers(f *testing.F) {
	for _, doc := range []string{
		`{}`, `[]`, ` { "a" : 1 , "b":[ {"c":"}"} , 2 ] ,"a":null} `, `{"\u0061\"":"\\","x@odata.nextLink":7}`,
		`[1,"a",[],{},true ,null]`, `"text"`, `7`, ``, `{`, `{"a"`, `{"a":`, `["`, `{"a":"\`, `}`, `{:}`, `{"a":1e5,"b":-0.0}`, "{\"\xff\":\"\xfe\"}",
		`{"deep":{"in":[{"x@odata.nextLink":""}]}}`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, isObject := fields(doc)
		rows := elements(doc)
		cut(doc)
		changed := withMember(doc, "new", []byte("[]"))
		if !json.Valid(doc) {
			return
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(doc, &object) == nil && object != nil {
			if diff := cmp.Diff(object, got); diff != "" || !isObject {
				t.Errorf("members: %s", diff)
			}
			object["new"] = json.RawMessage("[]")
			var after map[string]json.RawMessage
			if err := json.Unmarshal(changed, &after); err != nil {
				t.Errorf("with a member it is %s: %v", changed, err)
			} else if diff := cmp.Diff(object, after); diff != "" {
				t.Errorf("with a member: %s", diff)
			}
		} else if isObject {
			t.Error("what is no object has members")
		}
		var array []json.RawMessage
		if json.Unmarshal(doc, &array) == nil && len(array) > 0 {
			if diff := cmp.Diff(array, rows); diff != "" {
				t.Errorf("elements: %s", diff)
			}
		} else if len(rows) > 0 {
			t.Error("what is no array has elements")
		}
	})
}

func TestACollectionThatGraphHasCutIsSeenAtAnyDepth(t *testing.T) {
	for doc, want := range map[string]bool{
		`{"a":[{"b":{"c@odata.nextLink":"x"}}]}`:         true,
		`{"@odata.nextLink":"x"}`:                        true,
		`{"a":"x","b@odata.nextLink" : "x"}`:             true,
		`{"\u0062@odata.nextLink":"x"}`:                  true,
		`[[{"x@odata.nextLink":null}]]`:                  true,
		`{"a":"the text x@odata.nextLink\": in a text"}`: false,
		`{"a":"x@odata.nextLink"}`:                       false,
		`{"a@odata.nextLinks":1}`:                        false,
		`{}`:                                             false,
		// Minutes for who looks into every value within every value.
		strings.Repeat(`{"a":`, 9000) + `["b@odata.nextLink","` + strings.Repeat("x", 4<<20) + `"]` + strings.Repeat("}", 9000): false,
	} {
		if got := cut([]byte(doc)); got != want {
			t.Errorf("%.80s: %t", doc, got)
		}
	}
}
