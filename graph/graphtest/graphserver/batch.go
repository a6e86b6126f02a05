package graphserver

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// maxBatch is how many requests a batch has at most.
const maxBatch = 20

// batchItem is a request in a batch.
type batchItem struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// batchAnswer is the answer to one.
type batchAnswer struct {
	ID      string
	Status  int
	Headers map[string]string
	Body    []byte
}

// batch answers many requests in one, in any order.
func (s *Server) batch(r *request) answer {
	if r.method != http.MethodPost {
		return r.methodNotAllowed()
	}
	var in struct {
		Requests []batchItem `json:"requests"`
	}
	if err := json.Unmarshal(r.body, &in); err != nil || len(in.Requests) == 0 {
		return r.badRequest("Invalid batch payload format.")
	}
	if problem := checkBatch(in.Requests); problem != "" {
		return r.badRequest("%s", problem)
	}
	order, circular := inOrder(in.Requests)
	if circular {
		return r.badRequest("The dependsOn properties of the requests form a circle.")
	}
	status := map[string]int{}
	var answers []batchAnswer
	for _, item := range order {
		a := s.batched(r, item, status)
		status[strings.ToLower(item.ID)] = a.Status
		answers = append(answers, a)
	}
	s.shuffle(answers, r.body)
	if _, _, ok := s.due(r, onSending, func(name string) bool { return name == batchMissing }); ok {
		answers = answers[1:]
	}
	var all [][]byte
	for _, a := range answers {
		all = append(all, a.document())
	}
	return ok(object([]member{{"responses", array(all)}}))
}

// inOrder puts requests behind those that they depend on.
func inOrder(todo []batchItem) (order []batchItem, circular bool) {
	done := map[string]bool{}
	for len(todo) > 0 {
		var later []batchItem
		for _, item := range todo {
			if slices.ContainsFunc(item.DependsOn, func(id string) bool { return !done[strings.ToLower(id)] }) {
				later = append(later, item)
				continue
			}
			done[strings.ToLower(item.ID)] = true
			order = append(order, item)
		}
		if len(later) == len(todo) {
			return nil, true
		}
		todo = later
	}
	return order, false
}

// document is an answer as a batch has it. A body is not encoded again, so that its bytes
// are those of an answer of its own.
func (a batchAnswer) document() []byte {
	headers, _ := json.Marshal(a.Headers) // strings only
	list := []member{{"id", quote(a.ID)}, {"status", number(a.Status)}, {"headers", headers}}
	if a.Body != nil {
		list = append(list, member{"body", a.Body})
	}
	return object(list)
}

// checkBatch says what is wrong with a batch as a whole.
func checkBatch(items []batchItem) string {
	if len(items) > maxBatch {
		return "Number of batch request steps exceeds the maximum value of 20."
	}
	seen := map[string]bool{}
	for _, item := range items {
		id := strings.ToLower(item.ID)
		switch {
		case id == "" || item.Method == "" || item.URL == "":
			return "A batch request needs id, method and url."
		case seen[id]:
			return "Request Id '" + item.ID + "' is not unique in the batch."
		}
		seen[id] = true
	}
	for _, item := range items {
		for _, on := range item.DependsOn {
			if !seen[strings.ToLower(on)] {
				return "Request '" + item.ID + "' depends on '" + on + "', which is not in the batch."
			}
		}
	}
	return ""
}

// batched answers one item.
func (s *Server) batched(outer *request, item batchItem, status map[string]int) batchAnswer {
	r := &request{
		ctx: outer.ctx, now: outer.now, id: requestID(s.serial.next()), client: outer.client, who: outer.who,
		method: strings.ToUpper(item.Method), version: outer.version, header: http.Header{}, body: item.Body, base: outer.base, item: true,
	}
	for key, v := range item.Headers {
		r.header.Set(key, v)
	}
	if id := r.header.Get("client-request-id"); id != "" {
		r.client = id
	}
	r.metadata = metadataOf(r.header)
	a := s.answerItem(r, item, status)
	if a.lost {
		a = r.fail(http.StatusGatewayTimeout, "UnknownError", "")
	}
	out := batchAnswer{ID: item.ID, Status: a.status, Headers: map[string]string{"request-id": r.id, "Cache-Control": "no-cache"}, Body: a.body}
	for key, values := range a.header {
		out.Headers[textproto.CanonicalMIMEHeaderKey(key)] = values[0]
	}
	if a.body != nil {
		out.Headers["Content-Type"] = r.contentType()
	}
	return out
}

func (s *Server) answerItem(r *request, item batchItem, status map[string]int) answer {
	for _, on := range item.DependsOn {
		if status[strings.ToLower(on)] >= 400 {
			return r.fail(http.StatusFailedDependency, "FailedDependency", "A request that this one depends on has failed.")
		}
	}
	if strings.Contains(item.URL, "://") {
		return r.badRequest("The url of a batch request is relative to the version.")
	}
	path, query, _ := strings.Cut(item.URL, "?")
	path = "/" + strings.TrimPrefix(path, "/")
	if strings.EqualFold(path, "/$batch") {
		return r.badRequest("Nested batch requests are not supported.")
	}
	if len(item.Body) > 0 && r.header.Get("Content-Type") == "" {
		return r.badRequest("Write request id : %s does not contain Content-Type header or body.", item.ID)
	}
	if a := r.locate(path, query); a != nil {
		return *a
	}
	return s.handle(r)
}

// shuffle puts answers into an order of its own, the same for the same batch.
func (s *Server) shuffle(answers []batchAnswer, body []byte) {
	h := fnv.New64a()
	_, _ = h.Write(body)
	rng := rand.New(rand.NewPCG(s.cfg.Seed, h.Sum64()))
	rng.Shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
}
