package graphtest_test

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

func TestGeneratedTypesAreManyAndInTheCatalogue(t *testing.T) {
	policies, foundations := graphtest.GeneratedTypes()
	if len(policies) < 15 || len(foundations) < 4 {
		t.Errorf("%d policy types and %d foundations; a tenant needs at least 15 and 4", len(policies), len(foundations))
	}
	for _, typ := range slices.Concat(policies, foundations) {
		info, ok := graph.Catalog.Lookup(typ)
		if !ok || !info.Capturable() || info.Foundation != slices.Contains(foundations, typ) {
			t.Errorf("%s is generated but the catalogue says %+v", typ, info)
		}
	}
}

func TestSameSeedMakesTheSameTenant(t *testing.T) {
	a, b := with(t, 300, graphtest.Config{}), with(t, 300, graphtest.Config{PageSize: 7})
	if diff := cmp.Diff(a.Snapshot(tenant), b.Snapshot(tenant), sameBytes); diff != "" {
		t.Errorf("two tenants of one seed differ:\n%.2000s", diff)
	}
	for typ := range counts(a) {
		if diff := cmp.Diff(ids(list(t, a, typ)), ids(list(t, b, typ))); diff != "" {
			t.Errorf("%s is listed in another order:\n%s", typ, diff)
		}
	}
}

func TestOtherSeedMakesAnotherTenant(t *testing.T) {
	a := with(t, 100, graphtest.Config{}).Snapshot(tenant)
	b := withTenant(t, graphtest.Config{}, graphtest.TenantConfig{Seed: 2, Policies: 100}).Snapshot(tenant)
	for key, p := range a {
		if q, ok := b[key]; ok && key.Type != "roleScopeTag" {
			t.Errorf("%v exists in both", key)
		} else if ok && bytes.Equal(p.Raw, q.Raw) {
			t.Errorf("%v is the same in both", key)
		}
	}
}

func counts(g *graphtest.Graph) map[graph.PolicyType]int {
	n := map[graph.PolicyType]int{}
	for key := range g.Snapshot(tenant) {
		n[key.Type]++
	}
	return n
}

func TestTenantHoldsAsManyPoliciesAsAskedFor(t *testing.T) {
	policies, foundations := graphtest.GeneratedTypes()
	for _, n := range []int{1, 10, 19, 20, 21, 33, 68, 100, 250} {
		got := counts(with(t, n, graphtest.Config{}))
		sum := 0
		for _, typ := range policies {
			sum += got[typ]
			if got[typ] == 0 && n >= len(policies) {
				t.Errorf("%d policies: none of type %s", n, typ)
			}
		}
		if sum != n {
			t.Errorf("asked for %d policies, got %d", n, sum)
		}
		for _, typ := range foundations {
			if got[typ] != 4 {
				t.Errorf("%d policies: %d of %s, want the default of 4", n, got[typ], typ)
			}
		}
	}
}

func TestTypesAndFoundationsCanBeChosen(t *testing.T) {
	g := withTenant(t, graphtest.Config{}, graphtest.TenantConfig{
		Policies: 30, Foundations: -1, Types: []graph.PolicyType{"conditionalAccessPolicy", "deviceHealthScript"},
	})
	got := counts(g)
	if len(got) != 2 || got["conditionalAccessPolicy"]+got["deviceHealthScript"] != 30 || got["deviceHealthScript"] == 0 {
		t.Errorf("got %v", got)
	}
}

func TestAddTenantRefusesNonsense(t *testing.T) {
	for name, cfg := range map[string]graphtest.TenantConfig{
		"negative":      {Policies: -1},
		"too many":      {Policies: 100_001},
		"unknown type":  {Policies: 10, Types: []graph.PolicyType{"groupReference"}},
		"foundation":    {Policies: 10, Types: []graph.PolicyType{"roleScopeTag"}},
		"a type twice":  {Policies: 10, Types: []graph.PolicyType{"deviceHealthScript", "deviceHealthScript"}},
		"taken already": {},
	} {
		g := with(t, 0, graphtest.Config{})
		id := graph.TenantID("fabrikam")
		if name == "taken already" {
			id = tenant
		}
		if err := g.AddTenant(id, cfg); err == nil {
			t.Errorf("%s: AddTenant accepted %+v", name, cfg)
		}
	}
	if _, err := graphtest.New(graphtest.Config{PageSize: -1}); err == nil || !strings.Contains(err.Error(), "PageSize") {
		t.Errorf("New with a negative page size: %v", err)
	}
}

// decode reads a JSON object and fails on a key that comes twice in one object, which
// json.Unmarshal would swallow.
func decode(raw []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	v, err := unique(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the value")
	}
	m, _ := v.(map[string]any)
	return m, nil
}

func unique(dec *json.Decoder) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		m := map[string]any{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			if _, ok := m[key.(string)]; ok {
				return nil, fmt.Errorf("key %v comes twice", key)
			}
			if m[key.(string)], err = unique(dec); err != nil {
				return nil, err
			}
		}
		_, err = dec.Token()
		return m, err
	case json.Delim('['):
		var a []any
		for dec.More() {
			v, err := unique(dec)
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		_, err = dec.Token()
		return a, err
	}
	return tok, nil
}

func TestEveryGeneratedPolicyIsWellFormed(t *testing.T) {
	stamp := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$`)
	for key, p := range with(t, 200, graphtest.Config{}).Snapshot(tenant) {
		info, _ := graph.Catalog.Lookup(key.Type)
		obj, err := decode(p.Raw)
		if err != nil || obj == nil {
			t.Fatalf("%v: Raw is not an object: %v", key, err)
		}
		odata, _ := obj["@odata.type"].(string)
		if obj["id"] != p.ID || obj[info.NameProperty] != p.Name || p.Name == "" || odata != p.ODataType || key != (graphtest.Key{Type: p.Type, ID: p.ID}) {
			t.Errorf("%v: header %q %q %q does not say what Raw says", key, p.ID, p.Name, p.ODataType)
		}
		for name, v := range obj {
			if strings.HasSuffix(name, "odifiedDateTime") && !stamp.MatchString(v.(string)) {
				t.Errorf("%v: %s is %v, want seven digits of the second", key, name, v)
			}
		}
		seen := map[string]bool{}
		for _, q := range p.Parts {
			if seen[q.Name] {
				t.Errorf("%v: part %s comes twice", key, q.Name)
			}
			seen[q.Name] = true
			if _, inline := obj[q.Name]; inline {
				t.Errorf("%v: %s is a part and inline", key, q.Name)
			}
			if _, err := decode(q.Raw); err != nil || q.Raw[0] != '[' {
				t.Errorf("%v: part %s is not a JSON array: %v", key, q.Name, err)
			}
		}
		if n := weight(p); n > 250_000 {
			t.Errorf("%v takes %d bytes, more than any real one", key, n)
		}
	}
}

// What each type keeps where, as Graph does.
func TestTypesHaveTheirParts(t *testing.T) {
	want := map[graph.PolicyType][]string{
		"settingsCatalogPolicy":    {"assignments", "settings"},
		"groupPolicyConfiguration": {"assignments", "definitionValues"},
		"compliancePolicyV2":       {"assignments", "settings", "scheduledActionsForRule"},
		"endpointSecurityIntent":   {"assignments", "settings"},
		"mobileApp":                {"assignments", "categories"},

		"targetedManagedAppConfiguration": {"assignments", "settings"},
		"conditionalAccessPolicy":         nil,
		"namedLocation":                   nil,
		"assignmentFilter":                nil,
		"deviceCategory":                  nil,
		"notificationMessageTemplate":     nil,
		"roleDefinition":                  {"roleAssignments"},
		"authenticationStrengthPolicy":    {"combinationConfigurations"},
	}
	for key, p := range with(t, 100, graphtest.Config{}).Snapshot(tenant) {
		names, ok := want[key.Type]
		if !ok {
			names = []string{"assignments"}
		}
		var got []string
		for _, q := range p.Parts {
			got = append(got, q.Name)
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("parts of %v:\n%s", key, diff)
		}
	}
}

func TestSettingCountIsTheNumberOfSettings(t *testing.T) {
	over25 := false
	for key, p := range with(t, 300, graphtest.Config{}).Snapshot(tenant) {
		obj, _ := decode(p.Raw)
		count, ok := obj["settingCount"]
		if !ok {
			continue
		}
		var settings []struct {
			ID       string
			Instance struct{ SettingDefinitionID string } `json:"settingInstance"`
		}
		if err := json.Unmarshal(part(p, "settings"), &settings); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(len(settings)) != fmt.Sprint(count) || len(settings) == 0 {
			t.Errorf("%v announces %v settings and has %d", key, count, len(settings))
		}
		over25 = over25 || len(settings) > 60
		seen := map[string]bool{}
		for i, s := range settings {
			if s.ID != fmt.Sprint(i) || s.Instance.SettingDefinitionID == "" || seen[s.Instance.SettingDefinitionID] {
				t.Errorf("%v: setting %d is %+v; ids count from 0 and no definition comes twice", key, i, s)
			}
			seen[s.Instance.SettingDefinitionID] = true
		}
	}
	if !over25 {
		t.Error("no policy has more than 60 settings, so nothing would need several pages of 25")
	}
}

func TestReferencesNameWhatPoliciesReferTo(t *testing.T) {
	g := with(t, 400, graphtest.Config{})
	all := g.Snapshot(tenant)
	byID := map[string]string{}
	for key, p := range all {
		byID[key.ID] = p.Name
	}
	for _, r := range g.Directory(tenant) {
		byID[r.ID] = r.Name
	}
	kinds := map[string]int{}
	for key, p := range all {
		text := string(p.Raw)
		for _, q := range p.Parts {
			text += string(q.Raw)
		}
		for i, r := range p.References {
			kinds[r.Kind]++
			if byID[r.ID] != r.Name || r.Name == "" {
				t.Errorf("%v: reference %+v, but the tenant calls it %q", key, r, byID[r.ID])
			}
			if !strings.Contains(text, `"`+r.ID+`"`) {
				t.Errorf("%v does not refer to %+v", key, r)
			}
			if i > 0 && p.References[i-1].Kind+p.References[i-1].ID >= r.Kind+r.ID {
				t.Errorf("%v: references are not in order, each once: %v", key, p.References)
			}
		}
		for _, m := range regexp.MustCompile(`"groupId":"([^"]+)"`).FindAllStringSubmatch(text, -1) {
			if !slices.ContainsFunc(p.References, func(r graph.Reference) bool { return r.Kind == "group" && r.ID == m[1] }) {
				t.Errorf("%v is assigned to group %s, which has no reference", key, m[1])
			}
		}
	}
	for _, kind := range []string{"group", "filter", "scopeTag", "namedLocation", "authenticationStrength", "notificationTemplate"} {
		if kinds[kind] == 0 {
			t.Errorf("no policy of 400 refers to a %s", kind)
		}
	}
}

func TestMaskedSecretsCarryAWarning(t *testing.T) {
	masked := 0
	for key, p := range withTenant(t, graphtest.Config{}, graphtest.TenantConfig{Policies: 60, Types: []graph.PolicyType{"deviceConfiguration"}}).Snapshot(tenant) {
		has := bytes.Contains(p.Raw, []byte(`"value":"****"`))
		if has != slices.Contains(p.Warnings, "secrets_masked") {
			t.Errorf("%v: masked %v, warnings %v", key, has, p.Warnings)
		}
		if has {
			masked++
		}
	}
	if masked == 0 {
		t.Error("no profile of 60 has a masked secret")
	}
}

// The figures are those of exports of real tenants: 20 KB on average, half of them below
// 10 KB or so, and a few of more than 150 KB. Compressed one by one with DEFLATE, real
// exports shrink by 11.
func TestSizesAndCompressibilityAreThoseOfRealTenants(t *testing.T) {
	const n = 300
	var sizes []int
	total, sampled, packed := 0, 0, 0
	for key, p := range with(t, n, graphtest.Config{}).Snapshot(tenant) {
		if info, _ := graph.Catalog.Lookup(key.Type); info.Foundation {
			continue
		}
		sizes = append(sizes, weight(p))
		total += weight(p)
		if key.ID[len(key.ID)-1]%3 != 0 { // a third is enough for the ratio; compressing is slow
			continue
		}
		var z bytes.Buffer
		w, _ := flate.NewWriter(&z, flate.DefaultCompression)
		_, _ = w.Write(p.Raw)
		for _, q := range p.Parts {
			_, _ = w.Write(q.Raw)
		}
		_ = w.Close()
		sampled += weight(p)
		packed += z.Len()
	}
	slices.Sort(sizes)
	for _, c := range []struct {
		what        string
		got, lo, hi int
	}{
		{"mean", total / n, 18_000, 23_000},
		{"smallest", sizes[0], 2_000, 4_000},
		{"median", sizes[n/2], 8_000, 15_000},
		{"90th percentile", sizes[n*9/10], 30_000, 55_000},
		{"largest", sizes[n-1], 150_000, 250_000},
		{"ratio", sampled / packed, 7, 14},
	} {
		if c.got < c.lo || c.got > c.hi {
			t.Errorf("%s is %d, want %d to %d", c.what, c.got, c.lo, c.hi)
		}
	}
	t.Logf("mean %d, median %d, largest %d, ratio %.1f", total/n, sizes[n/2], sizes[n-1], float64(sampled)/float64(packed))
}
