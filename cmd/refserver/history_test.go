package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// everyRun are all runs of a tenant, newest first.
func (p past) everyRun(t testing.TB, s staff) (all []runs.Run) {
	t.Helper()
	page := runs.PageRequest{Limit: runs.MaxPageSize}
	for {
		list, err := p.starter.List(t.Context(), s.tenant, s.person(runs.RoleReadonly), runs.RunFilter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, list.Items...); list.NextCursor == "" {
			return all
		}
		page.Cursor = list.NextCursor
	}
}

// readyPreview is the newest restore preview of a tenant.
func (p past) readyPreview(t testing.TB, s staff) (runs.Run, []restore.PreviewItem) {
	t.Helper()
	for _, run := range p.everyRun(t, s) {
		if run.Kind == runs.KindRestorePreview {
			items, err := p.restores.Items(t.Context(), s.tenant, s.person(runs.RoleReadonly), run.ID, restore.Filter{}, runs.PageRequest{})
			if err != nil {
				t.Fatal(err)
			}
			return run, items.Items
		}
	}
	t.Fatalf("%s has no restore preview", s.tenant)
	return runs.Run{}, nil
}

func TestThePreviewAtTheEndOfTheHistoryCanBeExecuted(t *testing.T) {
	p, s := openHistory(t), staff{"contoso"}
	preview, items := p.readyPreview(t, s)
	actions := map[restore.Action]int{}
	for _, item := range items {
		actions[item.Action]++
	}
	if diff := cmp.Diff(map[restore.Action]int{restore.Change: 1, restore.Create: 1}, actions); diff != "" {
		t.Errorf("the preview (-want +got):\n%s", diff)
	}
	run, _, err := p.starter.Start(t.Context(), s.tenant, s.person(runs.RoleManager), restore.ExecuteRequest(preview.ID, "They were lost", false))
	if err != nil {
		t.Fatal(err)
	}
	if run = p.finished(t, s, run.ID); run.Status != runs.StatusSuccess || run.Counts.Succeeded != 2 {
		t.Errorf("the restore is %s %s with %+v", run.Status, run.ErrorMessage, run.Counts)
	}
}

// content is what a tenant holds in Graph: the canonical form of everything, by id.
func content(t *testing.T, g *graphtest.Graph, tenant graph.TenantID) map[string]string {
	t.Helper()
	canon, out := backupset.NewCanonicalizer(graph.Catalog), map[string]string{}
	for key, policy := range g.Snapshot(tenant) {
		hash, err := canon.Hash(&policy)
		if err != nil {
			t.Fatal(err)
		}
		out[fmt.Sprintf("%s %s %s", key.Type, key.ID, policy.Name)] = hash.String()
	}
	return out
}

func TestAfterARestartGraphHoldsWhatTheHistoryLeft(t *testing.T) {
	p := openHistory(t)
	made, _ := thePast()
	for _, tenant := range product.TenantIDs() {
		want, got := content(t, made.graph, tenant), content(t, p.graph, tenant)
		if diff := cmp.Diff(want, got); diff != "" || len(want) < 100 {
			t.Errorf("%s, of %d objects (-history +restart):\n%s", tenant, len(want), diff)
		}
	}
}
