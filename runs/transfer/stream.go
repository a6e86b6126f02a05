package transfer

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// elementsOf counts the elements of a JSON array, and tells whether it is one. They are not
// kept: many small ones take a multiple of the memory that their bytes take.
func elementsOf(array []byte) (n int, ok bool) {
	d := json.NewDecoder(bytes.NewReader(array))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return 0, false
	}
	for element := json.RawMessage(nil); d.More(); n++ {
		if d.Decode(&element) != nil {
			return n, false
		}
	}
	if _, err := d.Token(); err != nil {
		return n, false
	}
	_, err := d.Token()
	return n, err == io.EOF
}

// readTable takes the names of a migration table, one object at a time. What follows
// something that cannot be read is left alone.
func (f *folder) readTable(text []byte) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return
	}
	for d.More() {
		key, err := d.Token()
		name, _ := key.(string)
		if err != nil {
			return
		}
		if !strings.EqualFold(name, "Objects") {
			var other json.RawMessage
			if d.Decode(&other) != nil {
				return
			}
			continue
		}
		if open, err := d.Token(); err != nil || open != json.Delim('[') {
			return
		}
		for d.More() {
			var o struct{ ID, DisplayName, Type string }
			if d.Decode(&o) != nil {
				return
			}
			if kind := strings.ToLower(o.Type); kind == "group" || kind == "user" {
				f.note(graph.Reference{Kind: kind, ID: o.ID, Name: o.DisplayName})
			}
		}
		if _, err := d.Token(); err != nil {
			return
		}
	}
}
