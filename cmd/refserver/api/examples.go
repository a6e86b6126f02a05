package api

import (
	_ "embed" // the examples
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// exampleFile has a request and an answer of each operation, as the tests of this package sent and
// got them; their lists are cut short. The tests write it with -update and hold it against the
// document.
//
//go:embed examples.json
var exampleFile []byte

// example is one exchange.
type example struct {
	Status  int             `json:"status"`
	Request json.RawMessage `json:"request,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

// addExamples writes the examples into the operations.
func addExamples(doc *huma.OpenAPI) error {
	var all map[string]example
	if err := json.Unmarshal(exampleFile, &all); err != nil {
		return fmt.Errorf("api: reading the examples: %w", err)
	}
	for _, item := range doc.Paths {
		for _, op := range operationsOf(item) {
			e := all[op.OperationID]
			if body := op.RequestBody; body != nil && e.Request != nil && body.Content["application/json"] != nil {
				body.Content["application/json"].Example = e.Request
			}
			if r := op.Responses[strconv.Itoa(e.Status)]; r != nil && e.Answer != nil && r.Content["application/json"] != nil {
				r.Content["application/json"].Example = e.Answer
			}
		}
	}
	return nil
}
