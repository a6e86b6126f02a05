package transfer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// openOwn opens an archive that an [Exporter] wrote. Whatever is wrong with the archive as a
// whole is found here, before anything is kept; what is wrong with one policy is found in
// reading it, and fails that policy.
func (im *Importer) openOwn(a *archive) (*contents, error) {
	m, err := im.readManifest(a)
	if err != nil {
		return nil, err
	}
	if err := m.check(a); err != nil {
		return nil, err
	}
	c := &contents{
		n: len(m.Items), types: m.Set.Types, partial: m.Set.Status != backupset.Complete,
		info:    Source{Format: Format, TenantID: m.Set.TenantID, SetID: m.Set.ID, SetName: m.Set.Name, Revision: m.Set.Revision},
		ignored: func() int { return 0 },
	}
	c.each = func(skip func(graph.PolicyType, string) bool, yield func(found) error) error {
		for i := range m.Items {
			e := &m.Items[i]
			if skip(e.PolicyType, e.PolicyID) {
				continue
			}
			f, err := im.entry(a, &m, e)
			if err == nil {
				err = yield(f)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return c, nil
}

func (im *Importer) readManifest(a *archive) (Manifest, error) {
	var m Manifest
	raw, err := a.content(manifestName)
	if err == errEntry {
		return m, refuse("%s is damaged", manifestName)
	}
	if err != nil {
		return m, err
	}
	if bytes.Count(raw, []byte("{")) > 1000+4*im.cfg.Limits.Entries { // each would take memory before it could be counted
		return m, refuse("%s has more than %d entries", manifestName, im.cfg.Limits.Entries)
	}
	if !im.wellFormed(raw) || json.Unmarshal(bytes.TrimPrefix(raw, []byte(byteOrderMark)), &m) != nil {
		// What a manifest of another program holds need not fit: its format says more.
		var head struct{ Format any }
		_ = json.Unmarshal(raw, &head)
		if head.Format != Format {
			return m, refuse("%s is not that of an exported backup set", manifestName)
		}
		return m, refuse("%s is not well-formed", manifestName)
	}
	switch {
	case m.Format != Format:
		return m, refuse("%s is not that of an exported backup set", manifestName)
	case m.Version != FormatVersion:
		return m, refuse("the archive is of version %d of the format, and this program reads version %d", m.Version, FormatVersion)
	case m.Portal:
		return m, refuse("the archive was exported for the admin portal and lacks what an import needs; export the backup set without that")
	}
	return m, nil
}

// maxSourceText bounds what a manifest may call a tenant or a set, in bytes: runs keep it.
const maxSourceText = 2000

// maxCount bounds what a manifest may say of a type, so that sums stay small.
const maxCount = 1 << 24

// check compares the manifest with itself and with the archive.
func (m *Manifest) check(a *archive) error {
	if m.Set.TenantID != "" && !printable(string(m.Set.TenantID), maxSourceText) || m.Set.Name != "" && !printable(m.Set.Name, maxSourceText) {
		return refuse("%s has a tenant or a name of a backup set that is none", manifestName)
	}
	listed := map[string]bool{manifestName: true}
	known := map[policyKey]bool{}
	captured := map[graph.PolicyType]int{}
	for i, e := range m.Items {
		switch {
		case !printable(string(e.PolicyType), 100) || !printable(e.PolicyID, 300):
			return refuse("entry %d of the manifest does not say of which policy it is", i)
		case known[policyKey{e.PolicyType, e.PolicyID}]:
			return refuse("entry %d of the manifest is of the same policy as another one", i)
		case listed[e.File]:
			return refuse("entry %d of the manifest names the same file as another one", i)
		case a.files[e.File] == nil:
			return refuse("file %.100q of the manifest is missing", e.File)
		}
		known[policyKey{e.PolicyType, e.PolicyID}], listed[e.File] = true, true
		captured[e.PolicyType]++
	}
	for _, name := range a.names {
		if !listed[name] {
			return refuse("file %.100q is not in the manifest", name)
		}
	}
	for i, t := range m.Set.Types {
		n, there := captured[t.Type]
		switch {
		case !printable(string(t.Type), 100) || min(t.Listed, t.Captured, t.Failed, t.Skipped) < 0 || max(t.Listed, t.Failed, t.Skipped) > maxCount,
			t.Captured != n, slices.ContainsFunc(m.Set.Types[:i], func(o TypeInfo) bool { return o.Type == t.Type }):
			return refuse("the account of type %d in the manifest does not fit its entries", i)
		}
		if there {
			delete(captured, t.Type)
		}
	}
	if len(captured) > 0 {
		return refuse("the manifest has no account of type %.100q", slices.Min(slices.Collect(maps.Keys(captured))))
	}
	return nil
}

// printable tells whether a text can be an id or a type: short, and of characters that every
// store keeps.
func printable(s string, longest int) bool {
	return s != "" && len(s) <= longest && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// entry reads one policy of an archive.
func (im *Importer) entry(a *archive, m *Manifest, e *Entry) (found, error) {
	f := found{t: e.PolicyType, id: e.PolicyID, name: e.Name, captured: e.CapturedAt}
	if _, ok := im.classes.capturable(e.PolicyType); !ok {
		return f.failed(runs.ReasonUnsupportedType, errUnknownType), nil
	}
	raw, err := a.content(e.File)
	if err == errEntry {
		return f.failed(runs.ReasonInvalidPayload, errEntry), nil
	}
	if err != nil {
		return f, err
	}
	if int64(len(raw)) != e.Size || sum(raw) != e.SHA256 {
		return f.failed(runs.ReasonInvalidPayload, errNotSame), nil
	}
	p, ok := im.decodeFile(raw)
	if !ok {
		return f.failed(runs.ReasonInvalidPayload, errNotObject), nil
	}
	if p.Type != e.PolicyType || p.ID != e.PolicyID {
		return f.failed(runs.ReasonInvalidPayload, errNotSame), nil
	}
	f = im.prepared(f, p)
	switch {
	case f.policy == nil:
	case e.Masked:
		p.Warnings = withWarning(p.Warnings, runs.ReasonSecretsMasked)
	case m.HashVersion == backupset.CanonicalVersion:
		if same, err := im.canon.Matches(p, e.Hash); err != nil || !same {
			return f.failed(runs.ReasonInvalidPayload, errOtherContent), nil
		}
	}
	return f, nil
}

func sum(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// decodeFile reads a [File]. The raw bytes come back as they were captured.
func (im *Importer) decodeFile(raw []byte) (*graph.Policy, bool) {
	var file File
	if !im.wellFormed(raw) || json.Unmarshal(raw, &file) != nil {
		return nil, false
	}
	whole := func(before string, value json.RawMessage, after string) (json.RawMessage, bool) {
		const space = " \t\r\n"
		if strings.Trim(before, byteOrderMark+space) != "" || strings.Trim(after, space) != "" {
			return nil, false
		}
		return slices.Concat([]byte(before), value, []byte(after)), true
	}
	p := &graph.Policy{
		Type: file.Type, ID: file.ID, Name: file.Name, ODataType: file.ODataType, References: file.References, Warnings: file.Warnings,
	}
	p.Warnings = slices.DeleteFunc(p.Warnings, func(w string) bool { return !isCode(w) }) // they are shown in lists
	if slices.ContainsFunc(p.References, func(r graph.Reference) bool {
		return max(len(r.Kind), len(r.ID), len(r.Name), len(r.Rule)) > maxNameOf
	}) {
		return nil, false
	}
	var ok bool
	if p.Raw, ok = whole(file.Before, file.Raw, file.After); !ok {
		return nil, false
	}
	names := map[string]bool{}
	for _, part := range file.Parts {
		value, ok := whole(part.Before, part.Raw, part.After)
		if !ok || names[part.Name] {
			return nil, false
		}
		names[part.Name] = true
		p.Parts = append(p.Parts, graph.Part{Name: part.Name, Raw: value})
	}
	return p, true
}
