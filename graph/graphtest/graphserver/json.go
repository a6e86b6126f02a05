package graphserver

import (
	"bytes"
	"encoding/json"
)

// The documents of a Graph are valid JSON. They are taken apart by offsets instead of being
// decoded, so that their bytes stay as they are.

// member is a property of an object.
type member struct {
	key   string // as written, without quotes
	value []byte
}

// members takes an object apart.
func members(doc []byte) []member {
	c := cut{doc: doc}
	c.space()
	var out []member
	for c.at++; c.more('}'); {
		start := c.at
		c.skip()
		key := string(doc[start+1 : c.at-1])
		c.space()
		c.at++ // the colon
		c.space()
		start = c.at
		c.skip()
		out = append(out, member{key, doc[start:c.at]})
	}
	return out
}

// elements takes an array apart.
func elements(doc []byte) [][]byte {
	c := cut{doc: doc}
	c.space()
	out := [][]byte{}
	for c.at++; c.more(']'); {
		start := c.at
		c.skip()
		out = append(out, doc[start:c.at])
	}
	return out
}

// object puts members together.
func object(list []member) []byte {
	n := 2
	for _, m := range list {
		n += len(m.key) + len(m.value) + 4
	}
	out := append(make([]byte, 0, n), '{')
	for i, m := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), m.key...), `":`...)
		out = append(out, m.value...)
	}
	return append(out, '}')
}

// array puts elements together.
func array(list [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(list, []byte{','})...), ']')
}

type cut struct {
	doc []byte
	at  int
}

func (c *cut) space() {
	for c.at < len(c.doc) && (c.doc[c.at] == ' ' || c.doc[c.at] == '\n' || c.doc[c.at] == '\r' || c.doc[c.at] == '\t') {
		c.at++
	}
}

// more goes to the next member or element; false at the end.
func (c *cut) more(end byte) bool {
	for c.space(); c.at < len(c.doc); c.space() {
		switch c.doc[c.at] {
		case ',':
			c.at++
		case end:
			c.at++
			return false
		default:
			return true
		}
	}
	return false
}

// skip goes behind a value.
func (c *cut) skip() {
	for depth := 0; c.at < len(c.doc); {
		switch c.doc[c.at] {
		case '"':
			for c.at++; c.at < len(c.doc) && c.doc[c.at] != '"'; c.at++ {
				if c.doc[c.at] == '\\' {
					c.at++
				}
			}
			c.at++
		case '{', '[':
			depth++
			c.at++
		case '}', ']':
			depth--
			c.at++
		case ',', ':', ' ', '\n', '\r', '\t':
			c.at++
		default:
			for c.at < len(c.doc) && bytes.IndexByte([]byte(",:]}{[\" \n\r\t"), c.doc[c.at]) < 0 {
				c.at++
			}
		}
		if depth == 0 {
			return
		}
	}
}

// value is the value of a key, nil when there is none.
func value(list []member, key string) []byte {
	for _, m := range list {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// plain is an object's text without what stands before it in a file.
func plain(raw []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
}

// requoted is a string written as quote writes it.
func requoted(text []byte) []byte {
	var s string
	if json.Unmarshal(text, &s) != nil {
		return text
	}
	return quote(s)
}
