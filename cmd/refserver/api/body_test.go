package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"pgregory.net/rapid"
)

// Whatever decodes says the same to encoding/json, and whatever does not is an error with
// fields. A decoder that panicked or let something pass would fail here.
func TestDecodeBodyAgreesWithJSON(t *testing.T) {
	words := rapid.SampledFrom([]string{
		"{", "}", "[", "]", ":", ",", `"name"`, `"enabled"`, `"days_of_week"`, `"policy_types"`, `"frequency"`, `"x"`, "1", "7", "-1", "1.5", "1e9",
		"true", "false", "null", `""`, `"\u0000"`, `"\ud800"`, " ", "\n", "\\", `"`, "\xff",
	})
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(strings.Join(rapid.SliceOfN(words, 1, 14).Draw(t, "words"), ""))
		checkDecode(t, raw)
	})
	for _, s := range []string{
		`{}`, `{"name":"a","enabled":true,"days_of_week":[1,7],"policy_types":[],"frequency":"daily","time_of_day":"02:30"}`, scheduleJSON,
	} {
		var got scheduleBody
		if err := decodeBody([]byte(s), &got, false); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		checkDecode(t, []byte(s))
	}
}

func checkDecode(t interface{ Fatalf(string, ...any) }, raw []byte) {
	var got, want scheduleBody
	err := decodeBody(raw, &got, false)
	if err != nil {
		var invalid *runs.InvalidError
		if !errors.As(err, &invalid) || len(invalid.Fields) == 0 {
			t.Fatalf("%q: %v", raw, err)
		}
		return
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatalf("%q: encoding/json refuses it: %v", raw, err)
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Fatalf("%q: got %s, encoding/json says %s", raw, a, b)
	}
}

// An answer names a field of ours as it is, and calls anything else unknown.
func TestShownNames(t *testing.T) {
	for name, want := range map[string]string{
		"time_of_day": "time_of_day", "nme": "nme", "": "(unknown)", "Name": "(unknown)", "pass word": "(unknown)",
		"a-b": "(unknown)", "eyJhbGciOi.x": "(unknown)", strings.Repeat("a", 41): "(unknown)",
	} {
		if got := shown(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
