package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
)

// secret begins every name of what is another tenant's in the tests below.
const secret = "Secret of Contoso "

// besideAnother is a world of two tenants, of which the one that is asked has nothing.
func besideAnother(t *testing.T) *world {
	w, _ := filledBy(t, owner, secret, func(cfg *pages.Config) {
		cfg.Tenants = func(ctx context.Context, a runs.Actor) (list []pages.Tenant, err error) {
			for _, id := range []graph.TenantID{otherTenant, tenant} {
				if role, _ := roleOf(ctx, id, a); role != runs.RoleNone {
					list = append(list, pages.Tenant{ID: id})
				}
			}
			return list, nil
		}
	})
	check(t, w.graph.AddTenant(otherTenant, graphtest.TenantConfig{Seed: 2, Policies: 3}))
	return w
}

// askBeside asks the tenant that has nothing, follows a redirect, and returns the status and the page
// without the ids that it repeats.
func (w *world) askBeside(who runs.Actor, method, at string, form url.Values) (status int, page string) {
	w.t.Helper()
	got := w.do(who, method, pages.DefaultPrefix+"/"+string(otherTenant)+"/"+at, form)
	status = got.StatusCode
	if to := got.Header.Get("Location"); to != "" {
		if strings.HasPrefix(to, tenantPath()) {
			w.t.Errorf("%s %s by the %s leads to another tenant", method, at, who.ID)
		}
		got = w.get(who, to)
	}
	if strings.Contains(got.body, secret) {
		w.t.Errorf("%s %s by the %s tells what is another tenant's", method, at, who.ID)
	}
	return status, anyID.ReplaceAllString(got.body, unknownID)
}

// Whoever asks in one tenant for something of another is answered as if it were nowhere, also who has
// a role there: nothing of it is told, and nothing happens to it.
func TestTheAddressOfWhatIsAnotherTenantsLeadsNowhere(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := besideAnother(t)
	ids, asked, before := w.oneOfEach(), 0, w.content()
	form := url.Values{"confirm": {"yes"}, "reason": {"x"}, "name": {"x"}, "set": ids["sets"][:1]}
	for _, pattern := range w.pages.Patterns() {
		method, _, _ := strings.Cut(pattern, " ")
		path, ok := below(pattern, method)
		if !ok || !strings.Contains(path, "{id}") {
			continue
		}
		nothing := strings.NewReplacer("{id}", unknownID, "{item}", unknownID, "{version}", unknownID).Replace(path)
		for _, who := range []runs.Actor{owner, neighbor} {
			want, page := w.askBeside(who, method, nothing, form)
			for _, at := range w.addresses(path, ids) {
				status, got := w.askBeside(who, method, at, form)
				if status != want || got != page || status != http.StatusForbidden && status != http.StatusNotFound {
					t.Errorf("%s %s by the %s: %d, and for what is nowhere %d\n%s\n%s", method, at, who.ID, status, want, text(got), text(page))
				}
				asked++
			}
		}
		w.unchanged(before, pattern)
	}
	if asked < 200 {
		t.Errorf("%d addresses: the test asks for nothing", asked)
	}
}

// The same where the id stands in a form or in the query.
func TestAFieldThatNamesWhatIsAnotherTenantsFindsNothing(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := besideAnother(t)
	ids := w.oneOfEach()
	item := w.addresses("sets/{id}/items/{item}", ids)[0]
	ids["items"] = []string{item[strings.LastIndex(item, "/")+1:]}
	before := w.content()
	for _, c := range []struct{ method, path, field, of string }{
		{http.MethodGet, "runs", "schedule", "schedules"}, {http.MethodGet, "runs", "batch", "runs"}, {http.MethodGet, "sets", "schedule", "schedules"},
		{http.MethodGet, "live", "seen", "runs"}, {http.MethodGet, "audit", "id", "runs"}, {http.MethodGet, "audit", "id", "sets"},
		{http.MethodGet, "schedules/bulk", "ids", "schedules"}, {http.MethodGet, "sets/new", "policy_ids", "policies"},
		{http.MethodGet, "restore", "set", "sets"}, {http.MethodGet, "restore/items", "set", "sets"}, {http.MethodGet, "restore/options?all=yes", "set", "sets"},
		{http.MethodPost, "schedules/bulk?action=disable", "ids", "schedules"}, {http.MethodPost, "schedules/bulk?action=run", "ids", "schedules"},
		{http.MethodPost, "notifications/read", "id", "notifications"}, {http.MethodPost, "restore/previews?all=yes", "set", "sets"},
		{http.MethodPost, "restore/previews?set=" + ids["sets"][0], "item", "items"},
		{http.MethodPost, "restore?reason=x&tenant_name=northwind", "preview", "restore"},
	} {
		path, query, _ := strings.Cut(c.path, "?")
		values := must(url.ParseQuery(query))(t)
		for _, who := range []runs.Actor{owner, neighbor} {
			send := func(id string) (int, string) {
				values.Set(c.field, id)
				if c.method == http.MethodGet {
					return w.askBeside(who, c.method, path+"?"+values.Encode(), nil)
				}
				return w.askBeside(who, c.method, path, values)
			}
			want, page := send(unknownID)
			for _, id := range ids[c.of] {
				if status, got := send(id); status != want || got != page {
					t.Errorf("%s %s by the %s: %d, and with an id of nothing %d\n%s\n%s", c.method, c.path, who.ID, status, want, text(got), text(page))
				}
			}
		}
		w.unchanged(before, c.method+" "+c.path)
	}
}
