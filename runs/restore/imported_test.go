package restore_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// exported is the archive of a set, with what edit makes of its manifest.
func (w *world) exported(tenant graph.TenantID, set runs.ID, edit func([]byte) []byte) []byte {
	w.t.Helper()
	exporter, err := transfer.NewExporter(transfer.ExporterConfig{Store: w.Store, Guard: w.starter.Guard(), Catalogue: w.opts.Catalogue})
	w.ok(err)
	export, err := exporter.Open(w.t.Context(), tenant, rig.Owner, set, transfer.ExportOptions{Secrets: true})
	w.ok(err)
	var whole, edited bytes.Buffer
	_, err = export.Write(w.t.Context(), &whole)
	w.ok(err)
	from, err := zip.NewReader(bytes.NewReader(whole.Bytes()), int64(whole.Len()))
	w.ok(err)
	to := zip.NewWriter(&edited)
	for _, f := range from.File {
		r, err := f.Open()
		w.ok(err)
		raw, err := io.ReadAll(r)
		w.ok(err)
		if f.Name == "manifest.json" && edit != nil {
			raw = edit(raw)
		}
		out, err := to.Create(f.Name)
		w.ok(err)
		_, err = out.Write(raw)
		w.ok(err)
	}
	w.ok(to.Close())
	return edited.Bytes()
}

// imported imports an archive into the second tenant.
func (w *world) imported(archive []byte) backupset.BackupSet {
	w.t.Helper()
	return w.importedInto(fabrikam, archive)
}

func (w *world) importedInto(tenant graph.TenantID, archive []byte) backupset.BackupSet {
	w.t.Helper()
	up, err := transfer.NewUploader(transfer.UploaderConfig{Store: w.Store, Guard: w.starter.Guard(), Clock: w.Clock})
	w.ok(err)
	u, err := up.Receive(w.t.Context(), tenant, rig.Owner, bytes.NewReader(archive))
	w.ok(err)
	run := w.do(tenant, transfer.ImportRequest(u, ""))
	if run.Status != runs.StatusSuccess {
		w.t.Fatalf("the import is %s: %s", run.Status, run.ErrorMessage)
	}
	set, err := w.Store.GetSet(w.t.Context(), tenant, run.BackupSetID)
	w.ok(err)
	return set
}

// origin is what people are told of where a set of the second tenant comes from.
func (w *world) origin(set backupset.BackupSet) backupset.Origin {
	w.t.Helper()
	archive, err := backupset.NewArchive(backupset.ArchiveConfig{Store: w.Store, Guard: w.starter.Guard(), Catalogue: w.opts.Catalogue})
	w.ok(err)
	origins, err := archive.Origins(w.t.Context(), fabrikam, rig.Owner, set)
	w.ok(err)
	return origins[set.ID]
}

// nameless takes the tenant out of a manifest.
func nameless(manifest []byte) []byte {
	return bytes.Replace(manifest, []byte(`"tenant": "`+string(rig.Tenant)+`"`), []byte(`"tenant": ""`), 1)
}

// theSecond says that the second tenant exported the set.
func theSecond(manifest []byte) []byte {
	return bytes.Replace(manifest, []byte(`"tenant": "`+string(rig.Tenant)+`"`), []byte(`"tenant": "`+string(fabrikam)+`"`), 1)
}

const guid = "6f9619ff-8b86-4011-b42d-00cf4fc964ff"

// TestTheIdsOfAnImportedSetAreThoseOfTheTenantThatItsFileNames: number 1 is another gadget in each
// tenant, as scope tags are, and a GUID is the same object wherever it is.
func TestTheIdsOfAnImportedSetAreThoseOfTheTenantThatItsFileNames(t *testing.T) {
	byNames := map[string]string{"1": "unchanged 2", "2": "unchanged 1", "w": "unchanged v", guid: "change " + guid}
	for _, c := range []struct {
		name   string
		edit   func([]byte) []byte
		origin backupset.Origin
		want   map[string]string
		gadget string // what the widget that is made refers to
	}{
		{"another tenant", nil, backupset.Origin{Imported: true, TenantID: rig.Tenant, SetName: "Before"}, byNames, "2"},
		{"none", nameless, backupset.Origin{Imported: true, SetName: "Before"}, byNames, "2"},
		{"the target", theSecond, backupset.Origin{Imported: true, TenantID: fabrikam, SetName: "Before"}, map[string]string{
			"1": "change 1", "2": "change 2", "w": "change v", guid: "change " + guid,
		}, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
			w.empty(2)
			w.put(rig.Tenant, "gadget", `{"id":"1","displayName":"North"}`)
			w.put(rig.Tenant, "gadget", `{"id":"2","displayName":"South"}`)
			w.put(rig.Tenant, "gadget", `{"id":"`+guid+`","displayName":"West"}`)
			captured := w.put(rig.Tenant, "widget", widget("w", "W", `"gadget":"1"`))
			captured.References = []graph.Reference{{Kind: "gadget", ID: "1", Name: "North"}}
			w.ok(w.Graph.Put(rig.Tenant, captured))
			archive := w.exported(rig.Tenant, w.backup(), c.edit)
			w.put(fabrikam, "gadget", `{"id":"1","displayName":"South"}`)
			w.put(fabrikam, "gadget", `{"id":"2","displayName":"North"}`)
			w.put(fabrikam, "gadget", `{"id":"`+guid+`","displayName":"Far west"}`)
			w.put(fabrikam, "widget", widget("v", "W", `"gadget":"2"`))
			set := w.imported(archive)
			if d := cmp.Diff(c.origin, w.origin(set)); d != "" {
				t.Errorf("origin (-want +got):\n%s", d)
			}
			_, items := w.preview(fabrikam, set.ID, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}})
			got := map[string]string{}
			for id, i := range items {
				got[id] = string(i.Action) + " " + i.TargetID
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("preview (-want +got):\n%s", d)
			}
			w.ok(w.Graph.Delete(fabrikam, "widget", "v"))
			p := restore.PreviewParams{ItemIDs: []runs.ID{items["w"].ItemID}}
			made := w.outcomes(fabrikam, w.execute(fabrikam, w.previewRun(fabrikam, set.ID, p).ID).ID)["w"]
			if live, err := w.Graph.Get(t.Context(), fabrikam, "widget", []string{made.TargetID}); err != nil || !bytes.Contains(live[0].Policy.Raw, []byte(`"gadget":"`+c.gadget+`"`)) {
				t.Errorf("made: %+v, now %+v, %v; it should refer to %s", made, live, err, c.gadget)
			}
			// An export of it says no more than the file did.
			again := w.imported(w.exported(fabrikam, set.ID, nil))
			if d := cmp.Diff(c.origin.TenantID, w.origin(again).TenantID); d != "" {
				t.Errorf("origin of what was exported and imported again (-want +got):\n%s", d)
			}
		})
	}
}

// TestWhatWasRestoredFromAFileIsKnownAgain by what restores noted of its tenant, also from another
// file of that. Two files that name no tenant may be of different ones.
func TestWhatWasRestoredFromAFileIsKnownAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		edit    func([]byte) []byte
		another restore.Action
	}{{"another tenant", nil, restore.Change}, {"none", nameless, restore.Create}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
			w.empty(2)
			w.put(rig.Tenant, "gadget", `{"id":"1","displayName":"North"}`)
			archive := w.exported(rig.Tenant, w.backup(), c.edit)
			set := w.imported(archive)
			p := restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}}
			made := w.outcomes(fabrikam, w.execute(fabrikam, w.previewRun(fabrikam, set.ID, p).ID).ID)["1"].TargetID
			if made == "" {
				t.Fatal("nothing was made")
			}
			w.put(fabrikam, "gadget", `{"id":"`+made+`","displayName":"Renamed"}`)
			if _, items := w.preview(fabrikam, set.ID, p); items["1"].Action != restore.Change || items["1"].TargetID != made {
				t.Errorf("from the same set: %+v, want a change of %s", items["1"], made)
			}
			if _, items := w.preview(fabrikam, w.imported(archive).ID, p); items["1"].Action != c.another {
				t.Errorf("from another import of the file: %+v, want %s", items["1"], c.another)
			}
		})
	}
}

// TestOfAnImportThatDidNotComeToItsEndNothingIsKnown, so its ids are nobody's.
func TestOfAnImportThatDidNotComeToItsEndNothingIsKnown(t *testing.T) {
	set := backupset.BackupSet{ID: "s", TenantID: fabrikam}
	for _, summary := range []string{"", "{}", `{"source":{}}`, `{"source":[]}`, `{"source":{"tenant":7}}`, "what is this"} {
		got := backupset.OriginOf(set, runs.Run{Kind: runs.KindSetImport, Summary: []byte(summary)})
		if d := cmp.Diff(backupset.Origin{Imported: true}, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", summary, d)
		}
	}
	set.ScheduleID = "x"
	for _, got := range []backupset.Origin{backupset.OriginOf(set, runs.Run{}), backupset.OriginOf(set, runs.Run{Kind: runs.KindBackup})} {
		if d := cmp.Diff(backupset.Origin{TenantID: fabrikam}, got); d != "" {
			t.Errorf("captured (-want +got):\n%s", d)
		}
	}
}

// TestAFileThatNamesNoTenantMayHoldWhatIsTheTenantsOwn: what restores noted of its GUIDs counts, and
// is not forgotten for a restore from the file.
func TestAFileThatNamesNoTenantMayHoldWhatIsTheTenantsOwn(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.put(rig.Tenant, "gadget", `{"id":"`+guid+`","displayName":"West"}`)
	w.put(rig.Tenant, "gadget", `{"id":"7","displayName":"Renamed"}`)
	p := restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}}
	first := w.backup()
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", guid))
	made := w.outcomes(rig.Tenant, w.execute(rig.Tenant, w.previewRun(rig.Tenant, first, p).ID).ID)[guid].TargetID
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", "7"))
	if made == "" || made == guid {
		t.Fatalf("the object that was made is %q", made)
	}
	w.put(rig.Tenant, "gadget", `{"id":"`+made+`","displayName":"Renamed"}`)
	file := w.importedInto(rig.Tenant, w.exported(rig.Tenant, first, nameless))
	_, items := w.preview(rig.Tenant, file.ID, p)
	if items[guid].Action != restore.Change || items[guid].TargetID != made {
		t.Errorf("from the file: %+v, want a change of %s", items[guid], made)
	}
	if items["7"].Action != restore.Create { // the object of its name is that of the other
		t.Errorf("from the file: %+v, want to make it", items["7"])
	}
	if got := w.drift(file.ID); got[guid] != [2]string{"change", made} || got["7"][0] != "removed" || len(got) != 2 {
		t.Errorf("the drift from the file is %v", got)
	}
	// The new object is restored in place, from a file that has it.
	second := w.importedInto(rig.Tenant, w.exported(rig.Tenant, w.backup(), nameless))
	w.put(rig.Tenant, "gadget", `{"id":"`+made+`","displayName":"Renamed again"}`)
	if got := w.outcomes(rig.Tenant, w.execute(rig.Tenant, w.previewRun(rig.Tenant, second.ID, p).ID).ID)[made]; got.TargetID != made {
		t.Errorf("restored in place: %+v", got)
	}
	if got := w.drift(first); got[guid] != [2]string{"change", made} || got["7"][0] != "removed" || len(got) != 2 {
		t.Errorf("the drift from the tenant's own set is %v, want the same object, changed", got)
	}
}

// older is a store whose previews were made when nobody asked whose ids a set has.
type older struct{ restore.RequestsStore }

func (o older) GetRun(ctx context.Context, tenant graph.TenantID, id runs.ID) (runs.Run, error) {
	run, err := o.RequestsStore.GetRun(ctx, tenant, id)
	if run.Kind == runs.KindRestorePreview {
		run.Params = bytes.ReplaceAll(run.Params, []byte(`"origin"`), []byte(`"unknown"`))
	}
	return run, err
}

// TestAPreviewThatTookTheIdsForOthersIsNotRestored: what it matched by them may be other objects.
func TestAPreviewThatTookTheIdsForOthersIsNotRestored(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.empty(2)
	w.put(rig.Tenant, "gadget", `{"id":"1","displayName":"North"}`)
	preview := w.previewRun(fabrikam, w.imported(w.exported(rig.Tenant, w.backup(), nil)).ID, restore.PreviewParams{})
	requests, err := restore.NewRequests(restore.RequestsConfig{Store: older{w.store}, Clock: w.Clock})
	w.ok(err)
	starter, err := runs.NewStarter(runs.StarterConfig{
		Store: w.Store, Queue: w.Queue, Clock: w.Clock, Authorizer: runs.RoleAuthorizer{RoleOf: rolesOf}, Preparers: []runs.Preparer{requests},
	})
	w.ok(err)
	var conflict *runs.ConflictError
	if _, _, err := starter.Start(t.Context(), fabrikam, rig.Owner, restore.ExecuteRequest(preview.ID, because, false)); !errors.As(err, &conflict) || conflict.Code != "preview_stale" {
		t.Errorf("got %v, want preview_stale", err)
	}
	if run := w.execute(fabrikam, preview.ID); run.Status != runs.StatusSuccess {
		t.Errorf("with the same origin: %s %s", run.Status, run.ErrorCode)
	}
}

// TestNothingIsAddedToAnImportedSet: all its ids are of one tenant.
func TestNothingIsAddedToAnImportedSet(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.empty(2)
	w.put(rig.Tenant, "gadget", `{"id":"1","displayName":"North"}`)
	set := w.imported(w.exported(rig.Tenant, w.backup(), nil))
	items, err := w.Store.ListSetItems(t.Context(), fabrikam, set.ID, backupset.SetItemFilter{}, runs.Slice{Limit: 1})
	w.ok(err)
	var conflict *runs.ConflictError
	_, _, err = w.starter.Start(t.Context(), fabrikam, rig.Owner, capture.AddPoliciesRequest(set.ID, []runs.ID{items[0].PolicyID}))
	if !errors.As(err, &conflict) || conflict.Code != "set_imported" {
		t.Errorf("got %v, want set_imported", err)
	}
}
