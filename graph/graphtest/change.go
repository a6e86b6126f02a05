package graphtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Churn changes percent of a tenant's objects as an administrator would: one setting of
// each gets another value, and the time stamp and version move. The same seed picks the
// same objects and settings. At least one object changes when percent is above 0. It
// returns what changed.
func (g *Graph) Churn(id graph.TenantID, percent float64, seed uint64) ([]Key, error) {
	return g.disturb(id, percent, seed, func(tn *tenant, o *object, info graph.TypeInfo, rng *rand.Rand) (graph.Policy, bool) {
		return tn.alter(o.policy, info, rng, g.clock.Now()), true
	})
}

// Touch changes only what moves without anyone changing a policy: time stamps, versions
// and the type's volatile properties. Objects that have none are not touched. It returns
// what was.
func (g *Graph) Touch(id graph.TenantID, percent float64, seed uint64) ([]Key, error) {
	return g.disturb(id, percent, seed, func(tn *tenant, o *object, info graph.TypeInfo, _ *rand.Rand) (graph.Policy, bool) {
		p := tn.stamp(o.policy, info, g.clock.Now())
		for _, key := range info.Volatile {
			if s, ok := property(p.Raw, key); ok {
				if n, err := strconv.Atoi(string(p.Raw[s.start:s.end])); err == nil {
					p.Raw = replaced(p.Raw, s, strconv.AppendInt(nil, int64(n)+1, 10))
				}
			}
		}
		return p, !bytes.Equal(p.Raw, o.policy.Raw)
	})
}

func (g *Graph) disturb(id graph.TenantID, percent float64, seed uint64,
	change func(*tenant, *object, graph.TypeInfo, *rand.Rand) (graph.Policy, bool),
) ([]Key, error) {
	if !(percent >= 0 && percent <= 100) {
		return nil, fmt.Errorf("graphtest: %v percent of the objects cannot change; give 0 to 100", percent)
	}
	tn, err := g.tenantFor(id)
	if err != nil {
		return nil, err
	}
	tn.mu.Lock()
	defer tn.mu.Unlock()
	all := tn.keys()
	n := int(float64(len(all))*percent/100 + 0.5)
	if percent > 0 && n == 0 {
		n = min(1, len(all))
	}
	rng := rand.New(rand.NewPCG(seed, 0xc0ffee))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var out []Key
	for _, k := range all[:n] {
		o, info, _ := tn.find(k.Type, k.ID)
		if p, changed := change(tn, o, info, rng); changed {
			tn.replace(o, p)
			out = append(out, k)
		}
	}
	slices.SortFunc(out, compareKeys)
	return out, nil
}

// replace gives an object new bytes. Readers that hold the old ones keep them.
func (tn *tenant) replace(o *object, p graph.Policy) {
	tn.types[p.Type].byID[p.ID] = &object{policy: p, incomplete: o.incomplete, visible: o.visible, published: o.published, place: o.place}
}

// alter changes one value that matters, and the stamps.
func (tn *tenant) alter(p graph.Policy, info graph.TypeInfo, rng *rand.Rand, now time.Time) graph.Policy {
	p = tn.stamp(p, info, now)
	p.Parts = slices.Clone(p.Parts)
	for i := range p.Parts {
		if name := p.Parts[i].Name; name == partSettings || name == partDefinitionValues {
			if raw, ok := flip(p.Parts[i].Raw, info, rng); ok {
				p.Parts[i].Raw = raw
				return p
			}
		}
	}
	if raw, ok := flip(p.Raw, info, rng); ok {
		p.Raw = raw
		return p
	}
	text := fmt.Sprintf("Changed after review %d", tn.changes)
	p.Raw = withProperty(p.Raw, "description", quote(text))
	return p
}

// flip gives one value of a document another one of its kind.
func flip(doc []byte, info graph.TypeInfo, rng *rand.Rand) ([]byte, bool) {
	var candidates []span
	walk(doc, func(s span) {
		if s.depth > 0 && matters(s.key, info) && flipped(doc[s.start:s.end]) != nil {
			candidates = append(candidates, s)
		}
	})
	for _, s := range properties(doc) { // what administrators cannot change
		if slices.Contains(info.Write.Strip, s.key) || slices.Contains(info.Write.StripUpdate, s.key) {
			candidates = slices.DeleteFunc(candidates, func(c span) bool { return s.start <= c.start && c.end <= s.end })
		}
	}
	if len(candidates) == 0 {
		return nil, false
	}
	s := candidates[rng.IntN(len(candidates))]
	return replaced(doc, s, flipped(doc[s.start:s.end])), true
}

// flipped returns another value for a boolean, a number, or the choice of a setting,
// which ends in the number of the option; nil for anything else.
func flipped(v []byte) []byte {
	switch {
	case string(v) == "true":
		return []byte("false")
	case string(v) == "false":
		return []byte("true")
	case bytes.HasSuffix(v, []byte(`_0"`)):
		return append(slices.Clone(v[:len(v)-2]), `1"`...)
	case bytes.HasSuffix(v, []byte(`_1"`)):
		return append(slices.Clone(v[:len(v)-2]), `0"`...)
	}
	if n, err := strconv.Atoi(string(v)); err == nil {
		return strconv.AppendInt(nil, int64(n)+1, 10)
	}
	return nil
}

// matters tells whether a change of the property is a change of the policy.
func matters(key string, info graph.TypeInfo) bool {
	if strings.ContainsAny(key, "@#") || strings.HasSuffix(key, "DateTime") || slices.Contains(info.Volatile, key) {
		return false
	}
	switch key {
	case "id", "version", "settingCount", "isAssigned", "supportsScopeTags", "priority",
		"isBuiltIn", "isBuiltInRoleDefinition", "isDefault", "isGlobalScript", "settingDefinitionId", "deletedDateTime":
		return false
	}
	return true
}

// stamp moves the time stamp and the version, where the object has them.
func (tn *tenant) stamp(p graph.Policy, info graph.TypeInfo, now time.Time) graph.Policy {
	tn.changes++
	at := now.UTC().Add(time.Duration(tn.changes) * 100 * time.Nanosecond) // differs from every other change
	for _, key := range []string{"lastModifiedDateTime", "modifiedDateTime"} {
		if s, ok := property(p.Raw, key); ok {
			p.Raw = replaced(p.Raw, s, quote(timestamp(at)))
		}
	}
	s, ok := property(p.Raw, "version")
	if !ok || info.Key == "termsAndConditions" { // there the version is the administrator's
		return p
	}
	version := p.Raw[s.start:s.end]
	if n, err := strconv.Atoi(string(version)); err == nil {
		p.Raw = replaced(p.Raw, s, strconv.AppendInt(nil, int64(n)+1, 10))
	} else if bytes.HasPrefix(version, []byte(`"\"`)) { // an opaque one, as app protection has
		p.Raw = replaced(p.Raw, s, quote(fmt.Sprintf(`"%016x"`, tn.changes)))
	}
	return p
}

// timestamp writes a time as Intune does, with seven digits of the second.
func timestamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.0000000Z") }
