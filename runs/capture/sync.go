package capture

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// SyncParams are the parameters of a policy.sync run.
type SyncParams struct {
	PolicyTypes []graph.PolicyType `json:"policy_types"`
}

// SyncRequest asks for an inventory run over the given types, or over everything that the
// catalogue can capture when there are none. The same types in another order are the same
// request.
func SyncRequest(types []graph.PolicyType) runs.Request {
	sorted := slices.Compact(slices.Sorted(slices.Values(types)))
	names := make([]string, len(sorted))
	for i, t := range sorted {
		names[i] = string(t)
	}
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	params, _ := json.Marshal(SyncParams{PolicyTypes: sorted}) // strings always marshal
	return runs.Request{
		Kind: runs.KindPolicySync, Key: "sync:" + hex.EncodeToString(sum[:16]),
		Target: runs.Target{Type: "tenant"}, Params: params,
	}
}

// sync lists types into the inventory. A listing that did not reach its end never marks a
// policy as gone, and one that did only those that Graph does not have by their ids either.
func (e *Executor) sync(ctx context.Context, a *runs.Attempt) error {
	params, err := decodeParams[SyncParams](a)
	if err != nil {
		return err
	}
	types := params.PolicyTypes
	if len(types) == 0 {
		types = everything(e.cfg.Catalogue)
	}
	sel := resolve(e.cfg.Catalogue, types, false)
	acc := &account{unknown: sel.unknown, inventory: true}
	if len(sel.known) == 0 {
		a.Finish(runs.Result{Status: runs.StatusSkipped, Code: runs.CodeUnknownPolicyType, Summary: acc.summary(),
			Message: "none of the requested policy types is known"})
		return nil
	}
	if err := a.SaveItems(ctx, nil, len(sel.known)); err != nil {
		return err
	}
	listed, err := e.listedBefore(ctx, a)
	if err != nil {
		return err
	}
	for _, t := range sel.known {
		if err := a.Check(ctx); err != nil {
			return err
		}
		if listed[t] {
			n, err := e.inInventory(ctx, a, t)
			if err != nil {
				return err
			}
			acc.manifests = append(acc.manifests, backupset.Manifest{Type: t, Listed: n, Complete: true})
			continue
		}
		at := a.Now()
		l, err := e.list(ctx, a, t)
		if err != nil {
			return err
		}
		if err := e.confirm(ctx, a, t, &l, nil); err != nil {
			return err
		}
		_, err = e.cfg.Store.RecordListing(ctx, a.Tenant(), a.Lease(), backupset.Listing{
			Type: t, Seen: l.headers, Complete: l.asked, At: at,
		})
		if err != nil {
			return fmt.Errorf("capture: recording the listing of %s: %w", t, err)
		}
		item := a.NewItem(t, "", "", runs.ItemSuccess, "", nil)
		m := backupset.Manifest{Type: t, Listed: len(l.headers), Complete: l.err == nil}
		if l.err != nil {
			item = a.NewItem(t, "", "", runs.ItemFailed, runs.ReasonOf(l.err), l.err)
			m.Forbidden = graph.KindOf(l.err) == graph.KindForbidden
			acc.firstErr = firstOf(acc.firstErr, l.err)
		}
		acc.manifests = append(acc.manifests, m)
		if err := a.SaveItems(ctx, []runs.Item{item}, -1); err != nil {
			return err
		}
	}
	result := acc.result()
	result.Action = "policy.synced"
	result.Details = map[string]string{"types": strconv.Itoa(len(acc.manifests)), "policies": strconv.Itoa(acc.summary().PoliciesTotal)}
	a.Finish(result)
	return nil
}

// listedBefore tells which types an earlier attempt listed to their end, so that a sync which
// is throttled again and again gets on.
func (e *Executor) listedBefore(ctx context.Context, a *runs.Attempt) (map[graph.PolicyType]bool, error) {
	listed := map[graph.PolicyType]bool{}
	if a.Lease().Token < 2 {
		return listed, nil
	}
	items, err := e.cfg.Store.ListItems(ctx, a.Tenant(), a.Run().ID, runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemSuccess}}, runs.Slice{Limit: readPage})
	if err != nil {
		return nil, fmt.Errorf("capture: reading earlier outcomes: %w", err)
	}
	for _, item := range items { // one per type, so one page holds all; another type is listed again
		listed[item.PolicyType] = true
	}
	return listed, nil
}

// inInventory counts the policies of a type that was just listed to its end.
func (e *Executor) inInventory(ctx context.Context, a *runs.Attempt, t graph.PolicyType) (n int, err error) {
	present := false
	filter, slice := backupset.PolicyFilter{Type: t, Gone: &present}, runs.Slice{Limit: readPage}
	for {
		list, err := e.cfg.Store.ListPolicies(ctx, a.Tenant(), filter, slice)
		if err != nil {
			return 0, fmt.Errorf("capture: counting the inventory of %s: %w", t, err)
		}
		if len(list) <= readPage {
			return n + len(list), nil
		}
		n += readPage
		slice.After = runs.Keyset{ID: list[readPage-1].ID}
	}
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
