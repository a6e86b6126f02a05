package msgraph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// inBatches answers as fuzzed does, and every request of a $batch with the same in an envelope
// that is as it should be.
type inBatches struct{ fuzzed }

func (f *inBatches) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/$batch") {
		return f.fuzzed.RoundTrip(r)
	}
	f.requests.Add(1)
	var in struct {
		Requests []struct{ ID string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	headers, _ := json.Marshal(map[string]string{"Retry-After": f.header.Get("Retry-After")})
	var answers [][]byte
	for _, q := range in.Requests {
		answers = append(answers, fmt.Appendf(nil, `{"id":%q,"status":%d,"headers":%s,"body":%s}`, q.ID, f.status, headers, f.body))
	}
	body := append(append([]byte(`{"responses":[`), bytes.Join(answers, []byte(","))...), "]}"...)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// told is what a body says, read independently.
type told struct {
	id    string
	rows  int // -1 for no collection, or one that goes on
	count any
}

func tell(body []byte) (t told, isObject bool) {
	var o map[string]any
	if json.Unmarshal(body, &o) != nil || o == nil {
		return told{rows: -1}, false
	}
	t.id, _ = o["id"].(string)
	t.rows, t.count = -1, o["settingCount"]
	if rows, ok := o["value"].([]any); ok && o["@odata.nextLink"] == nil {
		t.rows = len(rows)
	}
	return t, true
}

func FuzzAnyAnswerToEveryMethod(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"value":[]}`, `{"value":[{"id":"1"},{"id":"2"}]}`, `{"id":"1","value":[]}`, `{"id":"1","settingCount":2,"value":[{"id":"0"}]}`,
		`{"id":"1","settingCount":1,"value":[{"id":"0"}]}`, `{"id":"1","value":[],"@odata.nextLink":"https://graph.example/beta/x?$skiptoken=1"}`,
		`{"id":"1","value":[],"settings@odata.nextLink":"https://evil.example/x"}`, `{"id":"2","value":[]}`, `{"value":[{"id":"1","displayName":"All"},{}]}`,
		`{"value":[null]}`, `{"value":null}`, `{"id":"1","value":null}`, `{"id":1,"value":{}}`, intune, `{"id":"1"`, `{"ID":"1","Value":[]}`, `{"id":"1","value":[],"id":"2"}`,
	} {
		for _, status := range []int{200, 201, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503, 504} {
			f.Add(status, "Retry-After: 2.128\nWWW-Authenticate: Bearer claims=\"e30=\"", []byte(body), status%5 == 0, status%2 == 0)
		}
		f.Add(200, "", []byte(body), false, true)
		f.Add(200, "", []byte(body), false, false)
	}
	f.Fuzz(func(t *testing.T, status int, header string, body []byte, cut, batched bool) {
		if status < 100 || status > 999 {
			return // net/http answers no such thing
		}
		server := &inBatches{fuzzed{status: status, header: http.Header{}, body: body, broken: cut}}
		for line := range strings.Lines(header) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
				server.header.Add(name, value)
			}
		}
		var transport http.RoundTripper = server
		if !batched {
			transport = &server.fuzzed
		}
		clock := newSkipping(time.Hour)
		begin := clock.Now()
		c, err := New(Config{Tokens: always, BaseURL: "https://graph.example", HTTP: &http.Client{Transport: transport}, Clock: clock, Timeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		good := status/100 == 2 && (!cut || batched)
		said, object := tell(body)
		ctx := t.Context()
		wrong := func(method string) { t.Errorf("%s: %d %q is a success", method, status, body) }

		for _, key := range []graph.PolicyType{"settingsCatalogPolicy", "deviceCategory"} {
			rows := 0
			err := c.List(ctx, tenant, key, func(p graph.Page) error { rows += len(p.Headers); return nil })
			if err == nil && (status/100 != 2 || cut || rows != said.rows) {
				wrong("List")
			}
			checkError(t, err, false)

			results, err := c.Get(ctx, tenant, key, []string{"1", "1"})
			if err == nil && len(results) != 2 {
				wrong("Get")
			}
			checkError(t, err, false)
			for _, r := range results {
				checkError(t, r.Err, false)
				missing := said.rows < 0 || said.count != nil && said.count != float64(said.rows)
				if r.Err == nil && (!good || !object || !strings.EqualFold(said.id, "1") || key == "settingsCatalogPolicy" && missing) && batched {
					wrong("Get of " + string(key))
				}
			}

			id, err := c.Create(ctx, tenant, key, []byte(`{"displayName":"x","name":"x"}`))
			if err == nil && (status/100 != 2 || cut || id == "" || id != said.id) {
				wrong("Create")
			}
			checkError(t, err, true)
			if err := c.Update(ctx, tenant, key, "1", []byte(`{"displayName":"x","name":"x"}`)); err == nil && (status/100 != 2 || cut) {
				wrong("Update")
			} else {
				checkError(t, err, false)
			}
		}
		if err := c.Assign(ctx, tenant, "settingsCatalogPolicy", "1", nil); err == nil && (status/100 != 2 || cut) {
			wrong("Assign")
		} else {
			checkError(t, err, false)
		}
		found, err := c.Resolve(ctx, tenant, []graph.Reference{{Kind: "group", ID: "1", Name: "All"}, {Kind: "user", ID: "2", Name: "All"}})
		checkError(t, err, false)
		if err == nil && batched && (len(found) != 2 || !good || said.rows < 0) {
			wrong("Resolve")
		}
		if waited := clock.Now().Sub(begin); waited > 3*time.Hour || server.requests.Load() > 600 || server.foreign.Load() > 0 {
			t.Errorf("%s and %d requests, of which %d went elsewhere", waited, server.requests.Load(), server.foreign.Load())
		}
	})
}
