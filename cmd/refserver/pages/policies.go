package pages

import (
	"net/http"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// policies registers the pages of policies.
func (p *Pages) policies() {
	const one = "policies/{id}"
	look := func(path string, h func(*visit) (answer, error)) {
		p.add(route{method: http.MethodGet, path: path, action: runs.ActionLook, target: "policy"}, h)
	}
	do := func(path string, kind runs.Kind, h func(*visit) (answer, error)) {
		p.add(route{method: http.MethodPost, path: path, action: runs.StartAction(kind), target: "policy"}, h)
	}
	look("policies", listPolicies)
	look(one, showPolicy)
	look(one+"/versions/{version}", showVersion)
	look(one+"/versions/{version}/json", downloadVersion)
	do("policies/refresh", runs.KindPolicySync, refreshPolicies)
	do(one+"/capture", runs.KindSnapshot, capturePolicy)
	do(one+"/add", runs.KindSetAdd, addPolicy)
}

// policyNotices are what the forms of these pages have done; all of them lead to runs.
var policyNotices = map[string]string{}

type policyListData struct {
	Search string
	Type   string
	Gone   string // "", no or yes
	Types  []typeOption
	Rows   []backupset.Policy
	Pager  pager
}

// Filtered tells whether the list may lack policies that are known.
func (d policyListData) Filtered() bool { return d.Search != "" || d.Type != "" || d.Gone != "" }

func listPolicies(v *visit) (answer, error) {
	ask, err := v.pageRequest()
	if err != nil {
		return nil, err
	}
	data := policyListData{Search: v.query.Get("q"), Type: v.query.Get("type"), Gone: v.query.Get("gone")}
	var bad runs.InvalidError
	f := backupset.PolicyFilter{Search: data.Search, Type: v.typeOf(&bad, "type")}
	if oneOf(v, &bad, "gone", yesNo) != "" {
		gone := data.Gone == "yes"
		f.Gone = &gone
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	data.Types = v.typeOptions(data.Type)
	found, err := v.cfg.Archive.Policies(v.ctx(), v.tenant, v.actor, f, ask)
	if err != nil {
		return nil, err
	}
	data.Rows, data.Pager = found.Items, v.pager(found.NextCursor)
	return page{template: "policies", title: "Policies", section: "policies", data: data}, nil
}

// refreshPolicies lists the tenant's policies anew: of the types that are named, or all.
func refreshPolicies(v *visit) (answer, error) {
	types := chosenTypes(v.form["policy_types"])
	for _, t := range types {
		if info, ok := v.cfg.Catalogue.Lookup(t); !ok || !info.Capturable() {
			return nil, runs.Invalid("policy_types", "policy_type_unknown", "is not a type that can be captured by itself")
		}
	}
	return v.start(capture.SyncRequest(types))
}

type policyData struct {
	Policy   backupset.Policy
	Versions []versionRow
	Pager    pager
	Sets     []backupset.BackupSet // made by hand, to add it to, the newest ones
	MoreSets bool
	Holder   holder // the newest backup set that holds it; none without an id
	Fixed    string // why the type cannot be written back; empty when it can
}

// versionRow is a version of a policy.
type versionRow struct {
	backupset.PolicyVersion
	Current bool
}

// Short is the start of the hash.
func (r versionRow) Short() string { return r.Hash.String()[:12] }

func showPolicy(v *visit) (answer, error) {
	ask, err := v.pageRequest()
	if err != nil {
		return nil, err
	}
	data := policyData{}
	if data.Policy, err = v.cfg.Archive.Policy(v.ctx(), v.tenant, v.actor, v.id()); err != nil {
		return nil, err
	}
	found, err := v.cfg.Archive.Versions(v.ctx(), v.tenant, v.actor, v.id(), ask)
	if err != nil {
		return nil, err
	}
	for _, version := range found.Items {
		data.Versions = append(data.Versions, versionRow{version, version.ID == data.Policy.CurrentVersionID})
	}
	data.Pager = v.pager(found.NextCursor)
	newest, _, err := v.holders(v.id(), "", 1)
	if err != nil {
		return nil, err
	}
	if len(newest) > 0 {
		data.Holder = holder{newest[0], v.wizard(newest[0].ID, data.Policy)}
	}
	data.Fixed = v.notRestorable(data.Policy.Type)
	if v.may(runs.StartAction(runs.KindSetAdd)) {
		f := backupset.SetFilter{Statuses: []backupset.Status{backupset.Complete, backupset.Partial}}
		recent, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: runs.MaxPageSize})
		if err != nil {
			return nil, err
		}
		origins, err := v.origins(v.tenant, recent.Items...)
		if err != nil {
			return nil, err
		}
		for _, s := range recent.Items {
			if origins[s.ID].Imported || s.ScheduleID != "" || hollow(s) {
				continue
			}
			if data.MoreSets = len(data.Sets) == pageSize; data.MoreSets {
				break
			}
			data.Sets = append(data.Sets, s)
		}
		data.MoreSets = data.MoreSets || recent.NextCursor != ""
	}
	return page{template: "policy", title: titled(wholeName(data.Policy.Name, data.Policy.ExternalID)), section: "policies", data: data}, nil
}

func capturePolicy(v *visit) (answer, error) { return v.start(capture.SnapshotRequest(v.id())) }

func addPolicy(v *visit) (answer, error) {
	set := runs.ID(v.form.Get("set"))
	if set == "" {
		return nil, runs.Invalid("set", "set_required", "choose a backup set")
	}
	return v.start(capture.AddPoliciesRequest(set, []runs.ID{v.id()}))
}
