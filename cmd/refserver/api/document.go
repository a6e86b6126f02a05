package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// The paths that belong to no tenant and ask for no token.
const (
	healthPath   = "/healthz"
	readyPath    = "/readyz"
	documentPath = "/openapi.json"
)

const securityScheme = "token"

// documentConfig configures huma without its extras: no documentation pages, no $schema
// links in bodies, one format.
func documentConfig() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "tenantbackup", Version: "1",
				Description: "Scheduled, verified backups of Microsoft Graph configuration, per tenant. " +
					"Every field of an answer is always there: null or an empty list when it does not apply. " +
					"Unknown fields and query parameters are refused. Errors are problem details with a stable code.",
			},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{securityScheme: {Type: "http", Scheme: "bearer"}},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{maskErrors},
	}
}

// describe finishes the OpenAPI document.
func (a *API) describe() ([]byte, error) {
	schemas := a.huma.OpenAPI().Components.Schemas.Map()
	// huma registers its own error model for every operation, and the body that an answer
	// without one does not have.
	for _, unused := range []string{"ErrorModel", "ErrorDetail", "Nothing"} {
		delete(schemas, unused)
	}
	for _, s := range schemas {
		neverNull(s)
	}
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range operationsOf(item) {
			for _, p := range op.Parameters {
				neverNull(p.Schema)
			}
		}
	}
	if err := addExamples(a.huma.OpenAPI()); err != nil {
		return nil, err
	}
	document, err := json.MarshalIndent(a.huma.OpenAPI(), "", " ")
	if err != nil {
		return nil, fmt.Errorf("api: writing the OpenAPI document: %w", err)
	}
	return append(document, '\n'), nil
}

// neverNull undoes huma's default that lists may be null, which could be changed only for
// everybody in the process.
func neverNull(s *huma.Schema) {
	if s.Type == huma.TypeArray {
		s.Nullable = false
		neverNull(s.Items)
	}
	for _, p := range s.Properties {
		neverNull(p)
	}
	if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
		neverNull(values)
	}
}

func (a *API) serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(a.document) // only a broken connection can fail
}
