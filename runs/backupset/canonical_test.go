package backupset_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func policy(t graph.PolicyType, raw string, parts ...string) *graph.Policy {
	p := &graph.Policy{Type: t, Raw: json.RawMessage(raw)}
	for i := 0; i < len(parts); i += 2 {
		p.Parts = append(p.Parts, graph.Part{Name: parts[i], Raw: json.RawMessage(parts[i+1])})
	}
	return p
}

func TestCanonicalForm(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	tests := map[string]struct {
		p    *graph.Policy
		want string
	}{
		"keys are sorted at every level":    {policy("x", `{"b":{"d":1,"c":2},"a":[{"z":0,"y":0}]}`), `{"a":[{"y":0,"z":0}],"b":{"c":2,"d":1}}`},
		"white space goes":                  {policy("x", " { \"a\" : [ 1 ,\t2 ] }\r\n"), `{"a":[1,2]}`},
		"a byte order mark is no content":   {policy("x", "\uFEFF{}", "p", "\uFEFF[]"), `{"p":[]}`},
		"strings have one spelling":         {policy("x", `{"\u0061":"\u00e9\/\u0022\ud83d\ude00\u001F\u000a"}`), `{"a":"é/\"😀\u001f\n"}`},
		"numbers keep their text":           {policy("x", `{"a":[9007199254740993,1,1.0,-0,1E+2]}`), `{"a":[9007199254740993,1,1.0,-0,1E+2]}`},
		"annotations and actions go":        {policy("x", `{"a@odata.type":"x","@odata.etag":"x","#f":{},"b":{"@microsoft.graph.tips":"x"}}`), `{"b":{}}`},
		"the type of an object stays":       {policy("x", `{"@odata.type":"t","b":{"@odata.type":"u"}}`), `{"@odata.type":"t","b":{"@odata.type":"u"}}`},
		"a bound reference stays":           {policy("x", `{"definition@odata.bind":"d"}`), `{"definition@odata.bind":"d"}`},
		"an address is no annotation":       {policy("x", `{"a@example.test":1}`), `{"a@example.test":1}`},
		"id and version go at the top only": {policy("x", `{"id":1,"version":2,"a":{"id":1,"version":2,"isAssigned":true}}`), `{"a":{"id":1,"isAssigned":true,"version":2}}`},
		"times of change go everywhere":     {policy("x", `{"createdDateTime":1,"a":{"lastModifiedDateTime":2,"modifiedDateTime":3}}`), `{"a":{}}`},
		"read-outs go":                      {policy("x", `{"lastSyncDateTime":1,"qrCodeImage":2,"payloads":[],"settingCount":3,"lastSync":4}`), `{"lastSync":4}`},
		"a type has its own read-outs":      {policy("custom", `{"weather":"fine","a":1}`), `{"a":1}`},
		"others do not have them":           {policy("x", `{"weather":"fine"}`), `{"weather":"fine"}`},
		"a type may keep a read-out":        {policy("custom", `{"version":3,"payloads":[]}`), `{"payloads":[],"version":3}`},
		"terms and conditions keep theirs":  {policy("termsAndConditions", `{"version":3}`), `{"version":3}`},
		"a part is a member":                {policy("x", `{"a":1}`, "settings", `[]`), `{"a":1,"settings":[]}`},
		"a part wins":                       {policy("x", `{"settings":[1],"a":1}`, "settings", `[2]`), `{"a":1,"settings":[2]}`},
		"absent and empty differ":           {policy("x", `{}`), `{}`},
		"scope tags are a set":              {policy("x", `{"roleScopeTagIds":["2","10","0"],"a":{"roleScopeTags":["b","a"]}}`), `{"a":{"roleScopeTags":["a","b"]},"roleScopeTagIds":["0","10","2"]}`},
		"other lists keep their order":      {policy("x", `{"a":["2","1"],"omaSettings":[{"omaUri":"b"},{"omaUri":"a"}],"apps":[{"id":"b","version":"1"},{"id":"a"}]}`), `{"a":["2","1"],"apps":[{"id":"b"},{"id":"a"}],"omaSettings":[{"omaUri":"b"},{"omaUri":"a"}]}`},
		"children keep their order":         {policy("x", `{"settings":[{"settingInstance":{"settingDefinitionId":"s","children":[{"settingDefinitionId":"b"},{"settingDefinitionId":"a"}]}}]}`), `{"settings":[{"settingInstance":{"children":[{"settingDefinitionId":"b"},{"settingDefinitionId":"a"}],"settingDefinitionId":"s"}}]}`},
		"assignments by target and filter":  {policy("x", `{"assignments":[{"a":1,"target":{"deviceAndAppManagementAssignmentFilterId":null,"deviceAndAppManagementAssignmentFilterType":"include"}},{"a":2,"target":{"deviceAndAppManagementAssignmentFilterId":null,"deviceAndAppManagementAssignmentFilterType":"exclude"}}]}`), `{"assignments":[{"a":2,"target":{"deviceAndAppManagementAssignmentFilterId":null,"deviceAndAppManagementAssignmentFilterType":"exclude"}},{"a":1,"target":{"deviceAndAppManagementAssignmentFilterId":null,"deviceAndAppManagementAssignmentFilterType":"include"}}]}`},
		"a set keeps what is there twice":   {policy("x", `{"roleScopeTagIds":["1","0","1"]}`), `{"roleScopeTagIds":["0","1","1"]}`},
		"include lists elsewhere are lists": {policy("x", `{"conditions":{"users":{"includeUsers":["b","a"]},"includeX":["b","a"]},"includeY":["b","a"]}`), `{"conditions":{"includeX":["b","a"],"users":{"includeUsers":["a","b"]}},"includeY":["b","a"]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(canonical(t, z, tt.p))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestCanonicalFormOfFixtures(t *testing.T) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	for path, p := range fixtures(t, "canonical/*.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, canonical(t, z, p), "", "  "); err != nil {
				t.Fatal(err)
			}
			pretty.WriteString("\nsha256 " + hashOf(t, z, p).String() + "\n")
			golden(t, strings.TrimSuffix(path, ".json")+".golden", pretty.Bytes())
		})
	}
}

func TestAnExportEqualsACapture(t *testing.T) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	captured := readFixture(t, "testdata/canonical/settingsCatalog-captured.json")
	exported := readFixture(t, "testdata/canonical/settingsCatalog-exported.json")
	if diff := cmp.Diff(string(canonical(t, z, captured)), string(canonical(t, z, exported))); diff != "" {
		t.Errorf("(-captured +exported)\n%s", diff)
	}
	if hashOf(t, z, captured) != hashOf(t, z, exported) {
		t.Error("the hashes differ")
	}
}

// realExports reads the exports that the environment offers.
func realExports(t testing.TB) []*graph.Policy {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(testenv.Data(t), "real-tenant", "*", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no export found: %v", err)
	}
	var out []*graph.Policy
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &graph.Policy{Type: graph.PolicyType(filepath.Base(filepath.Dir(path))), Raw: raw})
	}
	return out
}

func TestCanonicalAgreesWithReferenceOnRealExports(t *testing.T) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	for _, p := range realExports(t) {
		want, err := referenceForm(graph.Catalog, p)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(canonical(t, z, p))); diff != "" {
			t.Errorf("%s (-reference +got)\n%s", p.Type, diff)
		}
	}
}

func TestCanonicalAgreesWithReferenceOnFixtures(t *testing.T) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	for path, p := range fixtures(t, "canonical/*.json") {
		want, err := referenceForm(graph.Catalog, p)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(canonical(t, z, p))); diff != "" {
			t.Errorf("%s (-reference +got)\n%s", path, diff)
		}
	}
}

func TestMalformedPolicies(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	deep := strings.Repeat(`{"a":`, 100000)
	tests := map[string]struct {
		p      *graph.Policy
		part   string
		offset int
		reason string
	}{
		"no policy":                  {nil, "", 0, "there is no policy"},
		"nothing":                    {policy("x", ``), "", 0, "an object is expected"},
		"not an object":              {policy("x", ` []`), "", 1, "an object is expected"},
		"duplicate key":              {policy("x", `{"a":1,"b":2,"a":3}`), "", 13, "duplicate key"},
		"duplicate key, escaped":     {policy("x", `{"a":1,"\u0061":3}`), "", 7, "duplicate key"},
		"duplicate volatile key":     {policy("x", `{"id":1,"a":2,"id":3}`), "", 14, "duplicate key"},
		"duplicate inside a dropped": {policy("x", `{"#f":{"a":1,"a":1}}`), "", 13, "duplicate key"},
		"duplicate in the deep":      {policy("x", `{"a":[{"c":1,"b":1,"b":1}]}`), "", 19, "duplicate key"},
		"superseded twice":           {policy("x", `{"s":1,"s":1}`, "s", "[]"), "", 7, "duplicate key"},
		"duplicate part":             {policy("x", `{}`, "s", "[]", "s", "[]"), "s", 0, "duplicate key"},
		"duplicate key in a part":    {policy("x", `{}`, "s", `[{"a":1,"a":1}]`), "s", 8, "duplicate key"},
		"trailing data":              {policy("x", `{} {}`), "", 3, "data after the value"},
		"trailing data in a part":    {policy("x", `{}`, "s", "[] 1"), "s", 3, "data after the value"},
		"empty part":                 {policy("x", `{}`, "s", ""), "s", 0, "a value is expected"},
		"lone high surrogate":        {policy("x", `{"a":"\ud800"}`), "", 6, "a lone surrogate"},
		"lone low surrogate":         {policy("x", `{"a":"\udc00\ud800"}`), "", 6, "a lone surrogate"},
		"half a pair":                {policy("x", `{"a":"\ud800\u0041"}`), "", 6, "a lone surrogate"},
		"surrogate in UTF-8":         {policy("x", "{\"a\":\"\xed\xa0\x80\"}"), "", 6, "a string is not UTF-8"},
		"invalid UTF-8":              {policy("x", "{\"a\":\"0123456789\xff\"}"), "", 16, "a string is not UTF-8"},
		"invalid UTF-8 in a key":     {policy("x", "{\"\xc3\":1}"), "", 2, "a string is not UTF-8"},
		"invalid UTF-8 as part name": {policy("x", `{}`, "\xff", "1"), "\xff", 0, "the part's name is not UTF-8"},
		"control character":          {policy("x", "{\"a\":\"\n\"}"), "", 6, "a control character in a string"},
		"unknown escape":             {policy("x", `{"a":"\x41"}`), "", 6, "an unknown escape sequence"},
		"short escape":               {policy("x", `{"a":"\u00"}`), "", 6, "an unknown escape sequence"},
		"open string":                {policy("x", `{"a":"b`), "", 7, "a string does not end"},
		"open escape":                {policy("x", `{"a":"\`), "", 6, "a string does not end"},
		"open object":                {policy("x", `{"a":1`), "", 6, "a comma or the end of the object is expected"},
		"open array":                 {policy("x", `{"a":[1`), "", 7, "a comma or the end of the array is expected"},
		"comma at the end":           {policy("x", `{"a":1,}`), "", 7, "a key is expected"},
		"comma at the end of array":  {policy("x", `{"a":[1,]}`), "", 8, "a value is expected"},
		"no colon":                   {policy("x", `{"a" 1}`), "", 5, "a colon is expected"},
		"no value":                   {policy("x", `{"a":}`), "", 5, "a value is expected"},
		"leading zero":               {policy("x", `{"a":01}`), "", 5, "a value is expected"},
		"leading plus":               {policy("x", `{"a":+1}`), "", 5, "a value is expected"},
		"no fraction":                {policy("x", `{"a":1.}`), "", 5, "a digit is expected"},
		"no exponent":                {policy("x", `{"a":1e+}`), "", 5, "a digit is expected"},
		"bad word":                   {policy("x", `{"a":nul}`), "", 5, "a value is expected"},
		"capital word":               {policy("x", `{"a":True}`), "", 5, "a value is expected"},
		"byte order mark inside":     {policy("x", "\uFEFF{\"a\":\uFEFF1}"), "", 8, "a value is expected"},
		"too deep":                   {policy("x", deep), "", 200 * 5, "nested too deeply"},
		"too deep in arrays":         {policy("x", `{"a":`+strings.Repeat("[", 100000)), "", 204, "nested too deeply"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			kept := []byte("kept")
			out, err := z.Append(kept, tt.p)
			var malformed *backupset.MalformedError
			if !errors.As(err, &malformed) || !errors.Is(err, backupset.ErrMalformed) {
				t.Fatalf("error %v, output %s", err, out)
			}
			want := &backupset.MalformedError{Part: tt.part, Offset: tt.offset, Reason: tt.reason}
			if diff := cmp.Diff(want, malformed); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if string(out) != "kept" {
				t.Errorf("Append returned %q", out)
			}
			if _, err := z.Hash(tt.p); !errors.Is(err, backupset.ErrMalformed) {
				t.Errorf("Hash: %v", err)
			}
		})
	}
}

func TestErrorsShowNoContent(t *testing.T) {
	z := backupset.NewCanonicalizer(nil)
	for _, raw := range []string{`{"canary":"canary","canary":1}`, `{"canary":canary}`, "{\"canary\xff\":1}", `{"canary":"\ud800canary"}`} {
		if _, err := z.Hash(policy("x", raw)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("error %v", err)
		}
	}
}

// The scanner looks at eight bytes at once, so every byte is tried at every place.
func TestAnyByteAtAnyPlaceOfAString(t *testing.T) {
	z := backupset.NewCanonicalizer(nil)
	for c := range 256 {
		for i := range 20 {
			raw := []byte(`{"a":"01234567890123456789"}`)
			raw[6+i] = byte(c)
			want := utf8.Valid(raw) && json.Valid(raw)
			out, err := z.Append(nil, &graph.Policy{Raw: raw})
			if (err == nil) != want || err == nil && !bytes.Equal(out, raw) {
				t.Fatalf("byte %#x at %d: %q, %v", c, i, out, err)
			}
		}
	}
}

func TestDeepestPolicyIsAccepted(t *testing.T) {
	z := backupset.NewCanonicalizer(nil)
	raw := strings.Repeat(`{"a":`, 199) + "{}" + strings.Repeat("}", 199)
	if got := string(canonical(t, z, policy("x", raw))); got != raw {
		t.Errorf("got %s", got)
	}
}

func TestHashNamesTheType(t *testing.T) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	if hashOf(t, z, policy("a", `{}`)) == hashOf(t, z, policy("b", `{}`)) {
		t.Error("two types, one hash")
	}
}

func TestHashIgnoresWhatIsNotContent(t *testing.T) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	plain := policy("x", `{"a":1}`)
	dressed := policy("x", `{"id":"1","a":1}`)
	dressed.ID, dressed.Name, dressed.ODataType = "1", "n", "o"
	dressed.Warnings, dressed.References = []string{"secrets_masked"}, []graph.Reference{{Kind: "group", ID: "g"}}
	if hashOf(t, z, plain) != hashOf(t, z, dressed) {
		t.Error("the hash depends on id, name, references or warnings")
	}
}

func TestHashText(t *testing.T) {
	h := hashOf(t, backupset.NewCanonicalizer(nil), policy("x", `{}`))
	parsed, err := backupset.ParseHash(h.String())
	if err != nil || parsed != h || h.IsZero() {
		t.Errorf("parsed %v, %v", parsed, err)
	}
	text, err := json.Marshal(map[string]backupset.Hash{"h": h})
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]backupset.Hash
	if err := json.Unmarshal(text, &back); err != nil || back["h"] != h {
		t.Errorf("%s: %v, %v", text, back, err)
	}
	for _, bad := range []string{"", "0", strings.Repeat("g", 64), strings.Repeat("0", 66)} {
		if _, err := backupset.ParseHash(bad); err == nil {
			t.Errorf("ParseHash(%q) did not fail", bad)
		}
	}
	if !(backupset.Hash{}).IsZero() {
		t.Error("the zero hash is not zero")
	}
}

func TestCanonicalizerIsConcurrent(t *testing.T) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	all := fixtures(t, "canonical/*.json")
	want := map[string]backupset.Hash{}
	for path, p := range all {
		want[path] = hashOf(t, z, p)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				for path, p := range all {
					if h, err := z.Hash(p); err != nil || h != want[path] {
						t.Errorf("%s: %s, %v", path, h, err)
					}
				}
			}
		})
	}
	wg.Wait()
}
