package restore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Codes of warnings.
const (
	codeSecretsMasked     = "secrets_masked"     // Graph did not show a secret, so it cannot be written
	codeAssignmentsWiden  = "assignments_widen"  // the policy would reach more than it does
	codeDependencyMissing = "dependency_missing" // what the policy refers to is not in the target
	codeReferenceUnclear  = "reference_unclear"  // what it refers to could be several objects, or could not be looked up
	codeAccessState       = "access_state"       // a Conditional Access policy gets another state than it was captured in
	codeFixedProperty     = "fixed_property"     // Graph does not change this once the object exists
	codeNameTaken         = "name_taken"         // the copy's name is another object's
)

// wish is everything that decides what a policy shall be after a restore. It is pure data:
// the same wish gives the same desired policy, at the preview and at the restore.
type wish struct {
	info     *facts
	captured sides
	live     *sides // nil when the object is made, also for a copy
	copied   bool   // made beside one that exists
	warnings []string
	refs     func(reference) mapping
	options  Options
}

// desired is a policy as it should be in the target after a restore.
type desired struct {
	// policy has the content that is written, its parts inline, without anything that no
	// write takes; its one part are the assignments. live is the live object in the same
	// form, for comparison; nil when there is none.
	policy graph.Policy
	live   *graph.Policy

	kept        map[string]bool   // properties of policy that are as they are live: not written
	assign      bool              // the assignments are written
	assignments []json.RawMessage // as Assign takes them

	reason   runs.Reason // why it cannot be done safely; empty when it can
	warnings []Warning
	pending  []reference // what it refers to that this restore makes
}

// warn adds a warning. Its words hold names and ids out of a backup, which may be a file that
// anybody made, and they are stored and shown.
func (d *desired) warn(code, format string, args ...any) {
	w := Warning{Code: code, Detail: redact.Text(fmt.Sprintf(format, args...))}
	if !slices.Contains(d.warnings, w) {
		d.warnings = append(d.warnings, w)
	}
}

// block keeps the first reason: it is the one to be seen to first.
func (d *desired) block(reason runs.Reason) {
	if d.reason == "" {
		d.reason = reason
	}
}

// referencesOf returns the ids that a policy refers to, as far as the options write them.
func referencesOf(info *facts, captured sides, options Options) []reference {
	var out []reference
	seen := map[reference]bool{}
	active := info.refsIn(captured.canon)
	assign := assigns(info, captured, options)
	for name, value := range backupset.Members(captured.canon) {
		assigned := string(name) == partAssignments
		if assigned && !assign {
			continue
		}
		rewriteRefs(nil, value, captured.canon, step(active, name), func(rules []*graph.RefRule, id string) string {
			for _, rule := range rules {
				if r := newReference(rule, id, assigned, captured.policy.References); !seen[r] {
					seen[r] = true
					out = append(out, r)
				}
			}
			return id
		})
	}
	return out
}

// newReference gives an id the name that was captured with it.
func newReference(rule *graph.RefRule, id string, assigned bool, names []graph.Reference) reference {
	r := reference{key: key{rule.Type, id}, kind: rule.Kind, assigned: assigned}
	for _, n := range names {
		if n.ID == id && (n.Kind == rule.Kind || rule.Type != "" && (!directoryKinds[n.Kind])) {
			r.name = n.Name
			if rule.Kind == "group" {
				r.rule = n.Rule
			}
			break
		}
	}
	return r
}

// directoryKinds are the kinds of references that are of no policy type.
var directoryKinds = map[string]bool{"group": true, "user": true, "application": true, "role": true}

// desire decides what a policy shall be.
func desire(w wish) desired {
	d := desired{kept: map[string]bool{}}
	d.policy = graph.Policy{
		Type: w.captured.policy.Type, ID: w.captured.policy.ID, Name: w.captured.policy.Name, ODataType: w.captured.policy.ODataType,
	}
	if w.live != nil {
		d.policy.ID = w.live.policy.ID
	}
	d.secrets(w)
	d.content(w)
	d.assignment(w)
	if w.live != nil {
		d.live = asLive(w.info, w.live, d.assign)
	}
	return d
}

// content makes the desired object out of the captured one, property by property.
func (d *desired) content(w wish) {
	canon := prune(nil, w.captured.canon, start(w.info.strip))
	o, have := newObject(nil), map[string]bool{}
	if w.live == nil {
		d.identity(w, &o)
	} else {
		canon = d.unfixed(w, canon)
	}
	active, swap := w.info.refsIn(canon), d.swap(w, false)
	for name, value := range backupset.Members(canon) {
		switch {
		case string(name) == "roleScopeTagIds" && noScopeTags(w.captured.policy.Raw):
			continue
		case string(name) == w.info.NameProperty && w.copied:
			d.policy.Name = textOf(value) + w.options.CopySuffix
			o.put(name, quoted(d.policy.Name))
		case string(name) == "state" && w.info.Key == accessType:
			o.put(name, d.accessState(w, value))
		case string(name) == "omaSettings":
			o.put(name, reencrypted(value))
		default:
			o.key(name)
			o.buf = rewriteRefs(o.buf, value, canon, step(active, name), swap)
		}
		have[string(name)] = true
	}
	if w.info.Key == accessType && w.live == nil && !have["state"] {
		o.put([]byte("state"), d.accessState(w, nil))
	}
	if w.live != nil {
		// What the backup does not know, such as a property that Graph has got since, stays.
		live := prune(nil, prune(nil, w.live.canon, start(w.info.strip)), start(w.info.fixed))
		for name, value := range backupset.Members(live) {
			if !have[string(name)] {
				d.kept[string(name)] = true
				o.put(name, value)
			}
		}
	}
	d.policy.Raw = o.done()
}

// identity adds what the canonical form leaves out and making an object of the type needs.
func (d *desired) identity(w wish, o *object) {
	if w.info.keepsID {
		o.put([]byte("id"), quoted(w.captured.policy.ID))
	}
	if w.info.needType && backupset.Lookup(w.captured.canon, "@odata.type") == nil && w.captured.policy.ODataType != "" {
		o.put([]byte("@odata.type"), quoted(w.captured.policy.ODataType))
	}
}

// unfixed takes out of the captured object what no update takes, and warns where that differs.
func (d *desired) unfixed(w wish, canon []byte) []byte {
	for _, p := range w.info.fixed {
		if slices.Contains(p.steps, eachElement) || slices.Contains(p.steps, anyDepth) {
			continue
		}
		was, now := backupset.Lookup(canon, p.steps...), backupset.Lookup(w.live.canon, p.steps...)
		if was != nil && !bytes.Equal(was, now) {
			d.warn(codeFixedProperty, "%s differs and cannot be changed once the object exists", strings.Join(p.steps, "."))
		}
	}
	return prune(nil, canon, start(w.info.fixed))
}

// noScopeTags tells whether an object says that it takes no scope tags, though it lists some.
func noScopeTags(raw []byte) bool {
	if !bytes.Contains(raw, []byte("supportsScopeTags")) {
		return false
	}
	var object struct {
		Supports *bool `json:"supportsScopeTags"`
	}
	return json.Unmarshal(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), &object) == nil && object.Supports != nil && !*object.Supports
}

// swap returns what replaces the id of a reference, and notes what stands in the way.
func (d *desired) swap(w wish, assigned bool) swapFunc {
	return func(rules []*graph.RefRule, id string) string {
		var r reference
		var m mapping
		for i, rule := range rules {
			one := newReference(rule, id, assigned, w.captured.policy.References)
			if found := w.refs(one); i == 0 || m.verdict > refPending && found.verdict <= refPending {
				r, m = one, found
			}
		}
		if m.verdict > refPending && d.refersLive(w, r) {
			return id // what the live object has is no worse for being written again
		}
		switch m.verdict {
		case refPending:
			if !slices.Contains(d.pending, r) {
				d.pending = append(d.pending, r)
			}
		case refMissing:
			d.block(runs.ReasonDependencyMissing)
			d.warn(codeDependencyMissing, "%s is not in the target", r)
		case refAmbiguous:
			d.block(runs.ReasonAmbiguousMatch)
			d.warn(codeReferenceUnclear, "%s could be several objects of the target", r)
		case refUnreadable:
			d.block(m.reason)
			d.warn(codeReferenceUnclear, "%s could not be looked up in the target", r)
		}
		return m.id
	}
}

// refersLive tells whether the live object refers to the same object of the target.
func (d *desired) refersLive(w wish, r reference) bool {
	if w.live == nil {
		return false
	}
	found := false
	rewriteRefs(nil, w.live.canon, w.live.canon, w.info.refsIn(w.live.canon), func(rules []*graph.RefRule, id string) string {
		for _, rule := range rules {
			found = found || id == r.id && rule.Type == r.t && rule.Kind == r.kind
		}
		return id
	})
	return found
}

// asLive is the live object as far as a restore could write it.
func asLive(info *facts, live *sides, assigned bool) *graph.Policy {
	p := &graph.Policy{Type: live.policy.Type, ID: live.policy.ID, Name: live.policy.Name, ODataType: live.policy.ODataType}
	p.Raw = prune(nil, prune(nil, live.canon, start(info.strip)), start(info.fixed))
	if assigned {
		list := writable(info, backupset.Lookup(live.canon, partAssignments))
		p.Parts = []graph.Part{{Name: partAssignments, Raw: joined(list)}}
	}
	return p
}
