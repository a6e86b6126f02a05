package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// How much of a captured policy a page shows, in bytes as they are sent; the rest is in the
// download.
const (
	shownPerPart = 60_000
	shownInAll   = 120_000
	shownRefs    = 100
)

// capturedData is a captured policy as a person reads it.
type capturedData struct {
	Set     backupset.BackupSet // of an item; none for a version
	Item    runs.ID
	Policy  runs.ID // the inventory's
	Version backupset.PolicyVersion

	Holders     []holder // the backup sets that hold the version
	MoreHolders bool
	Fixed       string // why the type cannot be written back; empty when it can

	Type       graph.PolicyType
	Name       string
	ExternalID string
	ODataType  string
	CapturedAt time.Time
	Hash       string
	Warnings   []string
	References []graph.Reference
	MoreRefs   int
	Parts      []partView
	Masked     bool // some secrets are not shown
	Cut        bool // not everything is shown
}

// NeverShown tells that Graph kept secrets to itself, so that nobody has them.
func (d capturedData) NeverShown() bool {
	return slices.Contains(d.Warnings, graph.WarningSecretsMasked)
}

// holder is a backup set that holds a version of a policy.
type holder struct {
	backupset.BackupSet
	Restore string // where to restore it from there; empty for who may not
}

// partView is a part of a captured policy.
type partView struct {
	Title string
	Size  string
	Text  string
	Open  bool
	Cut   bool
}

// item finds a policy of a set and reads what was captured of it.
func (v *visit) item() (capturedData, graph.Policy, error) {
	var d capturedData
	set, err := v.cfg.Archive.Get(v.ctx(), v.tenant, v.actor, v.id())
	if err != nil {
		return d, graph.Policy{}, err
	}
	id := runs.ID(v.req.PathValue("item"))
	if !id.Valid() {
		return d, graph.Policy{}, runs.ErrNotFound
	}
	found, err := v.cfg.Archive.Items(v.ctx(), v.tenant, v.actor, set.ID, backupset.SetItemFilter{IDs: []runs.ID{id}}, runs.PageRequest{Limit: 1})
	if err == nil && len(found.Items) == 0 {
		err = runs.ErrNotFound
	}
	if err != nil {
		return d, graph.Policy{}, err
	}
	item := found.Items[0]
	d = capturedData{Set: set, Item: item.ID, Policy: item.PolicyID, CapturedAt: item.CapturedAt, Hash: item.Hash.String(), Warnings: item.Warnings}
	d.Version.ID = item.VersionID
	p, err := v.cfg.Archive.Content(v.ctx(), v.tenant, v.actor, item.VersionID)
	d.Name = item.Name
	return d, p, err
}

// version finds a version of a policy and reads what was captured of it.
func (v *visit) version() (capturedData, graph.Policy, error) {
	var d capturedData
	id := runs.ID(v.req.PathValue("version"))
	list, err := v.versions(v.id())
	at := slices.IndexFunc(list, func(p backupset.PolicyVersion) bool { return p.ID == id })
	if err == nil && at < 0 {
		err = runs.ErrNotFound
	}
	if err != nil {
		return d, graph.Policy{}, err
	}
	version := list[at]
	d = capturedData{Policy: version.PolicyID, Version: version, Name: version.Name, CapturedAt: version.CapturedAt, Hash: version.Hash.String()}
	p, err := v.cfg.Archive.Content(v.ctx(), v.tenant, v.actor, version.ID)
	d.Warnings = p.Warnings
	return d, p, err
}

// heldBy finds the backup sets that hold a version, so that it can be restored from one of them.
func (v *visit) heldBy(d *capturedData) error {
	policy, err := v.cfg.Archive.Policy(v.ctx(), v.tenant, v.actor, d.Policy)
	if err != nil {
		return err
	}
	sets, more, err := v.holders(d.Policy, d.Version.ID, holdersShown)
	for _, s := range sets {
		d.Holders = append(d.Holders, holder{s, v.wizard(s.ID, policy)})
	}
	d.MoreHolders, d.Fixed = more, v.notRestorable(policy.Type)
	return err
}

func showItem(v *visit) (answer, error) {
	d, p, err := v.item()
	if err != nil {
		return nil, err
	}
	return d.page(p, "sets")
}

func showVersion(v *visit) (answer, error) {
	d, p, err := v.version()
	if err == nil {
		err = v.heldBy(&d)
	}
	if err != nil {
		return nil, err
	}
	return d.page(p, "policies")
}

func (d capturedData) page(p graph.Policy, section string) (answer, error) {
	d.Type, d.ExternalID, d.ODataType = p.Type, p.ID, p.ODataType
	d.References = p.References
	if len(d.References) > shownRefs {
		d.References, d.MoreRefs = d.References[:shownRefs], len(d.References)-shownRefs
	}
	budget := shownInAll
	if err := d.part("The policy itself", p.Raw, &budget); err != nil {
		return nil, err
	}
	d.Parts[0].Open = true
	for _, part := range p.Parts {
		if err := d.part(part.Name, part.Raw, &budget); err != nil {
			return nil, err
		}
	}
	return page{template: "captured", title: titled(wholeName(d.Name, d.ExternalID)), section: section, data: d}, nil
}

// part shows one part: without secrets, indented, each number as it was written, and cut where
// the page would get too large.
func (d *capturedData) part(title string, raw json.RawMessage, budget *int) error {
	masked, any, err := backupset.Mask(raw)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimPrefix(masked, []byte("\xef\xbb\xbf")), "", "  "); err != nil {
		return fmt.Errorf("%w: it is not JSON", backupset.ErrDamaged)
	}
	pv := partView{Title: visible(title), Size: sizeWords(raw)}
	pv.Text, pv.Cut = cutEscaped(visible(strings.TrimSpace(out.String())), min(*budget, shownPerPart))
	*budget -= len(template.HTMLEscapeString(pv.Text))
	d.Masked, d.Cut = d.Masked || any, d.Cut || pv.Cut
	d.Parts = append(d.Parts, pv)
	return nil
}

// sizeWords is how much a value holds: entries of a list, bytes of all else.
func sizeWords(raw json.RawMessage) string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && list != nil {
		return count(len(list), "entry", "entries")
	}
	return byteWords(int64(len(raw)))
}

// cutEscaped cuts a text after the last line that fits into so many bytes of HTML.
func cutEscaped(s string, most int) (shown string, cut bool) {
	if len(s) <= most/6 || len(template.HTMLEscapeString(s)) <= most { // no character becomes longer than five times its size
		return s, false
	}
	var b strings.Builder
	for line := range strings.Lines(s) {
		if most -= len(template.HTMLEscapeString(line)); most < 0 {
			return b.String(), true
		}
		b.WriteString(line)
	}
	return b.String(), true
}

func downloadItem(v *visit) (answer, error) {
	d, p, err := v.item()
	if err != nil {
		return nil, err
	}
	return maskedJSON(d.Name, p)
}

func downloadVersion(v *visit) (answer, error) {
	d, p, err := v.version()
	if err != nil {
		return nil, err
	}
	return maskedJSON(d.Name, p)
}

// maskedJSON is a captured policy as a file, without its secrets: the object and each part as they
// were captured.
func maskedJSON(name string, p graph.Policy) (answer, error) {
	type part struct {
		Name string          `json:"name"`
		Raw  json.RawMessage `json:"raw"`
	}
	content := struct {
		Type   graph.PolicyType `json:"type"`
		ID     string           `json:"id"`
		Name   string           `json:"name"`
		Masked bool             `json:"secrets_masked"`
		Raw    json.RawMessage  `json:"raw"`
		Parts  []part           `json:"parts"`
	}{Type: p.Type, ID: p.ID, Name: p.Name, Parts: []part{}}
	mask := func(raw json.RawMessage) (json.RawMessage, error) {
		masked, any, err := backupset.Mask(raw)
		content.Masked = content.Masked || any
		return bytes.TrimPrefix(masked, []byte("\xef\xbb\xbf")), err
	}
	var err error
	if content.Raw, err = mask(p.Raw); err != nil {
		return nil, err
	}
	for _, x := range p.Parts {
		raw, err := mask(x.Raw)
		if err != nil {
			return nil, err
		}
		content.Parts = append(content.Parts, part{x.Name, raw})
	}
	return file{name: name + ".json", contentType: "application/json", content: func(_ context.Context, w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(content)
	}}, nil
}
