package bunstore

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// setItemRow is one policy within a set. What its policy and its version know is not
// repeated: they cannot go while the item refers to them.
type setItemRow struct {
	TenantID                       ident
	SetID, ID, PolicyID, VersionID uid
	Name                           optional // where it differs from the version's
	CapturedAt                     ts
	Warnings                       text
	Revision                       num // of the set when the item came, 0 for the first
}

var setItemsTable = &table{name: "backup_items", key: 3, added: 1, folded: 1, columns: []string{
	"tenant_id", "set_id", "id", "policy_id", "version_id", "name", "captured_at", "warnings", "revision",
}}

func (*setItemRow) table() *table { return setItemsTable }

func (r *setItemRow) columns() []column {
	return []column{&r.TenantID, &r.SetID, &r.ID, &r.PolicyID, &r.VersionID, &r.Name, &r.CapturedAt, &r.Warnings, &r.Revision}
}

// named sets the name that the item was captured under.
func (r *setItemRow) named(name string, v *versionRow) {
	r.Name = optional{}
	if name != string(v.Name) {
		r.Name = optional{text: name, set: true}
	}
}

// wholeItem is an item with what its policy and version know.
type wholeItem struct {
	setItemRow
	policyType  text
	externalID  ident
	versionName text
	hash        digest
}

func (w *wholeItem) name() string {
	if w.Name.set {
		return w.Name.text
	}
	return string(w.versionName)
}

func (w *wholeItem) item() (backupset.Item, error) {
	item := backupset.Item{
		ID: w.ID.id(), SetID: w.SetID.id(), PolicyID: w.PolicyID.id(), VersionID: w.VersionID.id(),
		Type: graph.PolicyType(w.policyType), ExternalID: string(w.externalID), Name: w.name(),
		Hash: backupset.Hash(w.hash), CapturedAt: w.CapturedAt.time(),
		Revision: max(1, int(w.Revision)),
	}
	return item, fromJSON(&w.setItemRow, w.Warnings, &item.Warnings)
}

// setItems returns the items that tail selects, t, with their policy p and version v. The
// cross joins fix the order of looking: items first.
func (s *Store) setItems(ctx context.Context, q querier, tail string, args ...any) ([]wholeItem, error) {
	var w wholeItem
	var list []wholeItem
	err := s.each(ctx, q, &w.setItemRow, []column{&w.policyType, &w.externalID, &w.versionName, &w.hash}, func() error {
		list = append(list, w)
		return nil
	}, s.sql("SELECT "+setItemsTable.selectList()+`, p.type, p.external_id, v.name, v.hash
		FROM {backup_items} AS t
		`+s.dialect.join()+` {policies} AS p ON p.tenant_id = t.tenant_id AND p.id = t.policy_id
		`+s.dialect.join()+` {policy_versions} AS v ON v.tenant_id = t.tenant_id AND v.id = t.version_id `+tail), args...)
	if err != nil {
		return nil, fmt.Errorf("store: reading %s: %w", setItemsTable.name, err)
	}
	return list, nil
}
