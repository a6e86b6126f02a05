package pages_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// elsewhere is an address in the other tenant.
func elsewhere(segments ...any) string {
	return strings.Replace(tenantPath(segments...), "/"+string(tenant), "/"+string(otherTenant), 1)
}

// exportedElsewhere is the zip of a set of the other tenant that is called "Weekly".
func (w *world) exportedElsewhere() string {
	w.t.Helper()
	run, _, err := w.cfg.Starter.Start(w.t.Context(), otherTenant, owner, capture.CreateSetRequest("Weekly", capture.Selection{PolicyTypes: backupTypes}))
	check(w.t, err)
	w.drain()
	return w.post(owner, elsewhere("sets", run.BackupSetID, "export"), nil).body
}

// imported is the run of an import, and its set.
func (w *world) imported(name, file string) (runs.Run, backupset.BackupSet) {
	w.t.Helper()
	run := w.started(w.upload(manager, name, "x.zip", strings.NewReader(file)))
	return run, w.set(run.BackupSetID)
}

// folder is a zip of one exported policy, which says nothing about a tenant.
func folder(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f := must(z.Create("DeviceConfiguration/Kiosk.json"))(t)
	check(t, json.NewEncoder(f).Encode(map[string]any{
		"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "id": "6f0b4d3e-0000-4000-8000-000000000001", "displayName": "Kiosk from a file",
	}))
	check(t, z.Close())
	return b.String()
}

// renamed is an export with other words for its tenant and its name.
func renamed(t *testing.T, file, tenant, name string) string {
	t.Helper()
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	in := must(zip.NewReader(strings.NewReader(file), int64(len(file))))(t)
	for _, f := range in.File {
		if f.Name != "manifest.json" {
			check(t, out.Copy(f))
			continue
		}
		var m map[string]any
		check(t, json.NewDecoder(must(f.Open())(t)).Decode(&m))
		set := m["backup_set"].(map[string]any)
		set["tenant"], set["name"] = tenant, name
		check(t, json.NewEncoder(must(out.Create(f.Name))(t)).Encode(m))
	}
	check(t, out.Close())
	return b.String()
}

// Wherever a set is chosen, shown or restored from it says whose ids it has, where these are not
// the tenant's own.
func TestAnImportedSetSaysWhoseIdsItHas(t *testing.T) {
	w, whole := acrossTenants(t), t
	own := w.byHand("Our own")
	ownFile := w.post(owner, tenantPath("sets", own.ID, "export"), nil).body
	file := w.exportedElsewhere()
	const (
		byIDs   = "By their ids. A group that has been deleted since blocks the policy."
		elses   = "By their ids, which are another tenant's. A group that is not in Contoso blocks the policy."
		counts  = "An id counts only where it is a GUID that Contoso has, too."
		unknown = "it is not known which tenant its ids are of"
		mapped  = `value="mapped" checked`
		silent  = "The file does not say which tenant the policies are of."
	)
	for what, c := range map[string]struct {
		file                             string
		list, fact, note, original, said string
	}{
		"another tenant's": {file, "imported from Northwind", "imported in this run from a file: an export of “Weekly” of Northwind",
			"its ids are those of Northwind, not of Contoso.", elses,
			"an export of the backup set “Weekly” of Northwind."},
		"a tenant that nobody here knows": {renamed(t, file, "Contoso\u202e<b>"+strings.Repeat("x", 500), ""), `imported from Contoso\u202e<b>xxx`,
			`an export of a backup set of Contoso\u202e<b>xxx`, `its ids are those of Contoso\u202e<b>xxx`, elses,
			`an export of a backup set of Contoso\u202e<b>xxx`},
		"no tenant": {folder(t), "imported, tenant not known", "imported in this run from a file; which tenant it is of is not known", unknown,
			"By their ids, which may be another tenant's. A group that is not in Contoso blocks the policy.", silent},
		"our own": {ownFile, "imported", "imported in this run from a file: an export of “Our own” of Contoso", "", byIDs,
			"an export of the backup set “Our own” of Contoso."},
	} {
		t.Run(what, func(t *testing.T) {
			w.t = t
			defer func() { w.t = whole }()
			run, set := w.imported(what, c.file)
			choice := "?all=yes&set=" + string(set.ID)
			of := w.get(manager, tenantPath("sets", set.ID))
			says(t, of, c.fact, "Import begun", "Import done")
			of.lacks(t, "by hand", "<b>", "\u202e", strings.Repeat("x", 200))
			says(t, w.get(manager, tenantPath("runs", run.ID)), c.said)
			if row := rowOf(t, w.get(manager, tenantPath("sets")), string(set.ID)); !strings.Contains(row, c.list) || strings.Contains(row, "by hand") || c.note == "" && strings.Contains(row, "imported from") {
				t.Errorf("the list says %q", row)
			}
			if row := rowOf(t, w.get(manager, tenantPath("restore")), string(set.ID)); !strings.Contains(row, c.list) {
				t.Errorf("the first page of the wizard says %q", row)
			}
			options := w.get(manager, tenantPath("restore", "options")+choice)
			says(t, options, c.original)
			shown := map[string]response{"policies": w.get(manager, tenantPath("restore", "items")+choice), "options": options}
			if what != "a tenant that nobody here knows" {
				shown["preview"] = w.get(manager, w.preview(manager, set.ID, url.Values{"assignments": {"mapped"}}))
			}
			if what == "no tenant" {
				report := w.drift(set.ID)
				w.drain()
				shown["drift"] = w.get(manager, tenantPath("drift", report))
			}
			for _, got := range shown {
				if c.note == "" {
					got.lacks(t, "An id counts only", "its ids are", unknown)
					continue
				}
				says(t, got, c.note, counts)
			}
			if foreign := c.note != ""; strings.Contains(options.body, mapped) != foreign || strings.Contains(plain(options.body), byIDs) == foreign {
				t.Errorf("assignments are offered so:\n%s", plain(options.body))
			}
		})
	}
	captured := w.get(manager, tenantPath("sets", own.ID))
	says(t, captured, "by hand", "Begun")
	captured.lacks(t, "mport begun", "imported from")
}

// plain is what a page says without its markup, as a person reads it.
func plain(body string) string {
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(body, ""))), " ")
}

func says(t *testing.T, page response, want ...string) {
	t.Helper()
	page.shows(t)
	for _, s := range want {
		if got := plain(page.body); !strings.Contains(got, s) {
			t.Errorf("the page lacks %q:\n%s", s, got)
		}
	}
}

// rowOf is the text of the row of a table that leads to a set.
func rowOf(t *testing.T, page response, set string) string {
	t.Helper()
	page.shows(t)
	for _, row := range strings.Split(page.body, "<tr role=\"row\">") {
		if row, _, _ = strings.Cut(row, "</tr>"); strings.Contains(row, set) {
			return plain(row)
		}
	}
	t.Fatalf("no row has %s", set)
	return ""
}

// A set of another tenant that was imported there from this one has this one's ids.
func TestASetThatComesBackFromAnotherTenantHasTheIdsOfThisOne(t *testing.T) {
	w := acrossTenants(t)
	_, set := w.imported("Lent", w.exportedElsewhere())
	at := "?from=" + string(tenant) + "&all=yes&set=" + string(set.ID)
	options := w.get(owner, elsewhere("restore", "options")+at)
	says(t, options, "This set was imported from an export of Northwind: its ids are those of this tenant.", "By their ids. A group that has been deleted since blocks the policy.")
	options.lacks(t, `value="mapped" checked`)
	says(t, w.get(owner, elsewhere("restore")+"?from="+string(tenant)), "imported from Northwind")
}

// Ids of two tenants say nothing about each other.
func TestAComparisonOfSetsOfTwoTenantsWarns(t *testing.T) {
	w := acrossTenants(t)
	own := w.byHand("Our own")
	_, back := w.imported("Back", w.post(owner, tenantPath("sets", own.ID, "export"), nil).body)
	file := w.exportedElsewhere()
	_, theirs := w.imported("Theirs", file)
	_, again := w.imported("Theirs again", renamed(t, file, string(otherTenant), "Another"))
	_, silent := w.imported("Silent", folder(t))
	_, other := w.imported("Silent, too", renamed(t, file, "", "Nobody's"))
	const two, perhaps = "The ids of these two sets are of different tenants", "It is not known whether the ids of these two sets are of one tenant"
	for what, c := range map[string]struct {
		before, after backupset.BackupSet
		want          string
	}{
		"own and imported own":   {own, back, ""},
		"two of another tenant":  {theirs, again, ""},
		"own and another's":      {own, theirs, two + ": those before of Contoso, those after of Northwind. The same policy"},
		"another's and own":      {theirs, back, two + ": those before of Northwind, those after of Contoso. The same policy"},
		"own and nobody's":       {own, silent, perhaps + ", as the one after comes from a file. If they are not, the same policy"},
		"two of nobody":          {silent, other, perhaps + ", as both come from a file. If they are not, the same policy"},
		"nobody's and another's": {silent, theirs, perhaps + ", as the one before comes from a file. If they are not, the same policy"},
	} {
		got := w.get(manager, tenantPath("sets", c.after.ID, "compare")+"?with="+string(c.before.ID))
		if c.want != "" {
			says(t, got, c.want, "may show as one that was removed and one that was added")
			continue
		}
		got.shows(t)
		got.lacks(t, two, perhaps)
		if strings.Contains(got.body, "may show as") {
			t.Error(what)
		}
	}
}
