package msgraph_test

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// world is a client of a server before a Graph in memory, which knows the truth.
type world struct {
	*msgraph.Client
	graph  *graphtest.Graph
	server *graphserver.Server
	canon  *backupset.Canonicalizer
}

// worldOf makes a world with a tenant of policies of every type that can be generated. The app
// has the roles, nil for all of them.
func worldOf(t testing.TB, gc graphtest.Config, tc graphtest.TenantConfig, roles []string) *world {
	t.Helper()
	g, err := graphtest.New(gc)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.AddTenant(contoso, tc); err != nil {
		t.Fatal(err)
	}
	s, err := graphserver.New(g, graphserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := msgraph.New(msgraph.Config{
		BaseURL: server.URL, Limits: unlimited, Tokens: token(graphserver.Token(contoso, graphserver.TokenOptions{Roles: roles})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &world{c, g, s, backupset.NewCanonicalizer(graph.Catalog)}
}

// truth are the objects of a type that the tenant holds, by id.
func (w *world) truth(t graph.PolicyType) map[string]graph.Policy {
	out := map[string]graph.Policy{}
	for key, p := range w.graph.Snapshot(contoso) {
		if key.Type == t {
			out[key.ID] = p
		}
	}
	return out
}

// capture lists a type and gets what the listing did not bring along, as a backup does.
func (w *world) capture(t testing.TB, key graph.PolicyType) map[string]graph.Policy {
	t.Helper()
	out := map[string]graph.Policy{}
	var ids []string
	err := w.List(t.Context(), contoso, key, func(p graph.Page) error {
		for _, h := range p.Headers {
			if h.Policy != nil {
				out[h.ID] = *h.Policy
			} else if !slices.Contains(ids, h.ID) {
				ids = append(ids, h.ID)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("list %s: %v", key, err)
	}
	results, err := w.Get(t.Context(), contoso, key, ids)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	for _, r := range results {
		if r.Err != nil {
			t.Fatalf("get %s %s: %v", key, r.ID, r.Err)
		}
		out[r.ID] = r.Policy
	}
	return out
}

// check holds a capture of a type against the truth.
func (w *world) check(t testing.TB, key graph.PolicyType, got map[string]graph.Policy) {
	t.Helper()
	want := w.truth(key)
	if len(want) == 0 || len(got) != len(want) {
		t.Errorf("%s: captured %d of %d", key, len(got), len(want))
	}
	for id, p := range want {
		q, ok := got[id]
		if !ok {
			t.Errorf("%s %s was not captured", key, id)
			continue
		}
		if w.hash(t, q) != w.hash(t, p) {
			t.Errorf("%s %s: another hash than that of the truth", key, id)
		}
		object, err := q.Decode()
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range p.Parts {
			if _, ok := object[part.Name]; !ok { // or a property, where nothing but expanding shows it
				t.Errorf("%s %s: no part %s", key, id, part.Name)
			}
		}
		if diff := cmp.Diff(p, q, cmpopts.IgnoreFields(graph.Policy{}, "Raw", "Parts"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s %s: %s", key, id, diff)
		}
	}
}

func (w *world) hash(t testing.TB, p graph.Policy) backupset.Hash {
	t.Helper()
	h, err := w.canon.Hash(&p)
	if err != nil {
		t.Fatalf("%s %s: %v", p.Type, p.ID, err)
	}
	return h
}

// everyType are the types that tenants are filled with when they are named.
func everyType() []graph.PolicyType {
	policies, _ := graphtest.GeneratedTypes()
	return append(policies, graphtest.RareTypes()...)
}

func TestEveryTypeIsCapturedAsTheTenantHoldsIt(t *testing.T) {
	testenv.SlowUnderRace(t)
	_, foundations := graphtest.GeneratedTypes()
	for name, gc := range map[string]graphtest.Config{
		"pages of 25":           {},
		"pages of 3":            {PageSize: 3},
		"an empty page between": {PageSize: 2, EmptyMiddlePage: true},
		"rows on two pages":     {PageSize: 4, OverlapPages: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, gc, graphtest.TenantConfig{Seed: 7, Policies: 200, Foundations: 4, Types: everyType()}, readOnly)
			for _, key := range slices.Concat(everyType(), foundations) {
				w.check(t, key, w.capture(t, key))
			}
		})
	}
}

// readOnly are the roles of an app for backups that cannot read secrets.
var readOnly = []string{
	"DeviceManagementConfiguration.Read.All", "DeviceManagementApps.Read.All", "DeviceManagementServiceConfig.Read.All",
	"DeviceManagementRBAC.Read.All", "DeviceManagementScripts.Read.All", "DeviceManagementManagedDevices.Read.All",
	"Policy.Read.All", "AuthenticationContext.Read.All", "CloudPC.Read.All",
	"GroupMember.Read.All", "User.Read.All", "Application.Read.All", "RoleManagement.Read.Directory",
}

func TestSecretsAreCapturedSoThatARestoreCanWriteThem(t *testing.T) {
	roles := append(slices.Clone(readOnly), "DeviceManagementConfiguration.ReadWrite.All")
	w := worldOf(t, graphtest.Config{}, graphtest.TenantConfig{Seed: 7, Policies: 40, Types: []graph.PolicyType{"deviceConfiguration"}}, roles)
	secret := 0
	for id, p := range w.capture(t, "deviceConfiguration") {
		doc, err := w.canon.Append(nil, &p)
		if err != nil {
			t.Fatal(err)
		}
		if masked := backupset.MaskedSecrets(doc); len(masked) > 0 || len(p.Warnings) > 0 {
			t.Errorf("%s: masked %v, warnings %v", id, masked, p.Warnings)
		}
		truth := w.truth("deviceConfiguration")[id]
		if len(truth.Warnings) > 0 {
			secret++
			if !bytes.Contains(p.Raw, []byte(`"****"`)) || !strings.Contains(partsOf(p)["omaSettings"], "secret of ") {
				t.Errorf("%s: the object as it came, and the secret beside it, are not both there", id)
			}
		}
	}
	if secret == 0 {
		t.Error("no policy of the tenant has a secret")
	}
}
func TestATypeWithoutPermissionIsForbiddenAndOthersAreNot(t *testing.T) {
	w := worldOf(t, graphtest.Config{}, graphtest.TenantConfig{Seed: 7, Policies: 60}, []string{"Policy.Read.All"})
	err := w.List(t.Context(), contoso, "settingsCatalogPolicy", func(graph.Page) error { return nil })
	wantKind(t, err, graph.KindForbidden)
	if len(w.capture(t, "namedLocation")) == 0 {
		t.Error("no named location was captured")
	}
	roles, err := w.Permissions(t.Context(), contoso)
	if diff := cmp.Diff([]string{"Policy.Read.All"}, roles); err != nil || diff != "" {
		t.Errorf("error %v, %s", err, diff)
	}
}
