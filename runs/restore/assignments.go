package restore

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const partAssignments = "assignments"

// assigns tells whether a restore of the policy writes its assignments. The objects that
// every tenant has are assigned by Graph; assignments that were not captured are not known.
func assigns(info *facts, captured sides, options Options) bool {
	return info.Write.Assigned && (options.Assignments == OriginalAssignments || options.Assignments == MappedAssignments) &&
		!info.isDefault(captured.canon) && backupset.Lookup(captured.canon, partAssignments) != nil
}

// assignment decides the desired assignments.
func (d *desired) assignment(w wish) {
	d.assign = assigns(w.info, w.captured, w.options)
	if !d.assign {
		return
	}
	was := backupset.Lookup(w.captured.canon, partAssignments)
	active := step(w.info.refsIn(was), []byte(partAssignments))
	d.assignments = writable(w.info, rewriteRefs(nil, was, w.captured.canon, active, d.swap(w, true)))
	d.policy.Parts = []graph.Part{{Name: partAssignments, Raw: joined(d.assignments)}}
	var now []json.RawMessage
	if w.live != nil {
		now = writable(w.info, backupset.Lookup(w.live.canon, partAssignments))
	}
	d.widening(reachOf(now), reachOf(d.assignments), w.live != nil)
}

// targetFields are what a target of an assignment is written with.
var targetFields = []string{"@odata.type", "groupId", "collectionId"}

// The fields of an assignment's filter.
const (
	filterID   = "deviceAndAppManagementAssignmentFilterId"
	filterType = "deviceAndAppManagementAssignmentFilterType"
)

// writable returns the assignments of a canonical list as Assign takes them: the target, and
// what else the type's assignments are written with. Those that come from elsewhere, such as
// a policy set, are left to it.
func writable(info *facts, list []byte) []json.RawMessage {
	out := []json.RawMessage{}
	for a := range backupset.Elements(list) {
		target := backupset.Lookup(a, "target")
		if source := textOf(backupset.Lookup(a, "source")); target == nil || source != "" && source != "direct" {
			continue
		}
		t, one := newObject(nil), newObject(nil)
		project(&t, target, targetFields)
		if id := textOf(backupset.Lookup(target, filterID)); id != "" && id != noID {
			project(&t, target, []string{filterID, filterType})
		}
		one.put([]byte("target"), t.done())
		project(&one, a, info.Write.AssignmentFields)
		out = append(out, one.done())
	}
	return out
}

// project adds members of a canonical object to an object.
func project(to *object, from []byte, names []string) {
	for _, name := range names {
		if value := backupset.Lookup(from, name); value != nil {
			to.put([]byte(name), value)
		}
	}
}

// joined makes an array.
func joined(list []json.RawMessage) json.RawMessage {
	parts := make([][]byte, len(list))
	for i := range list {
		parts[i] = list[i]
	}
	return slices.Concat([]byte{'['}, bytes.Join(parts, []byte{','}), []byte{']'})
}

// reach is whom assignments include and exclude.
type reach struct {
	devices, users  bool              // all of them
	include         map[string]string // group or collection -> its filter
	exclude         map[string]bool
	deviceF, usersF string // filters of all devices, all users
}

func reachOf(list []json.RawMessage) reach {
	r := reach{include: map[string]string{}, exclude: map[string]bool{}}
	for _, a := range list {
		var in struct {
			Target struct {
				Type       string `json:"@odata.type"`
				Group      string `json:"groupId"`
				Collection string `json:"collectionId"`
				Filter     string `json:"deviceAndAppManagementAssignmentFilterId"`
				FilterType string `json:"deviceAndAppManagementAssignmentFilterType"`
			}
		}
		_ = json.Unmarshal(a, &in) // made of canonical JSON; what is of another type reaches nobody
		t := in.Target
		filter := ""
		if t.Filter != "" {
			filter = t.FilterType + ":" + t.Filter
		}
		switch t.Type {
		case "#microsoft.graph.allDevicesAssignmentTarget":
			r.devices, r.deviceF = true, filter
		case "#microsoft.graph.allLicensedUsersAssignmentTarget":
			r.users, r.usersF = true, filter
		case "#microsoft.graph.exclusionGroupAssignmentTarget":
			r.exclude[t.Group] = true
		default:
			r.include[t.Group+t.Collection] = filter
		}
	}
	return r
}

// widening warns when the new assignments reach more than those that are live. A new policy
// reaches more than none whenever it is assigned; there, only everybody is worth a word.
func (d *desired) widening(now, then reach, exists bool) {
	if then.devices && !now.devices {
		d.warn(codeAssignmentsWiden, "all devices would be included")
	}
	if then.users && !now.users {
		d.warn(codeAssignmentsWiden, "all users would be included")
	}
	if !exists {
		return
	}
	groups, filters, exclusions := 0, 0, 0
	for group, filter := range then.include {
		switch before, ok := now.include[group]; {
		case !ok:
			groups++
		case before != filter:
			filters++
		}
	}
	for group := range now.exclude {
		if !then.exclude[group] {
			exclusions++
		}
	}
	if now.devices && then.devices && now.deviceF != then.deviceF || now.users && then.users && now.usersF != then.usersF {
		filters++
	}
	if groups > 0 {
		d.warn(codeAssignmentsWiden, "%d more groups would be included", groups)
	}
	if exclusions > 0 {
		d.warn(codeAssignmentsWiden, "%d groups would be excluded no more", exclusions)
	}
	if filters > 0 {
		d.warn(codeAssignmentsWiden, "%d assignments would have another filter", filters)
	}
}
