package transfer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
)

// folder is a collection of exported objects, one JSON file each, as IntuneManagement writes
// it: the answer of Graph with its annotations, with settings and assignments inside. Beside
// the objects it writes
//
//   - NAME_Settings.json, the settings of an administrative template or a security intent
//     whose own file, NAME.json, may lack them;
//   - Groups/*.json and MigrationTable.json, the names behind ids;
//   - scripts and pictures that are inside the objects too, which are not JSON files.
type folder struct {
	im    *Importer
	a     *archive
	lower map[string]string // the names of JSON files in lower case -> as they are
	names []string

	directory map[string]graph.Reference // by id
	ids       map[policyKey]string       // of which file it was
	ignored   int
}

const (
	migrationTable = "migrationtable.json"
	groupsFolder   = "groups"
	companionEnd   = "_settings.json"
)

// companions are the types whose settings may stand in a file of their own, and the name of
// the part that these are.
var companions = map[graph.PolicyType]string{
	"groupPolicyConfiguration": "definitionValues",
	"endpointSecurityIntent":   "settings",
}

func (im *Importer) openFolder(a *archive) (*contents, error) {
	f := &folder{im: im, a: a, lower: map[string]string{}, directory: map[string]graph.Reference{}, ids: map[policyKey]string{}}
	var beside []string
	for _, name := range a.names {
		switch {
		case !isJSON(name):
			f.ignored++
		case strings.EqualFold(path.Base(name), migrationTable), strings.EqualFold(path.Base(path.Dir(name)), groupsFolder):
			beside = append(beside, name)
			f.ignored++
		default:
			f.names = append(f.names, name)
			f.lower[strings.ToLower(name)] = name
		}
	}
	if len(f.names) == 0 {
		return nil, refuse("it has no JSON files with exported policies")
	}
	for _, name := range beside {
		if err := f.readNames(name); err != nil {
			return nil, err
		}
	}
	return &contents{info: Source{Format: formatFolder}, n: len(f.names), each: f.each, ignored: func() int { return f.ignored }}, nil
}

func (f *folder) each(skip func(graph.PolicyType, string) bool, yield func(found) error) error {
	for i, name := range f.names {
		got, policy, err := f.file(i, name)
		switch {
		case err != nil:
			return err
		case !policy:
			f.ignored++
			continue
		case got.policy != nil && skip(got.t, got.id):
			continue
		}
		if err := yield(got); err != nil {
			return err
		}
	}
	return nil
}

// file reads one file. policy false says that it belongs to another one.
func (f *folder) file(i int, name string) (got found, policy bool, err error) {
	got = found{t: unknownType, id: redact.Text(name), name: redact.Text(strings.TrimSuffix(path.Base(name), path.Ext(name)))}
	if got.id != name {
		got.id += fmt.Sprintf(" (file %d)", i+1) // two that differ in a secret only are two
	}
	raw, err := f.a.content(name)
	if err == errEntry {
		return got.failed(runs.ReasonInvalidPayload, errEntry), true, nil
	}
	if err != nil {
		return got, false, err
	}
	raw, readable := decodeText(raw)
	props, object := members(raw)
	if !readable || !object {
		if f.isCompanion(name) {
			return got, false, nil
		}
		if t, ok := f.im.classes.classify("", "", name); ok {
			got.t = t
		}
		return got.failed(runs.ReasonInvalidPayload, errNotObject), true, nil
	}
	if has(props, "raw") && has(props, "parts") && has(props, "type") {
		return got, false, refuse("%s is missing, which says what the files of an exported backup set are", manifestName)
	}
	context, odataType := stringOf(props, "@odata.context"), stringOf(props, "@odata.type")
	t, known := f.im.classes.classify(context, odataType, name)
	if f.isCompanion(name) && context == "" && !f.im.classes.says(odataType) {
		return got, false, nil
	}
	info, _ := f.im.cfg.Catalogue.Lookup(t)
	id := stringOf(props, "id")
	if id == "" && known && info.NameProperty == "" {
		id = string(t) // the one object of its type
	}
	switch {
	case !known && (id == "" || context == "" && odataType == ""):
		got.status, got.reason, got.err = runs.ItemSkipped, runs.ReasonUnsupportedType, errNoObject
		return got, true, nil
	case !known:
		return got.failed(runs.ReasonUnsupportedType, errUnknownType), true, nil
	}
	got.t = t
	if title := stringOf(props, info.NameProperty); title != "" {
		got.name = title
	}
	if !printable(id, 300) {
		return got.failed(runs.ReasonInvalidPayload, errNoID), true, nil
	}
	if first, ok := f.ids[policyKey{t, id}]; ok && first != name {
		return got.failed(runs.ReasonConflict, errRepeated), true, nil // under the name of its file: the id is the other's
	}
	f.ids[policyKey{t, id}] = name
	got.id = id
	p := &graph.Policy{Type: t, ID: id, Name: stringOf(props, info.NameProperty), ODataType: odataType, Raw: raw}
	joined, err := f.join(p, props, name)
	if err != nil {
		return got, false, err
	}
	if !joined || short(props) {
		return got.failed(runs.ReasonIncompleteCapture, errShort), true, nil
	}
	p.References = f.references(p, info)
	return f.im.prepared(got, p), true, nil
}

func has(props map[string]json.RawMessage, key string) bool { _, ok := props[key]; return ok }

// short tells whether an object has fewer settings than it says: tools that did not follow
// the pages of a listing have left such files.
func short(props map[string]json.RawMessage) bool {
	var announced int
	_ = json.Unmarshal(props["settingCount"], &announced) // absent or of another kind: nothing is announced
	if announced < 1 {
		return false
	}
	n, _ := elementsOf(props["settings"])
	return n < announced
}

// isCompanion tells whether a file has the name of one that holds another's settings.
func (f *folder) isCompanion(name string) bool {
	base, ok := strings.CutSuffix(strings.ToLower(name), companionEnd)
	if !ok {
		return false
	}
	_, ok = f.lower[base+".json"]
	return ok
}

// join gives a policy the settings that stand in a file of their own, unless it has them. It
// is false when the type keeps them there and they are not to be had.
func (f *folder) join(p *graph.Policy, props map[string]json.RawMessage, name string) (bool, error) {
	part, ok := companions[p.Type]
	if !ok || has(props, part) {
		return true, nil
	}
	lower := strings.ToLower(name)
	beside, ok := f.lower[strings.TrimSuffix(lower, path.Ext(lower))+companionEnd]
	if !ok {
		return false, nil
	}
	raw, err := f.a.content(beside)
	if err != nil {
		if err == errEntry {
			err = nil
		}
		return false, err
	}
	raw, _ = decodeText(raw)
	_, value, _ := around(raw)
	if outer, ok := members(value); ok {
		switch {
		case has(outer, part):
			value = outer[part]
		case has(outer, "value") && has(outer, "Count"): // a list as some PowerShells write it
			value = outer["value"]
		case part != "settings": // a list of one
			value = slices.Concat([]byte("["), value, []byte("]"))
		}
	}
	if len(value) == 0 || string(value) == "null" { // a list of none
		value = []byte("[]")
	}
	if _, ok := elementsOf(value); !ok {
		return false, nil
	}
	p.Parts = append(p.Parts, graph.Part{Name: part, Raw: value})
	return true, nil
}

// readNames takes the names behind ids from a file beside the objects. One that cannot be
// read is left alone: names help a restore elsewhere, the backup is whole without them.
func (f *folder) readNames(name string) error {
	raw, err := f.a.content(name)
	if err == errEntry {
		return nil
	}
	if err != nil {
		return err
	}
	raw, _ = decodeText(raw)
	text := bytes.TrimPrefix(raw, []byte(byteOrderMark))
	if strings.EqualFold(path.Base(name), migrationTable) {
		f.readTable(text)
		return nil
	}
	var group struct{ ID, DisplayName, MembershipRule string }
	if json.Unmarshal(text, &group) == nil {
		f.note(graph.Reference{Kind: "group", ID: group.ID, Name: group.DisplayName, Rule: group.MembershipRule})
	}
	return nil
}

// maxNames is how many names behind ids are kept, and maxNameOf how long each text of one is
// at most, in bytes: what a file says must not fill the memory.
const (
	maxNames  = 100_000
	maxNameOf = 8 << 10
)

func (f *folder) note(r graph.Reference) {
	key := strings.ToLower(r.ID)
	known, ok := f.directory[key]
	switch {
	case r.ID == "" || r.Name == "" || max(len(r.ID), len(r.Name), len(r.Rule)) > maxNameOf:
	case !ok && len(f.directory) < maxNames, ok && known.Rule == "":
		f.directory[key] = r
	}
}

// maxDecoded is how large an object may be, in bytes, for its references to be looked for.
const maxDecoded = 4 << 20

// references names the objects of the directory that a policy refers to.
func (f *folder) references(p *graph.Policy, info graph.TypeInfo) []graph.Reference {
	if len(f.directory) == 0 || len(p.Raw) > maxDecoded || !slices.ContainsFunc(info.Refs, func(r graph.RefRule) bool { return r.Kind != "" }) {
		return nil
	}
	object, err := p.Decode()
	if err != nil {
		return nil
	}
	seen := map[string]bool{}
	var out []graph.Reference
	for _, rule := range info.Refs {
		rule.Rewrite(object, func(id string) string {
			if r, ok := f.directory[strings.ToLower(id)]; ok && r.Kind == rule.Kind && !seen[id] {
				seen[id] = true
				r.ID = id
				out = append(out, r)
			}
			return id
		})
	}
	slices.SortFunc(out, func(a, b graph.Reference) int { return strings.Compare(a.Kind+" "+a.ID, b.Kind+" "+b.ID) })
	return out
}

// decodeText returns a file as UTF-8: as it is, or when it is UTF-16, in which PowerShell
// writes unless it is told otherwise, encoded anew. It is false for what neither can be.
func decodeText(raw []byte) ([]byte, bool) {
	big, skip := false, 0
	switch {
	case len(raw) < 2:
		return raw, utf8.Valid(raw)
	case raw[0] == 0xff && raw[1] == 0xfe:
		skip = 2
	case raw[0] == 0xfe && raw[1] == 0xff:
		big, skip = true, 2
	case raw[0] == '{' && raw[1] == 0:
	case raw[0] == 0 && raw[1] == '{':
		big = true
	default:
		return raw, utf8.Valid(raw)
	}
	raw = raw[skip:]
	if len(raw)%2 != 0 {
		return nil, false
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		lo, hi := uint16(raw[2*i]), uint16(raw[2*i+1])
		if big {
			lo, hi = hi, lo
		}
		units[i] = hi<<8 | lo
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i++; i == len(units) {
				return nil, false
			}
			if r = utf16.DecodeRune(r, rune(units[i])); r == utf8.RuneError {
				return nil, false
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, true
}
