package restore

import (
	"encoding/json"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// createBody returns what [graph.Writer.Create] takes: the whole desired object with its parts
// inline, but its assignments.
func (d *desired) createBody() json.RawMessage {
	return append(json.RawMessage(nil), d.policy.Raw...)
}

// completeBody returns what [graph.Writer.Update] takes of it, to complete an object that a
// create has begun.
func (d *desired) completeBody(info *facts) (json.RawMessage, error) {
	object, err := d.policy.Decode()
	if err != nil {
		return nil, err
	}
	info.StripReadOnly(object, true)
	return json.Marshal(object)
}

// updateBody returns what [graph.Writer.Update] takes: the same without what the backup does
// not know, unless leaving that out would reset it.
func (d *desired) updateBody(info *facts) json.RawMessage {
	o := newObject(nil)
	for name, value := range backupset.Members(d.policy.Raw) {
		if !d.kept[string(name)] || info.Write.Replaces {
			o.put(name, value)
		}
	}
	return o.done()
}
