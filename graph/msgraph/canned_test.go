package msgraph_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

const contoso = graph.TenantID("contoso")

// canned is a Graph that answers from a table: the keys are addresses below the root, without
// escapes ("/beta/things?$top=5"), the values what it says to a GET, alone or in a batch. It
// knows nothing else, so a request that a test does not expect is answered with 404.
type canned struct {
	answers map[string]any // a body; a status; or a function that returns one: of how often it was asked, or of the request

	mu    sync.Mutex
	asked map[string]int
	calls int // HTTP requests
	root  string
}

func serveCanned(t *testing.T, answers map[string]any) *canned {
	s := &canned{answers: answers, asked: map[string]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.root = server.URL
	return s
}

func (s *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
	if !strings.HasSuffix(r.URL.Path, "/$batch") {
		status, body := s.answer(r.Context(), r.URL.RequestURI())
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	type item struct {
		ID     string          `json:"id"`
		URL    string          `json:"url,omitempty"`
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	}
	var batch struct{ Requests []item }
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &batch) != nil || len(batch.Requests) > 20 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for i, it := range batch.Requests {
		status, body := s.answer(r.Context(), strings.TrimSuffix(r.URL.Path, "/$batch")+it.URL)
		batch.Requests[i] = item{ID: it.ID, Status: status, Body: body}
	}
	answer := []byte(`{"responses":[`)
	for i, it := range batch.Requests { // by hand: json.Marshal would change the bytes of bodies
		if i > 0 {
			answer = append(answer, ',')
		}
		head, _ := json.Marshal(map[string]any{"id": it.ID, "status": it.Status})
		answer = append(append(append(answer, head[:len(head)-1]...), `,"body":`...), it.Body...)
		answer = append(answer, '}')
	}
	_, _ = w.Write(append(answer, "]}"...))
}

func (s *canned) answer(ctx context.Context, uri string) (status int, body []byte) {
	u, err := url.Parse(uri)
	if err != nil {
		return http.StatusBadRequest, []byte("{}")
	}
	address := u.Path
	if query, _ := url.PathUnescape(u.RawQuery); query != "" {
		address += "?" + query
	}
	s.mu.Lock()
	s.asked[address]++
	n := s.asked[address]
	s.mu.Unlock()
	said, ok := s.answers[address]
	switch f := said.(type) {
	case func(int) any:
		said = f(n)
	case func(context.Context) any:
		said = f(ctx)
	}
	switch said := said.(type) {
	case string:
		return http.StatusOK, []byte(strings.ReplaceAll(said, "ROOT", s.root))
	case int:
		return said, []byte(`{"error":{"code":"Oops","message":"it does not work"}}`)
	}
	if !ok {
		return http.StatusNotFound, []byte(`{"error":{"code":"ResourceNotFound","message":"nothing there"}}`)
	}
	return http.StatusInternalServerError, []byte(`{}`)
}

// times is how often an address was asked for.
func (s *canned) times(address string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[address]
}

// matching is how many requests there were for addresses that hold a text.
func (s *canned) matching(part string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for address, times := range s.asked {
		if strings.Contains(address, part) {
			n += times
		}
	}
	return n
}

// client is a client of the server that knows the given types only, and tries everything once.
func (s *canned) client(t *testing.T, types ...graph.TypeInfo) *msgraph.Client {
	return s.clientWith(t, msgraph.Config{}, types...)
}

func (s *canned) clientWith(t *testing.T, cfg msgraph.Config, types ...graph.TypeInfo) *msgraph.Client {
	t.Helper()
	catalogue, err := graph.NewCatalogue(types...)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Catalogue, cfg.BaseURL, cfg.Attempts = catalogue, s.root, 1
	cfg.Limits = unlimited
	if cfg.Tokens == nil {
		cfg.Tokens = token("a.b.c")
	}
	c, err := msgraph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var unlimited = map[graph.Workload]msgraph.Limit{
	graph.WorkloadIntune:    {Rate: -1, Burst: -1, WriteRate: -1, WriteBurst: -1, AtOnce: 16},
	graph.WorkloadAccess:    {Rate: -1, Burst: -1, WriteRate: -1, WriteBurst: -1, AtOnce: 16},
	graph.WorkloadDirectory: {Rate: -1, Burst: -1, WriteRate: -1, WriteBurst: -1, AtOnce: 16},
}

// token is a source that always gives the same one.
type token string

func (s token) Token(context.Context, graph.TenantID, string) (msgraph.Token, error) {
	return msgraph.Token{Value: string(s), Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
}

// jwt is a token with claims, signed by nobody.
func jwt(claims string) token {
	encode := base64.RawURLEncoding.EncodeToString
	return token(encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + ".x")
}

// thing is a type with an object per row; change adapts it.
func thing(change func(*graph.TypeInfo)) graph.TypeInfo {
	info := graph.TypeInfo{
		Key: "thing", Path: "/things", Version: "beta", NameProperty: "displayName",
		Support: graph.Restorable, Workload: graph.WorkloadIntune,
	}
	if change != nil {
		change(&info)
	}
	return info
}

// get fetches things and fails the test when the call as a whole fails.
func get(t *testing.T, c *msgraph.Client, ids ...string) []graph.Result {
	t.Helper()
	results, err := c.Get(t.Context(), contoso, "thing", ids)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(ids) {
		t.Fatalf("%d results for %d ids", len(results), len(ids))
	}
	return results
}

// one fetches one thing that is there.
func one(t *testing.T, c *msgraph.Client, id string) graph.Policy {
	t.Helper()
	r := get(t, c, id)[0]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	return r.Policy
}

func wantKind(t *testing.T, err error, want graph.Kind) {
	t.Helper()
	if got := graph.KindOf(err); got != want {
		t.Errorf("the error is %q (%v), want %q", got, err, want)
	}
}
