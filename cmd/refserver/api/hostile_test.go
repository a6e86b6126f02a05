package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
)

// hostileTexts are values that somebody may send anywhere. Each has the canary in it.
var hostileTexts = []string{
	canary,
	canary + strings.Repeat("x", 5000),
	"' OR 1=1; -- " + canary,
	"%" + canary + "_",
	"../../" + canary,
	canary + "\x00",
	canary + "\r\nSet-Cookie: a=b",
	"\xff\xfe" + canary,
	"<script>" + canary + "</script>",
	"${jndi:ldap://" + canary + "}",
	"\u202e" + canary + "\ufffd",
	base64.RawURLEncoding.EncodeToString([]byte(noSuchID + "\n" + canary)),
	base64.RawURLEncoding.EncodeToString([]byte(noSuchID + "\n99999999999999999999999")),
	base64.RawURLEncoding.EncodeToString([]byte(noSuchID + "\n-1")),
	base64.RawURLEncoding.EncodeToString([]byte(canary + "\n1")),
}

// hostileBodies are bodies that somebody may send to any route. %s is a text.
var hostileBodies = []string{
	`%s`, `"%s"`, `["%s"]`, `{"%s":1}`, `{"name":"%s"}`, `{"name":{"%s":"%s"}}`, `{"name":["%s"]}`, `{"name":"a","name":"%s"}`,
	`{"ids":["%s"],"action":"enable"}`, `{"action":"%s","ids":["` + noSuchID + `"]}`, `{"policy_types":["%s"]}`, `{"timezone":"%s","frequency":"%s","time_of_day":"%s"}`,
	`{"days_of_week":["%s"]}`, `{"days_of_week":[1e99]}`, `{"retention_keep_last":-9223372036854775808}`, `{"retention_keep_last":1e400}`,
	`{"reason":"%s","name":"%s"}`, `{"confirm_plan":"%s"}`, `{"confirm_plan":"%s","retention_keep_last":1}`, `{"count":"%s"}`, `{"x":` + "\u0000" + `}`, `{"name":"\ud800%s"}`,
	`{"source_tenant":"%s"}`, `{"item_ids":["%s"]}`, `{"options":{"existing":"%s","assignments":"%s","access_state":"%s"}}`, `{"options":{"%s":1}}`,
	`{"options":{"existing":"copy","copy_suffix":"%s"}}`, `{"preview_run_id":"%s","reason":"%s"}`, `{"known_head":{"seq":1e99,"hash":"%s"}}`,
	`{"known_head":{"seq":-9223372036854775808}}`, `{"name":"%s","everything":true}`, `{"name":"a","policy_ids":["%s"]}`, `{"policy_ids":["%s"]}`,
}

// No input makes the server fail, and no refusal repeats what was sent.
func TestHostileInput(t *testing.T) {
	w := newWorld(t)
	id := string(w.schedule(contoso, "Nightly"))
	set := string(w.backup(contoso, runs.ID(id)).BackupSetID)
	object := map[string]string{"schedules": id, "backup-sets": set}
	try := func(op operation, what, path, body string) {
		t.Helper()
		r := httptest.NewRequest(op.method, "/", strings.NewReader(body))
		target, err := url.Parse(path)
		if err != nil {
			return // no client can send it
		}
		r.URL = target
		r.Header.Set("Authorization", "Bearer "+token(runs.RoleOwner, contoso))
		rec := httptest.NewRecorder()
		w.serve(rec, r)
		got := reply{rec.Code, rec.Header(), rec.Body.String()}
		w.conforms(op.method, target.Path, got)
		switch {
		case got.status >= 500:
			t.Errorf("%s, %s: %d %s", op.ID, what, got.status, got.body)
		case got.status >= 400 && strings.Contains(fmt.Sprint(got.header, got.body), canary):
			t.Errorf("%s, %s: a refusal repeats what was sent: %s", op.ID, what, got.body)
		}
		w.queue.list = nil // started runs need not be worked
	}
	for _, op := range w.document.list {
		collection := strings.Split(strings.TrimPrefix(op.path, "/api/v1/tenants/{tenant}/"), "/")[0]
		path := strings.NewReplacer("{tenant}", "contoso", "{id}", given(optional(object[collection]), noSuchID)).Replace(op.path)
		for _, text := range hostileTexts {
			name := text[:min(len(text), 40)]
			for _, p := range op.Parameters {
				if p.In == "path" {
					hostile := strings.NewReplacer("{"+p.Name+"}", url.PathEscape(text), "{tenant}", "contoso", "{id}", noSuchID).Replace(op.path)
					try(op, fmt.Sprintf("%s %q", p.Name, name), hostile, "")
					continue
				}
				try(op, fmt.Sprintf("%s %q", p.Name, name), path+"?"+p.Name+"="+url.QueryEscape(text), "")
				try(op, fmt.Sprintf("bare %s %q", p.Name, name), path+"?"+p.Name+"="+text, "")
			}
			try(op, fmt.Sprintf("parameter %q", name), path+"?"+url.QueryEscape(text)+"="+canary, "")
			if op.method == http.MethodGet || op.method == http.MethodDelete && op.RequestBody == nil && text != canary {
				continue
			}
			for _, body := range hostileBodies {
				try(op, fmt.Sprintf("body %q %q", body, name), path, strings.ReplaceAll(body, "%s", text))
			}
		}
	}
	for name, change := range map[string]func(*http.Request){
		"token":            func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+canary) },
		"no scheme":        func(r *http.Request) { r.Header.Set("Authorization", canary) },
		"accept":           func(r *http.Request) { r.Header.Set("Accept", "text/html;q="+canary+", "+canary+"/*") },
		"content type":     func(r *http.Request) { r.Header.Set("Content-Type", canary+"; charset=utf-16") },
		"override":         func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", "DELETE") },
		"a strange method": func(r *http.Request) { r.Method = "PROPFIND" },
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/tenants/contoso/schedules", nil)
		r.Header.Set("Authorization", "Bearer "+token(runs.RoleOwner, contoso))
		change(r)
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		if rec.Code >= 500 || strings.Contains(rec.Body.String(), canary) || !strings.HasPrefix(rec.Header().Get("Content-Type"), "application/") {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

// A GET changes nothing, whatever it asks for: the audit log, which has a line for every
// change, is as long as before, but for the line that a set was taken out.
func TestGetChangesNothingButNotesAnExport(t *testing.T) {
	w := newWorld(t)
	id := string(w.schedule(contoso, "Nightly"))
	run := w.backup(contoso, runs.ID(id))
	lines := func() int {
		var list List[AuditEntry]
		w.wants(200, http.MethodGet, "audit?limit=200", "", &list)
		return len(list.Items)
	}
	before, exports := lines(), 0
	object := map[string]string{"schedules": id, "runs": string(run.ID), "backup-sets": string(run.BackupSetID), "policies": noSuchID}
	for _, op := range w.document.list {
		if op.method != http.MethodGet {
			continue
		}
		collection := strings.Split(strings.TrimPrefix(op.path, "/api/v1/tenants/{tenant}/"), "/")[0]
		path := strings.NewReplacer("{tenant}", "contoso", "{id}", object[collection]).Replace(op.path)
		if op.ID == "compare-backup-sets" {
			path += "?with=" + string(run.BackupSetID)
		}
		if got := w.do(token(runs.RoleOwner, contoso), http.MethodGet, path, ""); got.header.Get("Content-Type") == zipType {
			exports++
		}
		w.do(token(runs.RoleOwner, contoso), http.MethodHead, path, "")
	}
	if after := lines(); exports != 1 || after != before+exports || len(w.queue.list) > 0 {
		t.Errorf("%d lines before, %d after %d exports; %d jobs", before, after, exports, len(w.queue.list))
	}
}
