package msgraph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/tenantatlas/tenantbackup/graph"
)

const aCode = "aabb1234-5678-9012-abcd-ef0123456789"

// approvalNeeded is what Graph says to the first call, as it stands on Microsoft's page.
const approvalNeeded = `{"error":{"code":"BadRequest","message":"{\r\n \"_version\": 3,\r\n \"Message\": \"Approval Required. ` +
	`Request Approval using the request ID returned as part of the x-msft-approval-code response header. x-msft-approval-code: ` + aCode +
	` - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: x - Url: y\",\r\n \"HttpHeaders\": \"{}\"\r\n}"}}`

func TestAWriteThatWaitsForOtherAdministratorsSaysSo(t *testing.T) {
	refusal := func(code, message string) string {
		body, _ := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
		return string(body)
	}
	const (
		noReason = "Header 'x-msft-approval-justification' is required to request approval"
		repeated = "An active Approval Request already exists for this entity"
		waits    = "Approval Required. Request Approval using the request ID returned as part of the x-msft-approval-code response header. x-msft-approval-code: " + aCode
	)
	for name, c := range map[string]struct {
		status int
		header string
		body   string
		want   graph.Kind
		says   string
	}{
		"no reason":                          {400, "", refusal("BadRequest", noReason), graph.KindApprovalRequired, "graph.WithJustification"},
		"no reason, as Intune nests it":      {400, "", refusal("BadRequest", `{"Message":"Header 'X-MSFT-Approval-Justification' is required - Operation ID x"}`), graph.KindApprovalRequired, "graph.WithJustification"},
		"no reason, as once documented":      {403, "", refusal("Forbidden", noReason), graph.KindApprovalRequired, "graph.WithJustification"},
		"it waits":                           {412, aCode, approvalNeeded, graph.KindApprovalRequired, "approval of request " + aCode},
		"it waits, without the header":       {412, "", approvalNeeded, graph.KindApprovalRequired, "approval of request " + aCode},
		"it waits, without a message":        {412, strings.ToUpper(aCode), "", graph.KindApprovalRequired, "approval of request " + aCode},
		"it waits, as once documented":       {403, "", refusal("ApprovalRequired", waits), graph.KindApprovalRequired, "approval of request " + aCode},
		"it waits, and that is all":          {403, "", refusal("approvalRequired", "x"), graph.KindApprovalRequired, "waits for an approval"},
		"a code that is none":                {403, "Bearer x", refusal("ApprovalRequired", "x"), graph.KindApprovalRequired, "waits for an approval"},
		"it was asked for already":           {409, "", refusal("Conflict", repeated), graph.KindApprovalRequired, "approved or cancelled"},
		"another 400":                        {400, "", refusal("BadRequest", "displayName is required"), graph.KindInvalid, "displayName"},
		"a justification that is too long":   {400, "", refusal("BadRequest", "Decoded content of 'x-msft-approval-justification' header must be no greater than 1024 characters"), graph.KindInvalid, "1024"},
		"a code that is refused":             {400, "", refusal("BadRequest", "Invalid approval header format, expected GUID format"), graph.KindInvalid, "GUID"},
		"another 403":                        {403, "", refusal("Authorization_RequestDenied", "Insufficient privileges"), graph.KindForbidden, "privileges"},
		"another 409":                        {409, "", refusal("Conflict", "A policy with this name already exists"), graph.KindConflict, "name"},
		"another 412":                        {412, "", refusal("PreconditionFailed", "The ETag does not match; approval is not required"), graph.KindInvalid, "ETag"},
		"the words with a status of another": {404, aCode, refusal("ApprovalRequired", waits), graph.KindNotFound, "Approval Required"},
		"a failure of the server with them":  {500, "", refusal("ApprovalRequired", waits), graph.KindUnavailable, "Approval Required"},
	} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.header != "" {
				w.Header().Set("x-msft-approval-code", c.header)
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}, func(cfg *Config) { cfg.Attempts = 1 })
		_, err := client.do(t.Context(), tenant, update())
		if e := wantFailure(t, err, c.want, c.status); !strings.Contains(e.Error(), c.says) {
			t.Errorf("%s: %v; it should say %q", name, e, c.says)
		}
	}
}

// approver is a Graph that holds writes back. It counts what it is asked for.
type approver struct {
	rows    []map[string]string // of the requests for approval
	refuses int                 // status for a code
	written []http.Header
	looked  int
}

func (a *approver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, approvalRequests) {
		status := strings.TrimSuffix(strings.TrimPrefix(r.URL.Query().Get("$filter"), "status eq '"), "'")
		if status == "approved" {
			a.looked++
		}
		rows := []map[string]string{}
		for _, row := range a.rows {
			if row["filter"] == status {
				rows = append(rows, row)
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"value": rows})
		return
	}
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, anObject)
		return
	}
	a.written = append(a.written, r.Header)
	switch {
	case r.Header.Get(approvalHeader) == "":
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = io.WriteString(w, approvalNeeded)
	case a.refuses != 0:
		refuse(w, a.refuses)
	default:
		_, _ = io.WriteString(w, anObject)
	}
}

func decodedJustification(t *testing.T, h http.Header) string {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(h.Get(justificationHeader))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAJustificationArrivesAsItWasGiven(t *testing.T) {
	a := &approver{}
	c := serve(t, a.ServeHTTP)
	for reason, want := range map[string]string{
		"ticket 42": "ticket 42",
		"Gelöscht – 復元してください 👍":   "Gelöscht – 復元してください 👍",
		"two lines,\r\nX-Evil: 1": "two lines,\r\nX-Evil: 1",
		"cut \xff off":            "cut \uFFFD off",
		strings.Repeat("ä", 2000): strings.Repeat("ä", 983),
		strings.Repeat("👍", 2000): strings.Repeat("👍", 491),
	} {
		a.written = nil
		_, err := c.do(graph.WithJustification(t.Context(), reason), tenant, update())
		wantFailure(t, err, graph.KindApprovalRequired, 412)
		got, found := strings.CutSuffix(decodedJustification(t, a.written[0]), " [write "+update().mark()+"]")
		if len(a.written) != 1 || got != want || !found || a.written[0].Get("X-Evil") != "" || a.written[0].Get(approvalHeader) != "" {
			t.Errorf("%.40q arrived as %.40q", reason, got)
		}
		if n := len(utf16.Encode([]rune(decodedJustification(t, a.written[0])))); n > 1024 {
			t.Errorf("%d characters", n)
		}
	}
}

func TestOnlyWritesOfIntuneThatHaveAReasonAreJustified(t *testing.T) {
	a := &approver{}
	c := serve(t, a.ServeHTTP)
	elsewhere := update()
	elsewhere.workload = graph.WorkloadAccess
	ctx := graph.WithJustification(t.Context(), "ticket 42")
	_, _ = c.do(ctx, tenant, list())
	_, _ = c.do(ctx, tenant, elsewhere)
	_, _ = c.do(t.Context(), tenant, update())
	if a.looked != 0 {
		t.Errorf("approvals were looked for %d times", a.looked)
	}
	for _, h := range a.written {
		if h.Get(justificationHeader) != "" {
			t.Errorf("a write says %v", h)
		}
	}
}

// approvedRow is an approved request for a call.
func approvedRow(r call, id string, change ...string) map[string]string {
	text, _ := base64.StdEncoding.DecodeString(justification("another reason", r.mark()))
	row := map[string]string{"id": id, "status": "approved", "filter": "approved", "requestJustification": string(text)}
	for i := 0; i < len(change); i += 2 {
		row[change[i]] = change[i+1]
	}
	return row
}

func TestAnApprovedWriteIsSentWithItsCodeOnce(t *testing.T) {
	other := update()
	other.body = []byte(`{"displayName":"y"}`)
	for name, c := range map[string]struct {
		rows []map[string]string
		want string
	}{
		"approved":               {[]map[string]string{approvedRow(other, "aaaaaaaa-0000-4000-8000-000000000000"), approvedRow(update(), aCode)}, aCode},
		"another write":          {[]map[string]string{approvedRow(other, aCode)}, ""},
		"not approved any more":  {[]map[string]string{approvedRow(update(), aCode, "status", "completed")}, ""},
		"a code that is none":    {[]map[string]string{approvedRow(update(), "x\r\nX-Evil: 1")}, ""},
		"of somebody else's way": {[]map[string]string{approvedRow(update(), aCode, "requestJustification", "ticket 42")}, ""},
		"none":                   {nil, ""},
	} {
		a := &approver{rows: c.rows}
		client := serve(t, a.ServeHTTP)
		ctx := graph.WithJustification(t.Context(), "ticket 42")
		_, err := client.do(ctx, tenant, update())
		h := a.written[0]
		if len(a.written) != 1 || h.Get(approvalHeader) != c.want || (h.Get(justificationHeader) == "") != (c.want != "") || (err == nil) != (c.want != "") {
			t.Errorf("%s: %d writes, the first says %q %q: %v", name, len(a.written), h.Get(approvalHeader), h.Get(justificationHeader), err)
		}
		_, err = client.do(ctx, tenant, update())
		if last := a.written[len(a.written)-1]; c.want != "" && (graph.KindOf(err) != graph.KindApprovalRequired || last.Get(approvalHeader) != "") {
			t.Errorf("%s: the code is used twice: %v", name, err)
		}
	}
}

func TestNothingIsAskedForTwice(t *testing.T) {
	a := &approver{rows: []map[string]string{approvedRow(update(), aCode, "status", "needsApproval", "filter", "needsApproval")}}
	c := serve(t, a.ServeHTTP)
	ctx := graph.WithJustification(t.Context(), "ticket 42")
	for range 2 {
		_, err := c.do(ctx, tenant, update())
		if e := wantFailure(t, err, graph.KindApprovalRequired, 0); e.NotSent || !strings.Contains(e.Error(), "request "+aCode) || len(a.written) != 0 {
			t.Errorf("%v after %d writes", e, len(a.written))
		}
	}
	a.rows[0]["status"], a.rows[0]["filter"] = "approved", "approved"
	if _, err := c.do(ctx, tenant, update()); err != nil || len(a.written) != 1 || a.written[0].Get(approvalHeader) != aCode {
		t.Errorf("once it is approved: %v after %d writes", err, len(a.written))
	}
}

func TestAnApprovalThatIsOverIsAskedForAnew(t *testing.T) {
	for status, want := range map[int]graph.Kind{403: graph.KindApprovalRequired, 400: graph.KindInvalid, 404: graph.KindNotFound, 409: graph.KindConflict} {
		a := &approver{rows: []map[string]string{approvedRow(update(), aCode)}, refuses: status}
		c := serve(t, a.ServeHTTP)
		_, err := c.do(graph.WithJustification(t.Context(), "ticket 42"), tenant, update())
		if n := len(a.written); graph.KindOf(err) != want || (n == 2) != (status == 403) || n == 2 && decodedJustification(t, a.written[1]) == "" {
			t.Errorf("%d: %v after %d writes", status, err, n)
		}
	}
}

// TestAnApprovalIsUsedAgainAfterAPassingFailure has a server that does not get to a write that is
// approved.
func TestAnApprovalIsUsedAgainAfterAPassingFailure(t *testing.T) {
	for _, r := range []call{update(), create()} {
		a := &approver{rows: []map[string]string{approvedRow(r, aCode)}, refuses: 503}
		c := serve(t, a.ServeHTTP, func(cfg *Config) { cfg.Attempts = 1 })
		ctx := graph.WithJustification(t.Context(), "ticket 42")
		if _, err := c.do(ctx, tenant, r); err == nil {
			t.Error("a 503 is a success")
		}
		a.refuses = 0
		_, err := c.do(ctx, tenant, r)
		for _, h := range a.written {
			if err != nil || len(a.written) != 2 || h.Get(approvalHeader) != aCode || h.Get(justificationHeader) != "" {
				t.Errorf("%s: %v after %d writes, with the code %q", r.method, err, len(a.written), h.Get(approvalHeader))
			}
		}
	}
}

// TestNoApprovalIsAskedForAfterAWriteWhoseAnswerWasLost has a write that may have been done with its
// code, so that the next try is refused. One that was throttled was not done.
func TestNoApprovalIsAskedForAfterAWriteWhoseAnswerWasLost(t *testing.T) {
	for first, want := range map[int]graph.Kind{503: graph.KindAmbiguous, 504: graph.KindAmbiguous, 429: graph.KindApprovalRequired} {
		a := &approver{rows: []map[string]string{approvedRow(update(), aCode)}, refuses: 403}
		coded := 0
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(approvalHeader) != "" {
				if coded++; coded == 1 {
					refuse(w, first)
					return
				}
			}
			a.ServeHTTP(w, r)
		}, func(cfg *Config) { cfg.MaxWait = time.Millisecond })
		_, err := c.do(graph.WithJustification(t.Context(), "ticket 42"), tenant, update())
		asked := slices.ContainsFunc(a.written, func(h http.Header) bool { return h.Get(justificationHeader) != "" })
		if graph.KindOf(err) != want || asked != (want == graph.KindApprovalRequired) || coded != 2 {
			t.Errorf("%d: %v after %d tries with the code; asked anew: %t", first, err, coded, asked)
		}
	}
}

func TestApprovalsAreLookedForOnceUnlessWritesAreHeldBack(t *testing.T) {
	ok := false
	a := &approver{}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if ok && r.Method != http.MethodGet {
			_, _ = io.WriteString(w, anObject)
			return
		}
		a.ServeHTTP(w, r)
	})
	ctx := graph.WithJustification(t.Context(), "ticket 42")
	var looked []int
	for _, ok = range []bool{true, true, true, false, true, true} {
		_, _ = c.do(ctx, tenant, update())
		looked = append(looked, a.looked)
	}
	if want := []int{1, 1, 1, 1, 2, 3}; !slices.Equal(looked, want) {
		t.Errorf("looked for %v times, want %v", looked, want)
	}
	other := update()
	other.body = nil
	a.rows = []map[string]string{approvedRow(update(), aCode), approvedRow(other, aCode)}
	for _, r := range []call{update(), other} {
		if _, _ = c.do(ctx, tenant, r); a.looked != 4 {
			t.Errorf("looked for approved writes %d times", a.looked-3)
		}
	}
}

// TestAWriteIsSentWhereApprovalsCannotBeRead tells what is remembered of that: nothing where the list
// failed, which may pass.
func TestAWriteIsSentWhereApprovalsCannotBeRead(t *testing.T) {
	for status, want := range map[int]int{400: 1, 403: 1, 404: 1, 500: 2, 504: 2, 405: 2, 200: 2} { // 200: without rows
		written, looked := 0, 0
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				looked++
				refuse(w, status)
				return
			}
			written++
			_, _ = io.WriteString(w, anObject)
		}, func(cfg *Config) { cfg.Attempts = 1 })
		for range 2 {
			if _, err := c.do(graph.WithJustification(t.Context(), "ticket 42"), tenant, create()); err != nil {
				t.Errorf("%d: %v", status, err)
			}
		}
		if written != 2 || looked != want {
			t.Errorf("%d: %d writes, looked %d times, want %d", status, written, looked, want)
		}
	}
}

// TestAnApprovedWriteWaitsUntilApprovalsCanBeRead has a Graph that is busy or away while the client
// looks.
func TestAnApprovedWriteWaitsUntilApprovalsCanBeRead(t *testing.T) {
	for status, want := range map[int]graph.Kind{429: graph.KindThrottled, 509: graph.KindThrottled, 503: graph.KindUnavailable, 401: graph.KindUnauthorized} {
		a := &approver{rows: []map[string]string{approvedRow(update(), aCode)}}
		busy := true
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if busy {
				refuse(w, status)
				return
			}
			a.ServeHTTP(w, r)
		}, func(cfg *Config) { cfg.Attempts, cfg.MaxWait = 1, time.Millisecond })
		ctx := graph.WithJustification(t.Context(), "ticket 42")
		if _, err := c.do(ctx, tenant, update()); len(a.written) != 0 || !wantFailure(t, err, want, status).NotSent {
			t.Errorf("%d: %v after %d writes", status, err, len(a.written))
		}
		busy = false
		if _, err := c.do(ctx, tenant, update()); err != nil || len(a.written) != 1 || a.written[0].Get(approvalHeader) != aCode {
			t.Errorf("%d: then %v after %d writes", status, err, len(a.written))
		}
	}
}

func TestALookThatWasCutShortIsTakenAgain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := &approver{rows: []map[string]string{approvedRow(update(), aCode)}}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() == nil {
			cancel()
			<-r.Context().Done()
			return
		}
		a.ServeHTTP(w, r)
	})
	if _, err := c.do(graph.WithJustification(ctx, "ticket 42"), tenant, update()); err != context.Canceled || len(a.written) != 0 {
		t.Errorf("%v after %d writes", err, len(a.written))
	}
	if _, err := c.do(graph.WithJustification(t.Context(), "ticket 42"), tenant, update()); err != nil || len(a.written) != 1 {
		t.Errorf("%v after %d writes", err, len(a.written))
	}
}

func TestAWriteThatWaitsIsNotSentWithANewToken(t *testing.T) {
	sent := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		sent++
		w.Header().Set("x-msft-approval-code", aCode)
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30="`)
		w.WriteHeader(http.StatusForbidden)
	})
	_, err := c.do(t.Context(), tenant, update())
	if wantFailure(t, err, graph.KindApprovalRequired, 403); sent != 1 {
		t.Errorf("it was sent %d times", sent)
	}
}

// TestAWriteStopsAtARequestOfSomebodyElse changes an object by two requests, the first of which is
// answered with 409: another request for the object's approval is open.
func TestAWriteStopsAtARequestOfSomebodyElse(t *testing.T) {
	const object, other = "/deviceManagement/policySets/p1", "/deviceManagement/policySets/p2"
	for name, c := range map[string]struct {
		asked  string // the path of an approved write that carries a mark, empty for none
		follow bool
	}{"of nobody here": {"", false}, "of another object": {other + "/update", false}, "of this object": {object + "/update", true}} {
		rows := []map[string]string{}
		if c.asked != "" {
			r := update()
			r.path = c.asked
			rows = append(rows, approvedRow(r, aCode))
		}
		a := &approver{rows: rows}
		var written []string
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				a.ServeHTTP(w, r)
				return
			}
			written = append(written, r.Method)
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"error":{"code":"Conflict","message":"An active Approval Request already exists for this entity"}}`)
		})
		first := update()
		first.path = object
		_, err := client.do(graph.WithJustification(t.Context(), "ticket 42"), tenant, first)
		if e := wantFailure(t, err, graph.KindApprovalRequired, 409); stops(err) == c.follow || !strings.Contains(e.Error(), "is open") || len(written) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMarkIsThatOfOneRequest(t *testing.T) {
	change := func(f func(*call)) string { r := update(); f(&r); return r.mark() }
	marks := []string{
		update().mark(), change(func(r *call) { r.method = "PUT" }), change(func(r *call) { r.version = "v1.0" }), change(func(r *call) { r.path += "1" }),
		change(func(r *call) { r.query = "a=b" }), change(func(r *call) { r.body = []byte(`{}`) }), change(func(r *call) { r.body = nil }),
	}
	slices.Sort(marks)
	if n := len(slices.Compact(slices.Clone(marks))); n != len(marks) || update().mark() != change(func(r *call) { r.justification, r.t = "x", "y" }) {
		t.Error(fmt.Sprint(n, " marks of ", len(marks), " requests"))
	}
}
