package backupset

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// fate is what becomes of a member.
type fate uint8

const (
	kept        fate = iota
	leftOut          // volatile
	superseded       // a part of the same name follows
	fromPart         // kept, and may have a superseded namesake
	partLeftOut      // a part that is volatile
)

// out tells whether a member is not written.
func (f fate) out() bool { return f == leftOut || f == superseded || f == partLeftOut }

// member is one "key":value of an object being read, as offsets into the output. Of one
// that is left out only the key was written, to find duplicates.
type member struct {
	start, keyEnd, end int
	at                 int    // for errors: offset of the key in the raw object, or index of the part
	prefix             uint64 // first eight bytes of the key, so that most comparisons touch nothing else
	fate               fate
}

// ordinal is a member in the making of an order; small, since sorting moves it about.
type ordinal struct {
	prefix uint64
	index  int
}

// element is one element of a set being read, as offsets into the output and the sort keys.
type element struct{ start, end, keyStart, keyEnd int }

// readMembers reads an object up to and including its closing brace, writes everything
// but that brace and leaves the members on the stack. sorted tells that what it wrote
// needs no rearranging.
func (s *scanner) readMembers(at place, depth int) (sorted, ok bool) {
	s.pos++
	s.out = append(s.out, '{')
	base := len(s.members)
	sorted = true
	s.space()
	if s.peek() == '}' {
		s.pos++
		return true, true
	}
	for {
		s.space()
		if s.peek() != '"' {
			return false, s.fail("a key is expected")
		}
		if len(s.members) > base {
			s.out = append(s.out, ',')
		}
		m := member{start: len(s.out), at: s.pos}
		if !s.text() {
			return false, false
		}
		s.space()
		if s.peek() != ':' {
			return false, s.fail("a colon is expected")
		}
		s.pos++
		if !s.member(&m, at, depth) {
			return false, false
		}
		sorted = s.push(m, base, sorted)
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return sorted, true
		default:
			return false, s.fail("a comma or the end of the object is expected")
		}
	}
}

// member reads the value of a member whose key is written, and takes the value back when
// the member is left out.
func (s *scanner) member(m *member, at place, depth int) bool {
	m.keyEnd = len(s.out)
	key := s.out[m.start+1 : m.keyEnd-1]
	m.prefix = keyPrefix(key)
	out := dropped(at, key, s.rules) || s.former == current && itemReadOut(at, key, s.rules)
	switch {
	case m.fate == fromPart:
		if out {
			m.fate = partLeftOut
		}
	case at == topLevel && s.supersedes(key):
		m.fate = superseded
	case out:
		m.fate = leftOut
	}
	child := childOf(at, key)
	if s.former == beforeIDs && (child == roleAssignmentList || child == policySetItemList || child == combinationList) {
		child = elsewhere
	}
	s.out = append(s.out, ':')
	if !s.value(child, depth-1) {
		return false
	}
	if m.fate.out() {
		s.out = s.out[:m.keyEnd]
	}
	m.end = len(s.out)
	return true
}

// supersedes tells whether there is a part of the given name.
func (s *scanner) supersedes(key []byte) bool {
	escaped := bytes.IndexByte(key, '\\') >= 0
	for i := range s.parts {
		name := s.parts[i].Name
		if name == string(key) && !escaped {
			return true
		}
		if escaped {
			if quoted, _ := appendQuoted(nil, name); string(quoted[1:len(quoted)-1]) == string(key) {
				return true
			}
		}
	}
	return false
}

// push puts a member on the stack and returns whether the object is still in order.
func (s *scanner) push(m member, base int, sorted bool) bool {
	if m.fate.out() {
		sorted = false
	} else if n := len(s.members); sorted && n > base {
		sorted = s.compareKeys(&s.members[n-1], &m) < 0
	}
	s.members = append(s.members, m)
	return sorted
}

// keyPrefix returns the first eight bytes of a key as a number that sorts like them. A
// canonical key has no zero byte, so filling up with zeros keeps the order.
func keyPrefix(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var p uint64
	for i := range 8 {
		p <<= 8
		if i < len(key) {
			p |= uint64(key[i])
		}
	}
	return p
}

// compareKeys compares two keys by the bytes of their canonical text without quotes.
func (s *scanner) compareKeys(a, b *member) int {
	if a.prefix != b.prefix {
		return cmp.Compare(a.prefix, b.prefix)
	}
	return bytes.Compare(s.out[a.start+1:a.keyEnd-1], s.out[b.start+1:b.keyEnd-1])
}

// arrange sorts the members on the stack above base, refuses a key that is there twice,
// and rewrites the object whose opening brace is at start.
func (s *scanner) arrange(start, base int) bool {
	members := s.members[base:]
	order := s.order[:0]
	for i := range members {
		order = append(order, ordinal{members[i].prefix, i})
	}
	s.order = order
	slices.SortFunc(order, func(x, y ordinal) int {
		if x.prefix != y.prefix {
			return cmp.Compare(x.prefix, y.prefix)
		}
		a, b := &members[x.index], &members[y.index]
		return cmp.Or(
			bytes.Compare(s.out[a.start+1:a.keyEnd-1], s.out[b.start+1:b.keyEnd-1]),
			cmp.Compare(a.fate, b.fate), cmp.Compare(x.index, y.index))
	})
	to := s.shuffle[:0]
	for i, o := range order {
		m := &members[o.index]
		if i > 0 {
			if prev := &members[order[i-1].index]; prev.prefix == m.prefix && s.compareKeys(prev, m) == 0 &&
				(m.fate < fromPart || prev.fate != superseded) {
				if m.fate < fromPart {
					s.pos = m.at
				} else {
					s.part, s.pos = m.at, 0
				}
				return s.fail("duplicate key")
			}
		}
		if m.fate.out() {
			continue
		}
		if len(to) > 0 {
			to = append(to, ',')
		}
		to = append(to, s.out[m.start:m.end]...)
	}
	s.shuffle = to
	s.out = append(s.out[:start+1], to...)
	return true
}

// pushElement puts an element on the stack with its sort key: the values at the paths,
// each followed by a zero byte, which no value contains and which sorts before all others.
func (s *scanner) pushElement(e element, paths [][]string) {
	e.keyStart = len(s.keys)
	if len(paths) > 0 && s.out[e.start] == '{' {
		for _, path := range paths {
			s.keys = append(s.keys, lookup(s.out[e.start:e.end], path...)...)
			s.keys = append(s.keys, 0)
		}
	}
	e.keyEnd = len(s.keys)
	s.elements = append(s.elements, e)
}

// arrangeSet sorts the elements on the stack above base and rewrites the array whose
// first element is at start.
func (s *scanner) arrangeSet(start, base int) {
	elements := s.elements[base:]
	compare := func(a, b element) int {
		return cmp.Or(
			bytes.Compare(s.keys[a.keyStart:a.keyEnd], s.keys[b.keyStart:b.keyEnd]),
			bytes.Compare(s.out[a.start:a.end], s.out[b.start:b.end]))
	}
	if slices.IsSortedFunc(elements, compare) {
		return
	}
	slices.SortFunc(elements, compare)
	to := s.shuffle[:0]
	for i, e := range elements {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(to, s.out[e.start:e.end]...)
	}
	s.shuffle = to
	s.out = append(s.out[:start], to...)
}
