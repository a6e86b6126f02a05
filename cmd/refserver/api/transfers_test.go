package api

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// ask sends a request of contoso's owner over a connection, and returns the answer with its
// whole body. err is that of a connection that broke.
func ask(t *testing.T, server *httptest.Server, method, path string, body io.Reader) (_ *http.Response, got string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/api/v1/tenants/contoso/"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token(runs.RoleOwner, contoso))
	res, err := server.Client().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return res, string(raw), err
}

// A file takes longer than the limits of a server allow for small requests, and still gets
// through; here they have passed before anything is sent.
func TestFilesTakeLongerThanOtherAnswers(t *testing.T) {
	w := newWorld(t)
	set, _, _ := w.manualSet(contoso)
	server := httptest.NewUnstartedServer(w.api)
	server.Config.ReadHeaderTimeout, server.Config.IdleTimeout = 10*time.Second, 10*time.Second
	server.Config.ReadTimeout, server.Config.WriteTimeout = 1, 1
	server.Start()
	defer server.Close()

	if _, _, err := ask(t, server, http.MethodGet, "schedules", nil); err == nil {
		t.Error("the limits do not hold")
	}
	res, exported, err := ask(t, server, http.MethodGet, "backup-sets/"+string(set)+"/export", nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the export: %v %v", res, err)
	}
	if _, err := zip.NewReader(strings.NewReader(exported), int64(len(exported))); err != nil {
		t.Errorf("the export: %v", err)
	}
	large := exported + strings.Repeat("x", 3<<20) // more than a connection buffers
	if res, body, err := ask(t, server, http.MethodPost, "backup-sets/import", strings.NewReader(large)); err != nil || res.StatusCode != http.StatusAccepted {
		t.Errorf("the import: %s %v", body, err)
	}
	if res, _, err := ask(t, server, http.MethodPost, "audit/verify", nil); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("verifying a log that takes long: %v", err)
	}
}

// What goes wrong before the first byte of a file is a problem like any other. Later the
// connection breaks, since an answer that ends in peace would pass for a whole file.
func TestHalfAFileIsNoFile(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(cfg *Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for path, written := range map[string]string{"nothing": "", "half": strings.Repeat("PK", 8<<10)} {
		addFile(w.api, route{id: path, method: http.MethodGet, path: path, action: runs.ActionLook}, zipType,
			func(context.Context, *call, *nothing) (*file, error) {
				return &file{name: "a.zip", write: func(_ context.Context, w io.Writer) error {
					if written != "" {
						_, _ = io.WriteString(w, written)
					}
					return errors.New(canary)
				}}, nil
			})
	}
	server := httptest.NewServer(w.api)
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)

	res, body, err := ask(t, server, http.MethodGet, "nothing", nil)
	if err != nil || res.StatusCode != 500 || res.Header.Get("Content-Type") != problemType || res.Header.Get("Content-Disposition") != "" ||
		strings.Contains(body, canary) {
		t.Errorf("before the first byte: %v %s %v", res, body, err)
	}
	if _, body, err = ask(t, server, http.MethodGet, "half", nil); err == nil {
		t.Errorf("half a file looks like a whole one of %d bytes", len(body))
	}
	if strings.Count(log.String(), canary) != 2 {
		t.Errorf("the log does not tell: %s", log.String())
	}
}

// A file that ends before it was sent whole is not kept.
func TestAnUploadThatBreaksOffIsNotKept(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodPost, "/api/v1/tenants/contoso/backup-sets/import", io.MultiReader(strings.NewReader("half"), brokenReader{}))
	r.Header.Set("Authorization", "Bearer "+token(runs.RoleOwner, contoso))
	rec := httptest.NewRecorder()
	w.serve(rec, r)
	if got := (reply{rec.Code, rec.Header(), rec.Body.String()}); got.status != 400 || got.code() != "body_unreadable" {
		t.Errorf("%d %s", got.status, got.body)
	}
	left, err := w.store.OldUploads(t.Context(), w.clock.Now().AddDate(1, 0, 0), "", 10)
	if err != nil || len(left) > 0 {
		t.Errorf("%d files are kept, error %v", len(left), err)
	}
}

// What the caller did wrong is not in the log of what went wrong.
func TestAnEmptyFileIsTheCallersMistake(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(cfg *Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	got := w.as(runs.RoleManager, http.MethodPost, "backup-sets/import", "")
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "file_empty") || log.Len() > 0 {
		t.Errorf("%d %s, logged %q", got.status, got.body, log.String())
	}
}

// A link on a page of another site makes no browser save a backup set: the cookie of a session
// comes along, so the header that browsers set tells. Neither the export nor a refusal of the
// person is audited.
func TestALinkOfAnotherSiteExportsNothing(t *testing.T) {
	w := newWorld(t)
	set, _, _ := w.manualSet(contoso)
	audited := func() int {
		var list List[AuditEntry]
		w.wants(200, http.MethodGet, "audit?limit=200", "", &list)
		return len(list.Items)
	}
	for _, test := range []struct {
		site   string
		role   runs.Role
		status int
		code   string
		lines  int
	}{
		{"cross-site", runs.RoleOwner, 403, "cross_origin", 0},
		{"same-site", runs.RoleOwner, 403, "cross_origin", 0}, // another host of the domain
		{"cross-site", runs.RoleReadonly, 403, "cross_origin", 0},
		{"same-origin", runs.RoleOwner, 200, "", 1},
		{"none", runs.RoleOwner, 200, "", 1}, // typed, or a bookmark
		{"", runs.RoleOwner, 200, "", 1},     // curl
	} {
		before := audited()
		r := httptest.NewRequest(http.MethodGet, "/api/v1/tenants/contoso/backup-sets/"+string(set)+"/export?secrets=true", nil)
		r.Header.Set("Authorization", "Bearer "+token(test.role, contoso))
		if test.site != "" {
			r.Header.Set("Sec-Fetch-Site", test.site)
		}
		rec := httptest.NewRecorder()
		w.serve(rec, r)
		got := reply{rec.Code, rec.Header(), rec.Body.String()}
		if got.status != test.status || got.code() != test.code || audited() != before+test.lines {
			t.Errorf("%q, %s: %d %q and %d lines in the audit log, want %d %q and %d", test.site, test.role, got.status, got.code(), audited()-before, test.status, test.code, test.lines)
		}
	}
}
