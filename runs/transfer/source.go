package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// unknownType stands for the type of a file of which it cannot be told.
const unknownType = graph.PolicyType("unknown")

// found is what one file of an import came to: a policy, or why it is none.
type found struct {
	t        graph.PolicyType
	id, name string

	policy   *graph.Policy // nil unless it can be kept
	hash     backupset.Hash
	captured time.Time // zero when the file does not say

	status runs.ItemStatus // failed or skipped, without a policy
	reason runs.Reason
	err    error // tells nothing of the content
}

// failed notes that a file cannot be kept.
func (f found) failed(reason runs.Reason, err error) found {
	if len(f.name) > maxNameOf {
		f.name = strings.ToValidUTF8(f.name[:maxNameOf], "")
	}
	f.policy, f.status, f.reason, f.err = nil, runs.ItemFailed, reason, err
	return f
}

// contents is a file that was opened for import.
type contents struct {
	info Source
	n    int // how many times each calls yield at most

	// types is the account that the file gives of the set that it was, nil when it gives none.
	types   []TypeInfo
	partial bool // the set that it was lacked something

	// each reads the policies, in an order that is always the same. skip tells that one is
	// kept already; then it need not be read. An error ends it: of yield, an [unusable], or a
	// *storeError.
	each func(skip func(graph.PolicyType, string) bool, yield func(found) error) error

	// ignored counts, once each has ended, the files that belong to an export and are no
	// policies.
	ignored func() int
}

// Source is what an import was made from, as the file says.
type Source struct {
	Format   string         `json:"format"` // [Format], or "folder" for exported objects
	TenantID graph.TenantID `json:"tenant,omitempty"`
	SetID    runs.ID        `json:"backup_set,omitempty"`
	SetName  string         `json:"name,omitempty"`
	Revision int            `json:"revision,omitempty"`
}

const formatFolder = "folder"

// open finds out what a file is.
func (im *Importer) open(a *archive) (*contents, error) {
	if _, ok := a.files[manifestName]; ok {
		return im.openOwn(a)
	}
	return im.openFolder(a)
}

var (
	errNotObject    = errors.New("the file is not one well-formed JSON object")
	errNoID         = errors.New("the object has no id")
	errUnknownType  = errors.New("this installation does not capture policies of this type")
	errNotSame      = errors.New("the file is not the one that the manifest describes")
	errOtherContent = errors.New("the policy does not have the hash that the manifest gives")
	errShort        = errors.New("the object has fewer settings than it announces, or its settings are in a file that is missing")
	errRepeated     = errors.New("another file holds a policy with this id")
	errLongName     = errors.New("the name of the policy is too long")
	errTooMany      = errors.New("the object has more values than any policy")
	errNoObject     = errors.New("the file holds no exported object")
)

// wellFormed tells whether raw is one JSON object without what could be read in two ways:
// keys that are there twice, lone surrogates, nesting without end.
func (im *Importer) wellFormed(raw []byte) bool {
	if tooMany(raw) {
		return false
	}
	var err error
	im.scratch, err = im.canon.Append(im.scratch[:0], &graph.Policy{Raw: raw})
	return err == nil
}

// prepared hashes a policy and notes the secrets that it lacks.
func (im *Importer) prepared(f found, p *graph.Policy) found {
	switch {
	case len(p.Name) > maxNameOf:
		return f.failed(runs.ReasonInvalidPayload, errLongName)
	case tooMany(p.Raw) || slices.ContainsFunc(p.Parts, func(part graph.Part) bool { return tooMany(part.Raw) }):
		return f.failed(runs.ReasonInvalidPayload, errTooMany)
	}
	canonical, err := im.canon.Append(nil, p)
	if err != nil {
		return f.failed(runs.ReasonInvalidPayload, errNotObject)
	}
	if f.hash, err = im.canon.Hash(p); err != nil {
		return f.failed(runs.ReasonInvalidPayload, errNotObject)
	}
	if len(backupset.MaskedSecrets(canonical)) > 0 {
		p.Warnings = withWarning(p.Warnings, runs.ReasonSecretsMasked)
	}
	f.policy = p
	return f
}

func withWarning(list []string, code runs.Reason) []string {
	if slices.Contains(list, string(code)) {
		return list
	}
	return append(slices.Clone(list), string(code))
}

// tooMany tells whether JSON may have more values than any policy: to sort and to compare them
// takes some hundred bytes of memory for each.
func tooMany(raw []byte) bool { return bytes.Count(raw, []byte(",")) > 1_000_000 }

// isCode tells whether a text can be the code of a warning.
func isCode(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// maxMembers is how many properties an object has at most; policies have some hundred. What
// is decoded takes a multiple of the memory that its bytes take.
const maxMembers = 10_000

// members decodes the top level of an object.
func members(raw []byte) (map[string]json.RawMessage, bool) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, []byte(byteOrderMark))))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	props := map[string]json.RawMessage{}
	for d.More() && len(props) < maxMembers {
		var value json.RawMessage
		key, err := d.Token()
		if err != nil || d.Decode(&value) != nil {
			return nil, false
		}
		props[key.(string)] = value // Token gives nothing else inside an object
	}
	end, err := d.Token()
	return props, err == nil && end == json.Delim('}')
}

func stringOf(props map[string]json.RawMessage, key string) string {
	var s string
	if raw, ok := props[key]; !ok || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
