package pages_test

import (
	"bytes"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// TestAFormThatStartsARunStartsOneHoweverOftenItIsSent, also when the run has ended meanwhile.
func TestAFormThatStartsARunStartsOneHoweverOftenItIsSent(t *testing.T) {
	w := newWorld(t, nil)
	sets := func() int {
		return len(must(w.cfg.Archive.List(t.Context(), tenant, owner, backupset.SetFilter{}, runs.PageRequest{}))(t).Items)
	}
	page := tenantPath("sets", "new")
	form := with(w.tab(manager, page), "name", "Once", "policy_types", "settingsCatalogPolicy")
	first := w.started(w.post(manager, page, form))
	w.post(manager, page, form).leads(t, tenantPath("runs", first.ID)+"?notice=run_reused")
	if n := sets(); n != 1 {
		t.Errorf("%d sets, want 1", n)
	}
	// Something else by a form that was kept, or by one that says no id, is another set.
	w.started(w.post(manager, page, with(form, "name", "Another")))
	w.started(w.post(manager, page, with(form, "name", "Third", "run", "x")))
	if n := sets(); n != 3 {
		t.Errorf("%d sets, want 3", n)
	}

	zip := w.post(owner, tenantPath("sets", first.BackupSetID, "export"), url.Values{}).body
	page = tenantPath("sets", "import")
	id := w.tab(manager, page).Get("run")
	send := func() response {
		var body bytes.Buffer
		parts := multipart.NewWriter(&body)
		check(t, parts.WriteField("run", id))
		check(t, parts.WriteField("name", "Back"))
		part := must(parts.CreateFormFile("file", "x.zip"))(t)
		must(part.Write([]byte(zip)))(t)
		check(t, parts.Close())
		return w.multipart(manager, parts.FormDataContentType(), &body)
	}
	run := w.started(send())
	if again := send(); string(run.ID) != id || !strings.HasPrefix(again.Header.Get("Location"), tenantPath("runs", id)+"?") {
		t.Errorf("run %s of the form %s, sent again it leads to %q: %s", run.ID, id, again.Header.Get("Location"), text(again.body))
	}
	w.drain()
	if n := sets(); n != 4 {
		t.Errorf("%d sets, want 4", n)
	}
}
