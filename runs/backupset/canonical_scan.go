package backupset

import (
	"bytes"
	"encoding/binary"

	"github.com/tenantatlas/tenantbackup/graph"
)

// maxDepth bounds how deeply objects and arrays may be nested, so that hostile input
// cannot exhaust the stack. Real policies stay below 30.
const maxDepth = 200

// maxParts bounds the parts of one policy; catalogued types have at most a handful.
const maxParts = 1000

// scanner reads JSON once from front to back and writes the canonical form as it goes.
// An object or array that turns out to be out of order is rearranged when it ends, by
// moving the bytes of its members; nothing is decoded into Go values.
type scanner struct {
	src []byte // what is being read
	pos int    // next byte of src
	out []byte // what was written

	members  []member  // stack of the members of the objects being read
	elements []element // stack of the elements of the sets being read
	order    []ordinal // scratch: members in sorting order
	keys     []byte    // stack of the sort keys of elements
	shuffle  []byte    // scratch: the rearranged bytes
	buf      []byte    // scratch of Hash

	parts  []graph.Part
	rules  map[string]bool // for the top level
	part   int             // index of the part being read, -1 in the raw object
	reason string          // why reading stopped
	former era             // whose rules count, see Canonicalizer.Matches
}

// era is a time with rules of its own for what is content. Hashes of each may be stored.
type era uint8

const (
	current      era = iota
	beforeStates     // what Graph says of items of policy sets counted
	beforeIDs        // the ids of such items, of role assignments and of combinations did, too
)

// scan appends the canonical form of p to dst.
func (s *scanner) scan(dst []byte, p *graph.Policy, rules map[string]bool) ([]byte, error) {
	if p == nil {
		return nil, &MalformedError{Reason: "there is no policy"}
	}
	s.members, s.elements, s.keys = s.members[:0], s.elements[:0], s.keys[:0]
	s.out, s.parts, s.rules = dst, p.Parts, rules
	if s.top(p.Raw) {
		return s.out, nil
	}
	err := &MalformedError{Offset: s.pos, Reason: s.reason}
	raw := p.Raw
	if s.part >= 0 {
		err.Part, raw = p.Parts[s.part].Name, p.Parts[s.part].Raw
	}
	err.Offset += len(raw) - len(withoutBOM(raw))
	return nil, err
}

// open starts to read the part with the given index, -1 for the raw object.
func (s *scanner) open(raw []byte, part int) {
	s.src, s.pos, s.part = withoutBOM(raw), 0, part
}

// top reads the raw object and then every part as one more member of it.
func (s *scanner) top(raw []byte) bool {
	s.open(raw, -1)
	if len(s.parts) > maxParts {
		return s.fail("too many parts")
	}
	s.space()
	if s.peek() != '{' {
		return s.fail("an object is expected")
	}
	start := len(s.out)
	sorted, ok := s.readMembers(topLevel, maxDepth)
	if !ok || !s.end() {
		return false
	}
	for i := range s.parts {
		s.open(s.parts[i].Raw, i)
		if len(s.members) > 0 {
			s.out = append(s.out, ',')
		}
		m := member{start: len(s.out), at: i, fate: fromPart}
		var valid bool
		if s.out, valid = appendQuoted(s.out, s.parts[i].Name); !valid {
			return s.fail("the part's name is not UTF-8")
		}
		if !s.member(&m, topLevel, maxDepth) || !s.end() {
			return false
		}
		sorted = s.push(m, 0, sorted)
	}
	s.part = -1 // a key that is there twice in the raw object is found here too
	if !sorted && !s.arrange(start, 0) {
		return false
	}
	s.out = append(s.out, '}')
	return true
}

// end checks that nothing but white space follows.
func (s *scanner) end() bool {
	s.space()
	if s.pos < len(s.src) {
		return s.fail("data after the value")
	}
	return true
}

// value reads one value in the given place; depth is how much deeper it may go.
func (s *scanner) value(at place, depth int) bool {
	s.space()
	switch c := s.peek(); c {
	case '"':
		return s.text()
	case '{', '[':
		if depth == 0 {
			return s.fail("nested too deeply")
		}
		if c == '{' {
			return s.object(at, depth)
		}
		return s.array(at, depth)
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

func (s *scanner) object(at place, depth int) bool {
	start, base := len(s.out), len(s.members)
	sorted, ok := s.readMembers(at, depth)
	if !ok || !sorted && !s.arrange(start, base) {
		return false
	}
	s.members = s.members[:base]
	s.out = append(s.out, '}')
	return true
}

func (s *scanner) array(at place, depth int) bool {
	rule := &arrays[at]
	s.pos++
	s.out = append(s.out, '[')
	start, base, keys := len(s.out), len(s.elements), len(s.keys)
	s.space()
	if s.peek() == ']' {
		s.pos++
		s.out = append(s.out, ']')
		return true
	}
	for {
		e := element{start: len(s.out)}
		if !s.value(rule.element, depth-1) {
			return false
		}
		if rule.set {
			e.end = len(s.out)
			s.pushElement(e, rule.sort)
		}
		s.space()
		c := s.peek()
		if c != ',' && c != ']' {
			return s.fail("a comma or the end of the array is expected")
		}
		s.pos++
		if c == ']' {
			break
		}
		s.out = append(s.out, ',')
	}
	if rule.set {
		s.arrangeSet(start, base)
		s.elements, s.keys = s.elements[:base], s.keys[:keys]
	}
	s.out = append(s.out, ']')
	return true
}

// fail stops reading at the current position.
func (s *scanner) fail(reason string) bool {
	s.reason = reason
	return false
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// space skips white space. Exports are indented with long runs of blanks, which are
// skipped eight at a time.
func (s *scanner) space() {
	src, i := s.src, s.pos
	for i < len(src) {
		switch src[i] {
		case ' ':
			for i+8 <= len(src) && binary.LittleEndian.Uint64(src[i:]) == 0x2020202020202020 {
				i += 8
			}
			if i < len(src) && src[i] == ' ' {
				i++
			}
		case '\n', '\r', '\t':
			i++
		default:
			s.pos = i
			return
		}
	}
	s.pos = i
}

func (s *scanner) literal(word string) bool {
	if !bytes.HasPrefix(s.src[s.pos:], []byte(word)) {
		return s.fail("a value is expected")
	}
	s.pos += len(word)
	s.out = append(s.out, word...)
	return true
}
