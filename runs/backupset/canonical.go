package backupset

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
)

// CanonicalVersion names the rules of the canonical form. It is part of what is hashed,
// so hashes of different rules never compare equal; it is raised whenever a rule changes.
const CanonicalVersion = 1

// hashDomain keeps a policy's hash apart from any other use of SHA-256.
const hashDomain = "tenantbackup policy\x00"

// maxPooled is how large a scratch buffer may grow, in bytes, and still be kept for the
// next policy: one huge import must not hold its memory for ever.
const maxPooled = 4 << 20

// Canonicalizer turns policies into their canonical form: JSON in which two captures of
// an unchanged policy are the same bytes. It serves hash and diff; what is stored are the
// raw bytes.
//
// The form is one object, the raw object with every part merged in under its name. A part
// wins over a property of the same name, because Graph may cut an expanded collection at
// a page, which is why it was fetched apart; so an export with its settings inside and a
// capture with them beside are equal. In that object:
//
//   - Left out: the id, read-outs such as createdDateTime, version or isAssigned, the
//     type's [graph.TypeInfo] Volatile properties, OData annotations (but "@odata.type"
//     and "...@odata.bind", which say what an object is and refers to), and actions.
//     A Volatile entry "!name" keeps a property that is left out otherwise.
//   - Sorted: keys by the bytes of their canonical text; the arrays that are sets (scope
//     tags, assignments, catalog settings, ADMX values, scheduled actions, localised
//     messages, role assignments, the include and exclude lists of Conditional Access) by what identifies
//     an element, then by its bytes. Ids that Graph gives anew to the elements of such a
//     collection are left out, and what it says of the items of policy sets: their name,
//     status and error. Every other array keeps its order.
//   - Numbers keep their literal text, so 1 and 1.0 differ and nothing is rounded. Strings
//     have one spelling: UTF-8, escaped only where JSON demands it.
//
// References, warnings, id, name and ODataType of the [graph.Policy] have no influence.
//
// A Canonicalizer is safe for concurrent use.
type Canonicalizer struct {
	common  map[string]bool
	byType  map[graph.PolicyType]map[string]bool
	scratch sync.Pool // of *scanner
}

// NewCanonicalizer makes a Canonicalizer with the volatile properties of a catalogue. A
// nil catalogue, like a type that is not in it, has the common ones only. Another
// catalogue may give another hash for the same policy.
func NewCanonicalizer(c *graph.Catalogue) *Canonicalizer {
	z := &Canonicalizer{common: topLevelRules("", nil), byType: map[graph.PolicyType]map[string]bool{}}
	z.scratch.New = func() any { return new(scanner) }
	if c != nil {
		for _, t := range c.All() {
			z.byType[t.Key] = topLevelRules(t.Key, t.Volatile)
		}
	}
	for _, t := range append(slices.Collect(maps.Keys(meaningful)), policySet) {
		if _, ok := z.byType[t]; !ok {
			z.byType[t] = topLevelRules(t, nil)
		}
	}
	return z
}

// Append appends the canonical form of p to dst, which must not overlap p's bytes. An
// error is a *[MalformedError], and dst comes back as it was.
func (z *Canonicalizer) Append(dst []byte, p *graph.Policy) ([]byte, error) {
	s := z.scratch.Get().(*scanner)
	defer z.release(s)
	out, err := s.scan(dst, p, z.rules(p))
	if err != nil {
		return dst, err
	}
	return out, nil
}

// Hash returns the SHA-256 of the canonical form, together with the policy type and
// [CanonicalVersion]. The object's id has no part in it, so an object that was restored
// under a new id has the hash it had.
func (z *Canonicalizer) Hash(p *graph.Policy) (Hash, error) { return z.hash(p, current) }

func (z *Canonicalizer) hash(p *graph.Policy, former era) (Hash, error) {
	s := z.scratch.Get().(*scanner)
	s.former = former
	defer z.release(s)
	buf := append(s.buf[:0], hashDomain...)
	buf = binary.AppendUvarint(buf, CanonicalVersion)
	if p != nil {
		buf = binary.AppendUvarint(buf, uint64(len(p.Type)))
		buf = append(buf, p.Type...)
	}
	out, err := s.scan(buf, p, z.rules(p))
	if err != nil {
		return Hash{}, err
	}
	s.buf = out
	return sha256.Sum256(out), nil
}

// Matches tells whether a stored hash is that of p. It also knows the hashes of before: when
// name and state of the items of policy sets counted as content, and when their ids and those of
// role assignments and combinations did, too. Whoever verifies what is stored asks here and does
// not compare by himself.
func (z *Canonicalizer) Matches(p *graph.Policy, stored Hash) (bool, error) {
	for _, former := range []era{current, beforeStates, beforeIDs} {
		if hash, err := z.hash(p, former); err != nil || hash == stored {
			return err == nil, err
		}
	}
	return false, nil
}

func (z *Canonicalizer) rules(p *graph.Policy) map[string]bool {
	if p != nil {
		if r, ok := z.byType[p.Type]; ok {
			return r
		}
	}
	return z.common
}

func (z *Canonicalizer) release(s *scanner) {
	if cap(s.buf)+cap(s.shuffle) > maxPooled {
		return
	}
	s.former = current
	s.src, s.out, s.parts, s.rules = nil, nil, nil, nil // nothing of the policy stays behind
	z.scratch.Put(s)
}

// ErrMalformed is wrapped by every [MalformedError].
var ErrMalformed = errors.New("not one well-formed JSON object")

// MalformedError says why a policy has no canonical form: its JSON is broken or
// ambiguous. It never contains any of the policy's content.
type MalformedError struct {
	Part   string // name of the part, empty for the raw object
	Offset int    // of the byte where it was noticed, from the start of the raw object or part
	Reason string // "duplicate key"
}

// Error describes where and what.
func (e *MalformedError) Error() string {
	if e.Part == "" {
		return fmt.Sprintf("backupset: raw object is malformed at byte %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("backupset: part %.64q is malformed at byte %d: %s", e.Part, e.Offset, e.Reason)
}

// Unwrap returns [ErrMalformed].
func (e *MalformedError) Unwrap() error { return ErrMalformed }

// topLevelRules maps the names of top-level properties to whether they are left out.
func topLevelRules(t graph.PolicyType, volatile []string) map[string]bool {
	rules := make(map[string]bool, len(readOuts)+len(volatile))
	for _, name := range readOuts {
		rules[name] = true
	}
	for _, name := range meaningful[t] {
		rules[name] = false
	}
	for _, name := range volatile {
		name, keep := strings.CutPrefix(name, "!")
		rules[name] = !keep
	}
	if t == policySet {
		rules[itemReadOuts] = true
	}
	return rules
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// withoutBOM returns raw without a leading byte order mark, which exported files may carry.
func withoutBOM(raw []byte) []byte { return bytes.TrimPrefix(raw, byteOrderMark) }
