package transfer

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// ExportStore is what an [Exporter] needs of a backend.
type ExportStore interface {
	backupset.SetStore
	runs.AuditStore

	// GetRun is that of [runs.RunStore]: where an imported set comes from is known to its run.
	GetRun(ctx context.Context, tenant graph.TenantID, id runs.ID) (runs.Run, error)
}

// ExporterConfig configures an [Exporter].
type ExporterConfig struct {
	Store ExportStore // required
	Guard *runs.Guard // required; runs.Starter.Guard gives one

	// Catalogue is the one that captures use. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue
}

// Exporter writes backup sets as files. It is safe for concurrent use.
type Exporter struct {
	cfg ExporterConfig
}

// NewExporter checks the configuration and makes an Exporter.
func NewExporter(cfg ExporterConfig) (*Exporter, error) {
	var bad runs.InvalidError
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.Guard == nil {
		bad.Add("guard", "required", "is required; runs.Starter.Guard gives one")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if cfg.Catalogue == nil {
		cfg.Catalogue = graph.Catalog
	}
	return &Exporter{cfg}, nil
}

// ExportOptions say how to export.
type ExportOptions struct {
	// Secrets leaves the values of secrets in, which needs [runs.ActionExportSecrets].
	// Without it they are replaced by "[masked]".
	Secrets bool

	// Portal writes each policy as the admin portal imports it: one bare object with its
	// parts in it, without OData annotations, read-only properties and assignments.
	Portal bool
}

// Export is a set that is about to be written.
type Export struct {
	e       *Exporter
	tenant  graph.TenantID
	origin  backupset.Origin
	actor   runs.Actor
	set     backupset.BackupSet
	options ExportOptions
}

// Open authorises an export and reads which set it is. It fixes the revision: what is added
// to the set meanwhile is not exported. A set that is being built is ErrConflict, a deleted
// one ErrDeleted.
func (e *Exporter) Open(ctx context.Context, tenant graph.TenantID, actor runs.Actor, set runs.ID, o ExportOptions) (*Export, error) {
	target := runs.Target{Type: "backup_set", ID: set}
	if err := e.cfg.Guard.Allow(ctx, tenant, actor, runs.ActionSetExport, target); err != nil {
		return nil, err
	}
	if o.Secrets {
		if err := e.cfg.Guard.Allow(ctx, tenant, actor, runs.ActionExportSecrets, target); err != nil {
			return nil, err
		}
	}
	if !set.Valid() {
		return nil, runs.ErrNotFound
	}
	s, err := e.cfg.Store.GetSet(ctx, tenant, set)
	switch {
	case err != nil:
		return nil, err
	case s.Deleted():
		return nil, runs.ErrDeleted
	case s.Status == backupset.Building:
		return nil, runs.Conflict("set_building", "the backup set is still being built; wait for its run")
	}
	origin, err := backupset.ReadOrigin(ctx, e.cfg.Store, s)
	if err != nil {
		return nil, err
	}
	return &Export{e: e, tenant: tenant, origin: origin, actor: actor, set: s, options: o}, nil
}

// FileName proposes a name for the archive, of ASCII: not every client reads others in a header.
func (x *Export) FileName() string {
	ascii := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '_'
		}
		return r
	}, safeName(x.set.Name))
	return ascii + "-r" + strconv.Itoa(x.set.Revision) + ".zip"
}

// Write writes the archive and leaves an audit entry, also when it breaks off. An archive
// that broke off has no directory and cannot be opened.
func (x *Export) Write(ctx context.Context, w io.Writer) (Manifest, error) {
	m, err := x.write(ctx, w)
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	entry := x.e.cfg.Guard.Entry(x.tenant, x.actor, "backup_set.exported", runs.Target{Type: "backup_set", ID: x.set.ID}, outcome, map[string]string{
		"set_name": x.set.Name, "revision": strconv.Itoa(x.set.Revision), "items": strconv.Itoa(len(m.Items)),
		"secrets": strconv.FormatBool(x.options.Secrets), "portal": strconv.FormatBool(x.options.Portal),
	})
	if aerr := x.e.cfg.Store.AppendAudit(context.WithoutCancel(ctx), x.tenant, entry); aerr != nil && err == nil {
		err = fmt.Errorf("transfer: recording the export: %w", aerr)
	}
	return m, err
}

const exportPage = 200

func (x *Export) write(ctx context.Context, w io.Writer) (Manifest, error) {
	m := Manifest{
		Format: Format, Version: FormatVersion, Portal: x.options.Portal, SecretsMasked: !x.options.Secrets, Items: []Entry{},
		HashVersion: backupset.CanonicalVersion,
		Set: SetInfo{
			ID: x.set.ID, TenantID: x.origin.TenantID, Name: x.set.Name, Status: x.set.Status, Revision: x.set.Revision,
			CreatedAt: x.set.CreatedAt, Types: []TypeInfo{},
		},
	}
	for _, t := range x.set.Types {
		m.Set.Types = append(m.Set.Types, TypeInfo{
			Type: t.Type, Listed: t.Listed, Captured: t.Captured, Failed: t.Failed, Skipped: t.Skipped, Forbidden: t.Forbidden, Complete: t.Complete,
		})
	}
	z := zip.NewWriter(w)
	slice := runs.Slice{Limit: exportPage}
	for {
		items, err := x.e.cfg.Store.ListSetItems(ctx, x.tenant, x.set.ID, backupset.SetItemFilter{Revision: x.set.Revision}, slice)
		if err != nil {
			return m, fmt.Errorf("transfer: reading the set: %w", err)
		}
		for i := range items[:min(len(items), exportPage)] {
			entry, err := x.item(ctx, z, &items[i])
			if err != nil {
				return m, fmt.Errorf("transfer: exporting item %s: %w", items[i].ID, err)
			}
			m.Items = append(m.Items, entry)
			slice.After = runs.Keyset{ID: items[i].ID}
		}
		if len(items) <= exportPage {
			break
		}
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, fmt.Errorf("transfer: %w", err)
	}
	if err := store(z, manifestName, x.set.CreatedAt, raw); err != nil {
		return m, err
	}
	if err := z.Close(); err != nil {
		return m, fmt.Errorf("transfer: writing: %w", err)
	}
	return m, nil
}

func (x *Export) item(ctx context.Context, z *zip.Writer, item *backupset.Item) (Entry, error) {
	entry := Entry{
		ItemID: item.ID, PolicyType: item.Type, PolicyID: item.ExternalID, Name: item.Name, Hash: item.Hash, CapturedAt: item.CapturedAt,
		File: "policies/" + safeName(string(item.Type)) + "/" + safeName(item.Name) + "_" + string(item.ID) + ".json",
	}
	payload, err := x.e.cfg.Store.Payload(ctx, x.tenant, item.VersionID)
	if err != nil {
		return entry, err
	}
	p, err := backupset.Decode(payload)
	if err != nil {
		return entry, err
	}
	if !x.options.Secrets {
		if p, entry.Masked, err = masked(p); err != nil {
			return entry, err
		}
	}
	var raw []byte
	if x.options.Portal {
		raw, err = x.bare(&p)
	} else {
		raw, err = encodeFile(&p)
	}
	if err != nil {
		return entry, err
	}
	entry.Size, entry.SHA256 = int64(len(raw)), sum(raw)
	return entry, store(z, entry.File, item.CapturedAt, raw)
}

// masked takes the secrets out of a policy.
func masked(p graph.Policy) (graph.Policy, bool, error) {
	raw, found, err := backupset.Mask(p.Raw)
	if err != nil {
		return p, false, err
	}
	p.Raw = raw
	parts := make([]graph.Part, len(p.Parts))
	for i, part := range p.Parts {
		raw, hidden, err := backupset.Mask(part.Raw)
		if err != nil {
			return p, false, err
		}
		parts[i], found = graph.Part{Name: part.Name, Raw: raw}, found || hidden
	}
	p.Parts = parts
	return p, found, nil
}

// encodeFile writes a policy as a [File]. The raw bytes go in as they are, which
// encoding/json would compact.
func encodeFile(p *graph.Policy) ([]byte, error) {
	var b bytes.Buffer
	field := func(before, key string, v any) error {
		raw, err := json.Marshal(v)
		b.WriteString(before + `"` + key + `":`)
		b.Write(raw)
		return err
	}
	value := func(before string, raw []byte) error {
		lead, value, trail := around(raw)
		b.WriteString(before + `"raw":`)
		b.Write(value)
		var err error
		if lead != "" {
			err = field(",", "before_raw", lead)
		}
		if trail != "" && err == nil {
			err = field(",", "after_raw", trail)
		}
		return err
	}
	err := errors.Join(field("{", "type", p.Type), field(",\n", "id", p.ID), field(",\n", "name", p.Name),
		field(",\n", "odata_type", p.ODataType), value(",\n", p.Raw))
	b.WriteString(",\n\"parts\":[")
	before := "\n{"
	for _, part := range p.Parts {
		err = errors.Join(err, field(before, "name", part.Name), value(",", part.Raw))
		b.WriteByte('}')
		before = ",\n{"
	}
	b.WriteByte(']')
	err = errors.Join(err, field(",\n", "references", p.References), field(",\n", "warnings", p.Warnings))
	b.WriteString("}\n")
	return b.Bytes(), err
}

const byteOrderMark = "\ufeff"

// around splits a JSON value from what stands around it.
func around(raw []byte) (before string, value []byte, after string) {
	const space = byteOrderMark + " \t\r\n"
	value = bytes.TrimLeft(raw, space)
	before = string(raw[:len(raw)-len(value)])
	trimmed := bytes.TrimRight(value, " \t\r\n")
	return before, trimmed, string(value[len(trimmed):])
}

// bare writes a policy as the admin portal imports it.
func (x *Export) bare(p *graph.Policy) ([]byte, error) {
	object, err := p.Decode()
	if err != nil {
		return nil, err
	}
	if info, ok := x.e.cfg.Catalogue.Lookup(p.Type); ok {
		info.StripReadOnly(object, false)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(object); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func store(z *zip.Writer, name string, at time.Time, data []byte) error {
	f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at.UTC()})
	if err == nil {
		_, err = f.Write(data)
	}
	if err != nil {
		return fmt.Errorf("transfer: writing: %w", err)
	}
	return nil
}

// maxFileName bounds what a policy's name gives to that of its file, in bytes.
const maxFileName = 80

// safeName makes a name of a file that every system takes, of letters of any script: what Windows
// refuses in names, control characters and what turns the direction of text are an underscore
// each. The zip marks names that are not ASCII as UTF-8.
func safeName(name string) string {
	safe := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || strings.ContainsRune(`<>:"/\|?*`, r) || unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == '\ufeff' {
			return '_'
		}
		return r
	}, name)
	end := min(len(safe), maxFileName)
	for end < len(safe) && !utf8.RuneStart(safe[end]) {
		end--
	}
	safe = strings.Trim(safe[:end], ". ")
	if safe == "" {
		return "policy"
	}
	return safe
}
