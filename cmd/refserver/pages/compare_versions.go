package pages

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

type versionDiffData struct {
	Policy        backupset.Policy
	Type          string
	Name          string
	Before, After backupset.PolicyVersion
	Others        []backupset.PolicyVersion // to compare with, newest first
	Chosen        bool
	Words         string
	Diff          diffView
}

// compareVersions shows what differs between two versions of a policy. Without another version
// in the address it is the one before.
func compareVersions(v *visit, canon *backupset.Canonicalizer) (answer, error) {
	from, err := v.differences()
	if err != nil {
		return nil, err
	}
	data := versionDiffData{}
	if data.Policy, err = v.cfg.Archive.Policy(v.ctx(), v.tenant, v.actor, v.id()); err != nil {
		return nil, err
	}
	data.Type, data.Name = v.typeName(data.Policy.Type), shownName(data.Policy.Name, data.Policy.ExternalID)
	id, with := runs.ID(v.req.PathValue("version")), runs.ID(v.query.Get("with"))
	if err := data.find(v, id, with); err != nil {
		return nil, err
	}
	pg := page{template: "version_diff", title: "Compare versions", section: "policies"}
	if !data.Chosen {
		pg.data = data
		return pg, nil
	}
	var sides [2]graph.Policy
	for i, version := range []runs.ID{data.Before.ID, data.After.ID} {
		if sides[i], err = v.cfg.Archive.Content(v.ctx(), v.tenant, v.actor, version); err != nil {
			return nil, err
		}
	}
	changes, err := canon.Diff(&sides[0], &sides[1])
	if err != nil {
		return nil, err
	}
	budget := diffPageBytes
	data.Diff = newDiff(changes, diffLimits{
		before: "Version " + strconv.Itoa(data.Before.Number), after: "Version " + strconv.Itoa(data.After.Number),
		from: from, most: diffOnItsOwn, budget: &budget, own: true,
		at: func(n int) string { return v.with("change", strconv.Itoa(n)) },
	})
	data.Words = data.Diff.Words
	if data.Diff.Same, err = sameProperties(canon, &sides[0], &sides[1]); err != nil {
		return nil, err
	}
	pg.data = data
	return pg, nil
}

// find looks the two versions up among those of the policy.
func (d *versionDiffData) find(v *visit, id, with runs.ID) error {
	list, err := v.versions(v.id())
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(p backupset.PolicyVersion) bool { return p.ID == id })
	if at < 0 {
		return runs.ErrNotFound
	}
	d.After = list[at]
	other := at + 1 // the one before, since the newest comes first
	if with != "" {
		other = slices.IndexFunc(list, func(p backupset.PolicyVersion) bool { return p.ID == with })
		if other < 0 {
			return runs.ErrNotFound
		}
	}
	if other < len(list) {
		d.Before, d.Chosen = list[other], true
	}
	d.Others = slices.Delete(slices.Clone(list), at, at+1)
	if len(d.Others) > runs.MaxPageSize {
		d.Others = d.Others[:runs.MaxPageSize]
	}
	return nil
}

// versions are all versions of a policy, newest first.
func (v *visit) versions(policy runs.ID) ([]backupset.PolicyVersion, error) {
	var all []backupset.PolicyVersion
	pr := runs.PageRequest{Limit: runs.MaxPageSize}
	for {
		got, err := v.cfg.Archive.Versions(v.ctx(), v.tenant, v.actor, policy, pr)
		if err != nil {
			return nil, err
		}
		all = append(all, got.Items...)
		if pr.Cursor = got.NextCursor; pr.Cursor == "" {
			return all, nil
		}
	}
}

// sameProperties counts the properties of the object that are the same on both sides.
func sameProperties(canon *backupset.Canonicalizer, before, after *graph.Policy) (int, error) {
	a, err := canon.Append(nil, before)
	if err != nil {
		return 0, err
	}
	b, err := canon.Append(nil, after)
	if err != nil {
		return 0, err
	}
	n := 0
	for key, value := range backupset.Members(a) {
		if other := backupset.Lookup(b, string(key)); other != nil && bytes.Equal(value, other) && !strings.HasPrefix(string(key), "@") {
			n++
		}
	}
	return n, nil
}
