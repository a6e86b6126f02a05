package backupset

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// maxName bounds the name of an element within a path, in bytes.
const maxName = 256

// enterKey appends a key to the path and returns the length to cut it back to.
func (d *differ) enterKey(key []byte) (back int) {
	back = len(d.path)
	if back > 0 {
		d.path = append(d.path, '/')
	}
	if len(key) == 0 {
		d.path = append(d.path, "~4"...)
	}
	for _, c := range key {
		switch c {
		case '~':
			d.path = append(d.path, "~0"...)
		case '/':
			d.path = append(d.path, "~1"...)
		case '[':
			d.path = append(d.path, "~2"...)
		default:
			d.path = append(d.path, c)
		}
	}
	return back
}

// enterName appends the name of an element. Its number among the elements of that name
// follows where there are several of them, from the second on, or where there is no name.
func (d *differ) enterName(name string, nth int, several bool) (back int) {
	back = len(d.path)
	d.path = append(d.path, '[')
	for i := range len(name) {
		switch c := name[i]; c {
		case '~':
			d.path = append(d.path, "~0"...)
		case ']':
			d.path = append(d.path, "~3"...)
		default:
			d.path = append(d.path, c)
		}
	}
	if name == "" || several && nth > 1 {
		d.path = append(d.path, '#')
		d.path = strconv.AppendInt(d.path, int64(nth), 10)
	}
	d.path = append(d.path, ']')
	return back
}

// enterOrder appends what stands for the order of an array's elements.
func (d *differ) enterOrder() (back int) {
	back = len(d.path)
	d.path = append(d.path, "[]"...)
	return back
}

// enterIndex appends the index of an element without a name.
func (d *differ) enterIndex(i int) (back int) {
	back = len(d.path)
	d.path = append(d.path, '[')
	d.path = strconv.AppendInt(d.path, int64(i), 10)
	d.path = append(d.path, ']')
	return back
}

// nameOf returns what identifies an element of an array: the values at the identity
// paths, those that are there, joined by colons. Type names lose their namespace. A
// scalar is its own name. Characters that JSON escapes stay escaped, so that a path is
// one printable line.
func nameOf(element []byte, rule *array) string {
	switch element[0] {
	case '{':
	case '[':
		return ""
	default:
		return clip(bare(element))
	}
	var name []byte
	for _, path := range rule.identity {
		v := lookup(element, path...)
		if v == nil || v[0] == '{' || v[0] == '[' || string(v) == "null" || string(v) == `""` {
			continue
		}
		if len(name) > 0 {
			name = append(name, ':')
		}
		name = append(name, bytes.TrimPrefix(bare(v), []byte("#microsoft.graph."))...)
	}
	return clip(name)
}

// bare returns a scalar without quotes.
func bare(scalar []byte) []byte {
	if scalar[0] == '"' {
		return scalar[1 : len(scalar)-1]
	}
	return scalar
}

// clip bounds a name. Names that become the same by it are told apart like any others.
func clip(name []byte) string {
	if len(name) <= maxName {
		return string(name)
	}
	n := maxName
	for !utf8.RuneStart(name[n]) {
		n--
	}
	return string(name[:n]) + "…"
}
