package capture

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// maxPolicies is how many policies one request may select one by one.
const maxPolicies = 10_000

// Selection says what a manual set is filled with: types, or single policies, or everything.
type Selection struct {
	PolicyTypes        []graph.PolicyType `json:"policy_types,omitempty"`
	PolicyIDs          []runs.ID          `json:"policy_ids,omitempty"` // of the inventory
	Everything         bool               `json:"everything,omitempty"` // all types that can be captured
	IncludeFoundations bool               `json:"include_foundations,omitempty"`
}

// sorted returns the selection in one order, each thing once, so that what is the same is
// the same request.
func (s Selection) sorted() Selection {
	s.PolicyTypes = slices.Compact(slices.Sorted(slices.Values(s.PolicyTypes)))
	s.PolicyIDs = slices.Compact(slices.Sorted(slices.Values(s.PolicyIDs)))
	return s
}

// CreateSetParams are the parameters of a backup_set.create run.
type CreateSetParams struct {
	Name string `json:"name"`
	Selection
}

// AddPoliciesParams are the parameters of a backup_set.add_policies run.
type AddPoliciesParams struct {
	PolicyIDs []runs.ID `json:"policy_ids"` // of the inventory
}

// CreateSetRequest asks for a manual set, which exists at once and is filled by the run. The
// same name and selection while the run is active are the same request.
func CreateSetRequest(name string, selection Selection) runs.Request {
	params := encode(CreateSetParams{Name: name, Selection: selection.sorted()})
	return runs.Request{Kind: runs.KindSetCreate, Key: "create:" + digest(params), SetName: name, Params: params}
}

// AddPoliciesRequest asks for policies of the inventory to be added to a manual set.
func AddPoliciesRequest(set runs.ID, policies []runs.ID) runs.Request {
	params := encode(AddPoliciesParams{PolicyIDs: slices.Compact(slices.Sorted(slices.Values(policies)))})
	return runs.Request{
		Kind: runs.KindSetAdd, Key: "add:" + string(set) + ":" + digest(params),
		Target: runs.Target{Type: "backup_set", ID: set}, Params: params,
	}
}

// SnapshotRequest asks for a version of one policy of the inventory, without a set.
func SnapshotRequest(policy runs.ID) runs.Request {
	return runs.Request{Kind: runs.KindSnapshot, Key: "snapshot:" + string(policy), Target: runs.Target{Type: "policy", ID: policy}}
}

// VerifySetRequest asks for a set to be read and hashed again.
func VerifySetRequest(set runs.ID) runs.Request {
	return runs.Request{Kind: runs.KindSetVerify, Key: "verify:" + string(set), Target: runs.Target{Type: "backup_set", ID: set}}
}

func encode(params any) json.RawMessage {
	raw, _ := json.Marshal(params) // strings, bools and lists of them always marshal
	return raw
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// RequestStore is what [Requests] need of a backend.
type RequestStore interface {
	backupset.SetStore
	backupset.InventoryStore

	// GetRun is that of [runs.RunStore].
	GetRun(ctx context.Context, tenant graph.TenantID, id runs.ID) (runs.Run, error)
}

// Requests prepare the starts of the kinds that this package executes beside backups: they
// refuse what cannot be done. They are safe for concurrent use.
type Requests struct {
	store     RequestStore
	catalogue *graph.Catalogue
}

// NewRequests makes Requests. A nil catalogue is [graph.Catalog]; it must be the one that
// the [Executor] uses.
func NewRequests(store RequestStore, catalogue *graph.Catalogue) (*Requests, error) {
	if store == nil {
		return nil, runs.Invalid("store", "required", "is required")
	}
	if catalogue == nil {
		catalogue = graph.Catalog
	}
	return &Requests{store, catalogue}, nil
}

// Kinds implements [runs.Preparer].
func (*Requests) Kinds() []runs.Kind {
	return []runs.Kind{runs.KindSnapshot, runs.KindSetCreate, runs.KindSetAdd, runs.KindSetVerify}
}

// Prepare implements [runs.Preparer].
func (r *Requests) Prepare(ctx context.Context, s runs.Start) (runs.Request, error) {
	req := s.Request
	if req.Kind != runs.KindSetCreate && !req.Target.ID.Valid() {
		return req, runs.ErrNotFound
	}
	switch req.Kind {
	case runs.KindSnapshot:
		p, err := r.store.GetPolicy(ctx, s.Tenant, req.Target.ID)
		if err == nil && !r.capturable(p.Type) {
			err = runs.Conflict("policy_type_not_capturable", "policies of this type cannot be captured by this installation")
		}
		return req, err
	case runs.KindSetCreate:
		return r.create(req)
	case runs.KindSetAdd:
		var params AddPoliciesParams
		if err := json.Unmarshal(req.Params, &params); err != nil {
			return req, runs.Invalid("params", "params_invalid", "must be the parameters of an addition")
		}
		var bad runs.InvalidError
		checkPolicies(&bad, params.PolicyIDs)
		if err := bad.Err(); err != nil {
			return req, err
		}
		return req, r.manual(ctx, s.Tenant, req.Target.ID)
	default:
		_, err := r.sealed(ctx, s.Tenant, req.Target.ID)
		return req, err
	}
}

// create checks a selection. A retry names its set as the retried run did.
func (r *Requests) create(req runs.Request) (runs.Request, error) {
	var params CreateSetParams
	if err := json.Unmarshal(req.Params, &params); err != nil {
		return req, runs.Invalid("params", "params_invalid", "must be the parameters of a new set")
	}
	req.SetName, req.Target = params.Name, runs.Target{}
	var bad runs.InvalidError
	if strings.TrimSpace(params.Name) == "" {
		bad.Add("name", "name_required", "is required")
	}
	ways := 0
	for _, given := range []bool{params.Everything, len(params.PolicyTypes) > 0, len(params.PolicyIDs) > 0} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		// Nothing in a request is called a selection: the first of its ways stands for all.
		bad.Add("policy_types", "selection_ambiguous", "give either policy_types, or policy_ids, or everything")
	}
	for i, t := range params.PolicyTypes {
		if !r.capturable(t) {
			bad.Add(fmt.Sprintf("policy_types[%d]", i), "policy_type_unknown", "is not a type that can be captured by itself; docs/graph-types.md lists them")
		}
	}
	if len(params.PolicyIDs) > 0 {
		checkPolicies(&bad, params.PolicyIDs)
		if params.IncludeFoundations {
			bad.Add("include_foundations", "selection_ambiguous", "goes with policy_types; select the foundations' policies one by one, too")
		}
	}
	return req, bad.Err()
}

func checkPolicies(bad *runs.InvalidError, ids []runs.ID) {
	if len(ids) < 1 || len(ids) > maxPolicies {
		bad.Add("policy_ids", "policies_count", fmt.Sprintf("name 1 to %d policies", maxPolicies))
	}
	for i, id := range ids {
		if !id.Valid() {
			bad.Add(fmt.Sprintf("policy_ids[%d]", i), "id_invalid", "must be a UUID in lower case")
			return
		}
	}
}

func (r *Requests) capturable(t graph.PolicyType) bool {
	info, ok := r.catalogue.Lookup(t)
	return ok && info.Capturable()
}

func (r *Requests) sealed(ctx context.Context, tenant graph.TenantID, id runs.ID) (backupset.BackupSet, error) {
	set, err := r.store.GetSet(ctx, tenant, id)
	switch {
	case err != nil:
	case set.Deleted():
		err = runs.ErrDeleted
	case set.Status == backupset.Building:
		err = runs.Conflict("set_building", "the backup set is still being built; wait for its run")
	}
	return set, err
}

// manual refuses sets that never change.
func (r *Requests) manual(ctx context.Context, tenant graph.TenantID, id runs.ID) error {
	set, err := r.sealed(ctx, tenant, id)
	if err == nil && set.ScheduleID != "" {
		return runs.Conflict("set_of_schedule", "the backup set was made by a schedule and never changes; create a set of your own")
	}
	if err != nil {
		return err
	}
	origin, err := backupset.ReadOrigin(ctx, r.store, set)
	if err == nil && origin.Imported {
		// All ids of a set are of one tenant.
		err = runs.Conflict("set_imported", "the backup set was imported and never changes; create a set of your own")
	}
	return err
}

var _ runs.Preparer = (*Requests)(nil)
