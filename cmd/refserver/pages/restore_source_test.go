package pages_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

// The lists and the log of the tenant that was written to name the set and the tenant that it came
// from, for who may look there; for others they name the tenant.
func TestARestoreFromAnotherTenantNamesItsSource(t *testing.T) {
	w := newWorld(t, func(c *pages.Config) {
		c.Tenants = func(ctx context.Context, a runs.Actor) ([]pages.Tenant, error) {
			if a == manager {
				return []pages.Tenant{{ID: otherTenant, Name: "Northwind"}}, nil
			}
			list, err := tenantsOf(ctx, a)
			return append(list, pages.Tenant{ID: otherTenant, Name: "Northwind"}), err
		}
	})
	check(t, w.graph.AddTenant(otherTenant, graphtest.TenantConfig{Seed: 2, Policies: 5}))
	w.put("wanted", "Wanted elsewhere", "description", "x")
	set := w.set(w.backup(w.schedule(nil).ID).BackupSetID)
	to := func(segments ...any) string {
		return strings.Replace(tenantPath(segments...), string(tenant), string(otherTenant), 1)
	}
	sent := w.post(owner, to("restore", "previews"), url.Values{"from": {string(tenant)}, "set": {string(set.ID)}, "item": {string(w.itemOf(set.ID, "wanted"))}})
	w.drain()
	page, _, _ := strings.Cut(sent.Header.Get("Location"), "?")
	f := w.get(owner, page).form(t, to("restore"))
	f.values.Set("reason", "the same for both")
	run, _, _ := strings.Cut(w.post(owner, f.action, f.values).Header.Get("Location"), "?")
	w.get(owner, to("runs")).shows(t, "Nightly of Contoso, Sun 4 Jan 2026, 12:00 UTC", "queued")
	w.drain()

	for _, at := range []string{to("runs"), run, strings.Replace(page, "restore/previews", "runs", 1), to("audit")} {
		got := w.get(owner, at)
		got.shows(t, "Nightly of Contoso, Sun 4 Jan 2026, 12:00 UTC", `href="`+tenantPath("sets", set.ID)+`"`)
		got.lacks(t, "deleted backup set")
		got = w.get(manager, at)
		got.shows(t, "a backup set of "+string(tenant))
		got.lacks(t, "deleted backup set", "Nightly", string(tenantPath("sets", set.ID)))
	}
	w.get(owner, to("restore")).shows(t, "Nightly of Contoso, Sun 4 Jan 2026, 12:00 UTC")
}

// Whoever may not look into the source still sees what a preview says of the own tenant.
func TestAPreviewFromATenantThatOneMayNotLookIntoIsShownWithoutItsSet(t *testing.T) {
	w := acrossTenants(t)
	w.put("wanted", "Wanted elsewhere", "description", "x")
	set := w.byHand("Theirs").ID
	sent := w.post(owner, elsewhere("restore", "previews"), url.Values{"from": {string(tenant)}, "set": {string(set)}, "item": {string(w.itemOf(set, "wanted"))}})
	w.drain()
	page, _, _ := strings.Cut(sent.Header.Get("Location"), "?")
	got := w.get(neighbor, page)
	got.shows(t, "From a backup set that is not there any more, or that you may not look at.", "Wanted elsewhere")
	got.lacks(t, "Theirs")
}

// brokenFor is an authorizer that fails for one tenant, as where the host's own directory of roles
// cannot be asked.
type brokenFor struct {
	runs.Authorizer
	tenant graph.TenantID
}

var errDirectory = errors.New("the directory at ldap://10.0.0.1 does not answer")

func (b brokenFor) Authorize(ctx context.Context, in graph.TenantID, a runs.Actor, action runs.Action) error {
	if in == b.tenant {
		return errDirectory
	}
	return b.Authorizer.Authorize(ctx, in, a, action)
}

// Who may look into the source cannot be said without the authorizer. That is no "no": a page that
// left the names out would look whole.
func TestAnAuthorizerThatFailsForTheSourceIsAnErrorOfThePage(t *testing.T) {
	w := acrossTenants(t)
	w.put("wanted", "Wanted elsewhere", "description", "x")
	set := w.backup(w.schedule(nil).ID).BackupSetID
	to := func(segments ...any) string {
		return strings.Replace(tenantPath(segments...), string(tenant), string(otherTenant), 1)
	}
	sent := w.post(owner, to("restore", "previews"), url.Values{"from": {string(tenant)}, "set": {string(set)}, "item": {string(w.itemOf(set, "wanted"))}})
	w.drain()
	id := anyID.FindString(sent.Header.Get("Location"))

	for broken, paths := range map[graph.TenantID][]string{
		tenant:      {to("runs"), to("runs", id), to("restore"), to("restore", "previews", id), to("restore") + "?from=" + string(tenant)},
		otherTenant: {tenantPath("restore")}, // which offers the other one as a source
	} {
		var log strings.Builder
		cfg := w.cfg
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		cfg.Starter = must(runs.NewStarter(runs.StarterConfig{Store: w.store, Queue: w.queue, Clock: w.clock,
			Authorizer: brokenFor{runs.RoleAuthorizer{RoleOf: roleOf}, broken}}))(t)
		w.mux = http.NewServeMux()
		must(pages.New(cfg))(t).Mount(w.mux)
		for _, at := range paths {
			log.Reset()
			got := w.get(owner, at)
			if got.StatusCode != http.StatusInternalServerError || !strings.Contains(log.String(), "does not answer") {
				t.Errorf("%s: %s, and the log says %q", at, got.Status, log.String())
			}
			got.lacks(t, "directory")
		}
	}
}
