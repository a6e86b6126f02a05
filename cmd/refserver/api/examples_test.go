package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// exchanges are what -update has seen.
var exchanges = struct {
	sync.Mutex
	byID map[string]example
}{byID: map[string]example{}}

// exampleItems is how many elements of a list an example keeps.
const exampleItems = 2

func TestMain(m *testing.M) {
	code := m.Run()
	if *update && code == 0 {
		raw, err := json.MarshalIndent(exchanges.byID, "", " ")
		if err == nil {
			err = os.WriteFile("examples.json", append(raw, '\n'), 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// keepExample remembers, with -update, the exchange of each operation that says most, lists cut
// short.
func (w *world) keepExample(method, path, body string, r reply) {
	op, ok := w.document.find(method, path)
	if !*update || !ok || r.status/100 != 2 || strings.Contains(body+r.body, secret) { // a made-up secret is no example
		return
	}
	e := example{Status: r.status, Request: shortened(body), Answer: shortened(r.body)}
	exchanges.Lock()
	defer exchanges.Unlock()
	if best := exchanges.byID[op.ID]; len(e.Request)+len(e.Answer) > len(best.Request)+len(best.Answer) && len(e.Request)+len(e.Answer) < 6000 || best.Status == 0 {
		exchanges.byID[op.ID] = e
	}
}

// shortened cuts the lists of a JSON value; what is none is left out.
func shortened(text string) json.RawMessage {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	raw, err := json.Marshal(cut(v))
	if err != nil {
		return nil
	}
	return raw
}

func cut(v any) any {
	switch v := v.(type) {
	case []any:
		v = v[:min(len(v), exampleItems)]
		for i := range v {
			v[i] = cut(v[i])
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = cut(v[k])
		}
	}
	return v
}

// Every operation shows a request, where it takes one, and an answer, and both are what the
// document says.
func TestEveryOperationHasExamplesThatFit(t *testing.T) {
	if *update {
		t.Skip("the examples are being written")
	}
	w := newWorld(t)
	fits := func(op operation, what string, m mediaType) {
		t.Helper()
		if len(m.Example) == 0 {
			t.Errorf("%s has no example of its %s: run the tests of this package with -update", op.ID, what)
			return
		}
		dec := json.NewDecoder(bytes.NewReader(m.Example))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Errorf("%s: %v", op.ID, err)
			return
		}
		for _, e := range w.document.check(m.Schema, v, "$") {
			t.Errorf("%s: the example of its %s: %s", op.ID, what, e)
		}
	}
	for _, op := range w.document.list {
		if op.RequestBody != nil {
			if m, ok := op.RequestBody.Content["application/json"]; ok {
				fits(op, "request", m)
			}
		}
		shown, answers := 0, 0
		for status, r := range op.Responses {
			m, ok := r.Content["application/json"]
			if !ok || !strings.HasPrefix(status, "2") {
				continue
			}
			answers++
			if len(m.Example) > 0 {
				shown++
				fits(op, status, m)
			}
		}
		if answers > 0 && shown == 0 {
			t.Errorf("%s has no example of an answer: run the tests of this package with -update", op.ID)
		}
	}
}
