package backupset

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Op says what happened to a value.
type Op string

// The operations.
const (
	OpAdd     Op = "add"     // only after
	OpRemove  Op = "remove"  // only before
	OpReplace Op = "replace" // before and after
)

// Change is one difference between two states of a policy.
//
// Path names the value: keys separated by slashes, and after the key of an array, in
// brackets, the element. Where something identifies an element, that is its name:
//
//	settings[device_vendor_msft_policy_config_update_x]/settingInstance/choiceSettingValue/value
//	assignments[groupAssignmentTarget:5f1c...]/target/deviceAndAppManagementAssignmentFilterId
//	conditions/users/excludeGroups[5f1c...]
//	omaSettings[./Device/Vendor/MSFT/x]/value
//
// Elements of one name are told apart by "#2", "#3" ... behind it. Elsewhere the index
// stands, that of the element before, or after for an add. Where an ordered array of named
// elements has another order than what stayed, followed by what was added, one replace of
// "omaSettings[]" has the names in both orders.
// In keys "~0" stands for a tilde, "~1" for a slash, "~2" for an opening bracket and "~4"
// for no character at all; in names "~0" for a tilde and "~3" for a closing bracket.
//
// Before and After are canonical JSON for people to look at: a secret is "[masked]" and a
// value of more than 4 KiB is cut, ending in its size and the start of its SHA-256. Before
// is nil for an add, After for a remove.
type Change struct {
	Path   string          `json:"path"`
	Op     Op              `json:"op"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Diff returns what differs between the canonical forms of two states of one policy, in
// the order of the canonical form, so volatile fields never show. It is empty exactly
// when the hashes are equal. Policies of different types are an error, as is one that has
// no canonical form (a *[MalformedError]).
func (z *Canonicalizer) Diff(before, after *graph.Policy) ([]Change, error) {
	if before != nil && after != nil && before.Type != after.Type {
		return nil, fmt.Errorf("backupset: cannot compare a %q with a %q: compare policies of one type", before.Type, after.Type)
	}
	a, err := z.Append(nil, before)
	if err != nil {
		return nil, fmt.Errorf("before: %w", err)
	}
	b, err := z.Append(nil, after)
	if err != nil {
		return nil, fmt.Errorf("after: %w", err)
	}
	var d differ
	d.values(topLevel, a, b, false)
	return d.changes, nil
}

// differ walks two canonical values side by side. Subtrees of equal bytes are passed over.
type differ struct {
	changes []Change
	path    []byte
}

// values compares two values in the same place. secret tells that they are to be masked.
func (d *differ) values(at place, a, b []byte, secret bool) {
	switch {
	case bytes.Equal(a, b):
	case secret || a[0] != b[0] || a[0] != '{' && a[0] != '[':
		d.report(OpReplace, a, b, secret)
	case a[0] == '{':
		d.objects(at, a, b)
	default:
		d.arrays(at, a, b)
	}
}

// objects compares the members of two objects, which are sorted by key in both.
func (d *differ) objects(at place, a, b []byte) {
	hidden := secretMembers(a).or(secretMembers(b))
	i, j := firstMember(a), firstMember(b)
	for i >= 0 || j >= 0 {
		var aKey, aValue, bKey, bValue []byte
		iNext, jNext := i, j
		if i >= 0 {
			aKey, aValue, iNext = nextMember(a, i)
		}
		if j >= 0 {
			bKey, bValue, jNext = nextMember(b, j)
		}
		order := bytes.Compare(aKey, bKey)
		if i < 0 {
			order = 1
		} else if j < 0 {
			order = -1
		}
		key := aKey
		if order > 0 {
			key = bKey
		}
		back := d.enterKey(key)
		secret := hidden.has(key)
		switch {
		case order < 0:
			d.report(OpRemove, aValue, nil, secret)
			i = iNext
		case order > 0:
			d.report(OpAdd, nil, bValue, secret)
			j = jNext
		default:
			d.values(childOf(at, key), aValue, bValue, secret)
			i, j = iNext, jNext
		}
		d.path = d.path[:back]
	}
}

// report adds a change at the current path.
func (d *differ) report(op Op, before, after []byte, secret bool) {
	c := Change{Path: string(d.path), Op: op}
	if before != nil {
		c.Before = shown(before, secret)
	}
	if after != nil {
		c.After = shown(after, secret)
	}
	d.changes = append(d.changes, c)
}
