package restore

import (
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Whether Graph tells "State" from "state" is not documented, so a restore must not: what it
// decides about the one would not hold for the other, beside it or in its place. Graph's own
// objects never have such a name. A file that somebody made can.

// decisive are the members at the top of an object that a restore decides by, beside those
// that the catalogue's rules name.
var decisive = []string{"id", "state", "assignments", "roleScopeTagIds", "supportsScopeTags", "omaSettings"}

// decisiveAnywhere are those that count wherever they stand.
var decisiveAnywhere = []string{"isEncrypted", "secretReferenceValueId", "valueState"}

// toRestore returns both forms of a captured policy that is to be restored, or why it cannot
// be, whatever the target has.
func (e *engine) toRestore(f *facts, p *graph.Policy) (sides, error) {
	s, err := e.sidesOf(p)
	if err != nil {
		return s, err
	}
	if name := miscased(s.canon, start(f.decisive)); name != "" {
		return s, fmt.Errorf("restore: what was captured has a property whose name differs from %q in letter case only; Graph may take one for the other", name)
	}
	return s, nil
}

// miscased returns the decisive name that a member of a canonical value has in another letter
// case, "" for none.
func miscased(value []byte, active []pos) string {
	switch value[0] {
	case '{':
		for key, v := range backupset.Members(value) {
			name := string(key)
			for _, known := range decisiveAnywhere {
				if name != known && strings.EqualFold(name, known) {
					return known
				}
			}
			for _, a := range active {
				if !a.end() && name != a.p.steps[a.i] && strings.EqualFold(name, a.p.steps[a.i]) {
					return a.p.steps[a.i]
				}
			}
			if found := miscased(v, step(active, key)); found != "" {
				return found
			}
		}
	case '[':
		inner := step(active, []byte(eachElement))
		for e := range backupset.Elements(value) {
			if found := miscased(e, inner); found != "" {
				return found
			}
		}
	}
	return ""
}

// decisiveOf returns where the members stand that a restore of the type decides by.
func (f *facts) decisiveOf() []pattern {
	names := append([]string{f.NameProperty}, decisive...)
	names = append(names, f.Write.MatchBy...)
	for _, path := range f.Write.Strip {
		names = append(names, strings.TrimPrefix(path, "!"))
	}
	if f.Write.Default != nil {
		names = append(names, f.Write.Default.Property)
	}
	if f.Write.BuiltIn != nil {
		names = append(names, f.Write.BuiltIn.Property)
	}
	out := append(append(append([]pattern{}, f.refs...), f.strip...), f.fixed...)
	for _, name := range names {
		if name != "" {
			out = append(out, newPattern(name))
		}
	}
	return out
}
