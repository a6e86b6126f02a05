package msgraph

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

func TestEveryStatusHasItsMeaning(t *testing.T) {
	for code, want := range map[int]graph.Kind{
		400: graph.KindInvalid, 402: graph.KindInvalid, 403: graph.KindForbidden, 404: graph.KindNotFound, 405: graph.KindInvalid, 406: graph.KindInvalid,
		409: graph.KindConflict, 410: graph.KindNotFound, 412: graph.KindInvalid, 413: graph.KindInvalid, 415: graph.KindInvalid, 422: graph.KindInvalid, 423: graph.KindInvalid,
		300: graph.KindInternal, 301: graph.KindInternal, 304: graph.KindInternal, 501: graph.KindInternal, 505: graph.KindInternal, 599: graph.KindInternal,
	} {
		for _, r := range []call{list(), create(), update()} {
			inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) { refuse(w, code, "Retry-After", "5") }, nil, func(w *world) {
				_, err := w.do(w.ctx, tenant, r)
				e := wantFailure(t, err, want, code)
				if len(w.requests()) != 1 || e.RetryAfter != 0 || e.Op != r.name() || code != 304 && (e.Code == "" || e.RequestID == "") {
					t.Errorf("%d: %v after %d requests", code, err, len(w.requests()))
				}
			})
		}
	}
}

func TestEverySuccessIsOne(t *testing.T) {
	for code, body := range map[int]string{200: anObject, 201: anObject, 204: ""} {
		c := serve(t, say(code, body))
		if got, err := c.do(t.Context(), tenant, update()); err != nil || string(got) != body {
			t.Errorf("%d: %s, %v", code, got, err)
		}
	}
}

// 202 promises nothing: what was accepted may be done later, or fail.
func TestAWriteThatIsOnlyAcceptedIsNotDone(t *testing.T) {
	bare, remove := create(), update()
	bare.bare, remove.method, remove.body = true, "DELETE", nil
	for name, c := range map[string]struct {
		call
		want graph.Kind
	}{
		"a create":                 {create(), graph.KindAmbiguous},
		"a create in a collection": {bare, graph.KindUnavailable},
		"an update":                {update(), graph.KindUnavailable},
		"a deletion":               {remove, graph.KindUnavailable},
	} {
		for _, body := range []string{"", anObject, `{"id":"7"}`} {
			inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusAccepted)
				_, _ = io.WriteString(w, body)
			}, nil, func(w *world) {
				_, err := w.do(w.ctx, tenant, c.call)
				if e := wantFailure(t, err, c.want, 202); e.RetryAfter != 7*time.Second || len(w.requests()) != 1 || w.elapsed() != 0 {
					t.Errorf("%s, %q: %v after %d requests and %s", name, body, err, len(w.requests()), w.elapsed())
				}
			})
		}
	}
}

func TestAReadThatIsOnlyAcceptedIsMadeAgain(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, before int) {
		if before == 0 {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusAccepted)
		}
		_, _ = io.WriteString(w, anObject)
	}, nil, func(w *world) {
		if got, err := w.do(w.ctx, tenant, list()); err != nil || string(got) != anObject || w.elapsed() != 7*time.Second {
			t.Errorf("%s, %v after %s", got, err, w.elapsed())
		}
	})
}

func TestWhatARequestSays(t *testing.T) {
	var got []*http.Request
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Clone(t.Context()))
		_, _ = io.WriteString(w, anObject)
	})
	ctx := graph.WithLowPriority(t.Context())
	read := list()
	read.query = "$filter=a%20eq%20'b'&$top=5"
	minimal := list()
	minimal.minimal = true
	for _, r := range []call{read, create(), minimal} {
		if _, err := c.do(ctx, tenant, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.do(t.Context(), tenant, update()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{
		{"Authorization": "Bearer the-token", "Accept": "application/json;odata.metadata=full", "Prefer": "include-unknown-enum-members",
			"Content-Type": "", "X-Ms-Throttle-Priority": "low"},
		{"Content-Type": "application/json", "X-Ms-Throttle-Priority": "low"},
		{"Accept": "application/json"},
		{"X-Ms-Throttle-Priority": "", "X-Msft-Approval-Justification": ""},
	} {
		for name, value := range want {
			if h := got[i].Header.Get(name); h != value {
				t.Errorf("request %d says %s: %q, want %q", i, name, h, value)
			}
		}
	}
	if uri := got[0].RequestURI; uri != "/beta/deviceManagement/deviceConfigurations?$filter=a%20eq%20'b'&$top=5" {
		t.Errorf("asked for %s", uri)
	}
	ids := map[string]bool{}
	for _, r := range got {
		ids[r.Header.Get("Client-Request-Id")] = true
	}
	if len(ids) != len(got) || ids[""] {
		t.Errorf("the client's ids of %d requests are %v", len(got), ids)
	}
}

func TestEveryAttemptHasAnIDOfItsOwn(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) { refuse(w, 500) }, nil, func(w *world) {
		_, _ = w.do(w.ctx, tenant, list())
		ids := map[string]bool{}
		for _, q := range w.requests() {
			ids[q.Header.Get("Client-Request-Id")] = true
		}
		if len(ids) != 6 {
			t.Errorf("ids %v", ids)
		}
	})
}

func TestAnAnswerThatIsTooLongIsNoAnswer(t *testing.T) {
	long := `{"value":"` + strings.Repeat("x", 1000) + `"}`
	c := serve(t, say(200, long), func(c *Config) { c.MaxAnswer = int64(len(long)) - 1 })
	_, err := c.do(t.Context(), tenant, list())
	wantFailure(t, err, graph.KindIncomplete, 200)
	_, err = c.do(t.Context(), tenant, create())
	wantFailure(t, err, graph.KindAmbiguous, 200)
	c.cfg.MaxAnswer++
	if got, err := c.do(t.Context(), tenant, list()); err != nil || string(got) != long {
		t.Error(err)
	}
}

// zipped is a body as Content-Encoding gzip has it.
func zipped(body string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, body)
	_ = z.Close()
	return b.Bytes()
}

func TestCompressedAnswersAreReadWholeOrNotAtAll(t *testing.T) {
	long := `{"value":"` + strings.Repeat("x", 1<<20) + `"}`
	for name, c := range map[string]struct {
		body []byte
		want graph.Kind
	}{
		"whole":            {zipped(anObject), ""},
		"cut":              {zipped(anObject)[:len(zipped(anObject))-9], graph.KindUnavailable},
		"not compressed":   {[]byte(anObject), graph.KindUnavailable},
		"long when opened": {zipped(long), graph.KindIncomplete},
	} {
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				t.Error("the client does not ask for gzip")
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(c.body)
		}, func(c *Config) { c.Attempts, c.MaxAnswer = 1, 1<<19 })
		got, err := client.do(t.Context(), tenant, list())
		if graph.KindOf(err) != c.want || err == nil && string(got) != anObject {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestAnAnswerWithoutEndIsCutOff(t *testing.T) {
	for _, code := range []int{200, 404} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			for err := error(nil); err == nil; {
				_, err = io.WriteString(w, strings.Repeat(" ", 1<<16))
			}
		}, func(c *Config) { c.MaxAnswer = 1 << 20 })
		_, err := c.do(t.Context(), tenant, list())
		wantFailure(t, err, map[int]graph.Kind{200: graph.KindIncomplete, 404: graph.KindNotFound}[code], code)
	}
}
