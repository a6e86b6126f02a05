package graphserver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// The headers of Multi Admin Approval.
// Source: https://learn.microsoft.com/intune/fundamentals/role-based-access-control/multi-admin-approval-graph-api
const (
	justificationHeader = "x-msft-approval-justification"
	approvalHeader      = "x-msft-approval-code"
)

// maxJustification is how many characters a justification has at most, as .NET counts them.
const maxJustification = 1024

// attempt is a write as Multi Admin Approval sees it. A justification is Base64 of UTF-8.
func (r *request) attempt() graphtest.Attempt {
	content := sha256.Sum256(fmt.Appendf(nil, "%s %s%s?%s\n%s", r.method, r.version, r.path, r.query.Encode(), r.body))
	a := graphtest.Attempt{Content: string(content[:]), Code: r.header.Get(approvalHeader)}
	text, err := base64.StdEncoding.DecodeString(r.header.Get(justificationHeader))
	switch a.Justification = string(text); {
	case err != nil, !utf8.Valid(text):
		a.Invalid = "Header '" + justificationHeader + "' could not be decoded"
	case len(utf16.Encode([]rune(a.Justification))) > maxJustification:
		a.Invalid = "Decoded content of '" + justificationHeader + "' header must be no greater than 1024 characters"
	}
	return a
}

// justified is the context for what a write does, with what it says of its approval.
func (r *request) justified() context.Context {
	if r.writing == nil {
		r.writing = graphtest.WithAttempt(r.ctx, r.attempt())
	}
	return r.writing
}

// hold is what the fault approval says to a write, nil to one that was approved. status is that
// of the first answer: Microsoft's page has had 403 for it and has 412 now.
func (s *Server) hold(r *request, at place, status int) *answer {
	key := graphtest.Key{}
	if at.resource != nil {
		key.Type = at.resource.types[0]
	}
	if len(at.rest) > 0 {
		key.ID = at.rest[0]
	}
	settle, err := s.graph.Hold(r.who.tenant, key, r.attempt())
	var e *graph.Error
	if errors.As(err, &e) {
		if e.StatusCode == http.StatusPreconditionFailed && status != 0 {
			e.StatusCode = status
		}
		a := s.failed(r, e)
		return &a
	}
	r.settle = settle
	return nil
}

// heldBack is the answer to a write that waits for an approval.
func (r *request) heldBack(e *graph.Error) answer {
	var held *graphtest.HeldError
	if !errors.As(e, &held) || held.Code == "" {
		return r.refusal(e.StatusCode, e.Code, e.Err.Error())
	}
	headers, _ := json.Marshal(map[string]string{approvalHeader: held.Code}) // strings only
	a := r.nestedWith(e.StatusCode, "BadRequest", held.Text, string(headers))
	if e.StatusCode == http.StatusForbidden {
		a = r.fail(e.StatusCode, "ApprovalRequired", held.Text)
	}
	return a.with(approvalHeader, held.Code)
}

const approvalRequests = "/deviceManagement/operationApprovalRequests"

// approvalReaders is what reading requests for approval takes, one of them.
var approvalReaders = []graph.Permission{{
	"DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All", "DeviceManagementRBAC.Read.All", "DeviceManagementRBAC.ReadWrite.All",
}}

// decisions are the actions on a request for approval.
var decisions = map[string]graphtest.ApprovalStatus{"approve": graphtest.ApprovalGiven, "reject": graphtest.ApprovalRejected}

// approvals answers for the requests for approval. Whether an app may decide on one Microsoft's
// pages disagree about; here it may, for want of people.
func (s *Server) approvals(r *request, rest []string) answer {
	if a := s.permitted(r, [][]graph.Permission{approvalReaders}); a != nil {
		return *a
	}
	if r.method == http.MethodPost && len(rest) == 2 && decisions[rest[1]] != "" {
		if s.graph.Decide(r.who.tenant, decisions[rest[1]], rest[0]) == 0 {
			return r.notFound(rest[0])
		}
		return ok200(r, object([]member{{"value", quote(rest[1])}}), "Edm.String")
	}
	if r.method != http.MethodGet {
		return r.methodNotAllowed()
	}
	var docs [][]byte
	for _, a := range s.graph.Approvals(r.who.tenant) {
		doc := object([]member{
			{"id", quote(a.ID)}, {"status", quote(string(a.Status))}, {"requestJustification", quote(a.Justification)}, {"payloadId", quote(a.Key.ID)},
			{"requestDateTime", quote(a.RequestedAt.UTC().Format(time.RFC3339))}, {"expirationDateTime", quote(a.ExpiresAt.UTC().Format(time.RFC3339))},
		})
		if len(rest) > 0 && rest[0] == a.ID {
			return ok200(r, doc, approvalRequests+"/$entity")
		}
		docs = append(docs, doc)
	}
	if len(rest) > 0 {
		return r.notFound(rest[0])
	}
	return s.directoryPage(r, approvalRequests, docs)
}
