package graphtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Multi Admin Approval never does a protected write at once: the first call asks for the approval
// of exactly this write, and is refused with the id of that request. Once another administrator
// has approved it, the same write goes through, once.
// Source: https://learn.microsoft.com/intune/fundamentals/role-based-access-control/multi-admin-approval-graph-api

// ApprovalStatus is what has become of a request for approval.
type ApprovalStatus string

// The statuses of requests, as Graph calls them.
const (
	ApprovalNeeded    ApprovalStatus = "needsApproval"
	ApprovalGiven     ApprovalStatus = "approved" // the write can be made
	ApprovalRejected  ApprovalStatus = "rejected"
	ApprovalCancelled ApprovalStatus = "cancelled"
	ApprovalCompleted ApprovalStatus = "completed" // the write was made
	ApprovalExpired   ApprovalStatus = "expired"
)

// approvalLife is how long something can be done with a request.
const approvalLife = 3 * 24 * time.Hour

// Approval is a request for the approval of a write: an operationApprovalRequest of Graph.
type Approval struct {
	ID            string // the code that the write is sent with once it is approved
	Key           Key    // what is written; the ID is empty for what is created
	Justification string
	Status        ApprovalStatus
	RequestedAt   time.Time
	ExpiresAt     time.Time

	content string
}

// open tells whether nobody else can ask for a change of the same object.
func (a Approval) open() bool { return a.Status == ApprovalNeeded || a.Status == ApprovalGiven }

// held is what a write is answered with that waits for it.
func (a Approval) held() error {
	return &HeldError{Code: a.ID, Text: "Approval Required. Request Approval using the request ID returned as part of the x-msft-approval-code response header. x-msft-approval-code: " + a.ID}
}

// Attempt is a write as Multi Admin Approval sees it. A server makes it from a request. Of the
// calls of its methods the Graph makes its own, which find the code of an approved write by
// themselves, and ask for nothing twice.
type Attempt struct {
	Content       string // the same for the same write only
	Justification string
	Invalid       string // what is wrong with the form in which the justification came
	Code          string // the id of an approval
}

type attemptKey struct{}

// attempted is a write that came as a request.
type attempted struct {
	Attempt
	through atomic.Bool // it was approved
}

// WithAttempt lets the writes with the context count as one that came as a request.
func WithAttempt(ctx context.Context, a Attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, &attempted{Attempt: a})
}

// HeldError is why a write is held back, in an error that is KindApprovalRequired.
type HeldError struct {
	Code string // the id of the request for approval that the write has made; empty for none
	Text string // what Graph says
}

// Error says what Graph says.
func (e *HeldError) Error() string { return e.Text }

type approvals struct {
	mu       sync.Mutex
	byTenant map[graph.TenantID][]*Approval
}

// Approvals returns the requests for approval in a tenant, the oldest first.
func (g *Graph) Approvals(id graph.TenantID) []Approval {
	g.approvals.mu.Lock()
	defer g.approvals.mu.Unlock()
	var out []Approval
	for _, a := range g.approvals.of(id, g.clock.Now()) {
		out = append(out, *a)
	}
	return out
}

// Decide gives the requests of a tenant that wait another status, as another administrator
// does, and returns how many they were. Without ids it decides all of them.
func (g *Graph) Decide(id graph.TenantID, status ApprovalStatus, ids ...string) int {
	g.approvals.mu.Lock()
	defer g.approvals.mu.Unlock()
	n := 0
	for _, a := range g.approvals.of(id, g.clock.Now()) {
		if a.Status == ApprovalNeeded && (len(ids) == 0 || slices.Contains(ids, a.ID)) {
			a.Status = status
			n++
		}
	}
	return n
}

// of are the requests in a tenant at a time.
func (l *approvals) of(id graph.TenantID, now time.Time) []*Approval {
	for _, a := range l.byTenant[id] {
		if a.open() && !now.Before(a.ExpiresAt) {
			a.Status = ApprovalExpired
		}
	}
	return l.byTenant[id]
}

// Hold is what Multi Admin Approval says to a write of a protected object, whose id is empty for
// one that is created. A write that goes through uses the approval up; it calls settle at its
// end, which gives the approval back when the write was not done.
func (g *Graph) Hold(id graph.TenantID, key Key, w Attempt) (settle func(done bool), err error) {
	g.approvals.mu.Lock()
	defer g.approvals.mu.Unlock()
	now := g.clock.Now()
	all := g.approvals.of(id, now)
	refuse := func(kind graph.Kind, status int, code string, cause error) (func(bool), error) {
		return nil, &graph.Error{Kind: kind, StatusCode: status, Code: code, Err: cause}
	}
	if w.Code != "" {
		i := slices.IndexFunc(all, func(a *Approval) bool { return a.ID == w.Code })
		if i < 0 || all[i].Status != ApprovalGiven || all[i].content != w.Content {
			return refuse(graph.KindForbidden, http.StatusForbidden, "Forbidden", errors.New("an error has occurred"))
		}
		all[i].Status = ApprovalCompleted
		return func(done bool) { g.approvals.settle(all[i], done) }, nil
	}
	open := slices.ContainsFunc(all, func(a *Approval) bool { return a.open() && key.ID != "" && a.Key == key })
	switch {
	case w.Invalid != "":
		return refuse(graph.KindInvalid, http.StatusBadRequest, "BadRequest", errors.New(w.Invalid))
	case w.Justification == "":
		return refuse(graph.KindApprovalRequired, http.StatusBadRequest, "BadRequest",
			&HeldError{Text: "Header 'x-msft-approval-justification' is required to request approval"})
	case open:
		return refuse(graph.KindApprovalRequired, http.StatusConflict, "Conflict",
			&HeldError{Text: "An active Approval Request already exists for this entity"})
	}
	a := &Approval{
		ID: fmt.Sprintf("a9900000-0000-4000-8000-%012x", len(all)+1), Key: key, Justification: w.Justification,
		Status: ApprovalNeeded, RequestedAt: now, ExpiresAt: now.Add(approvalLife), content: w.Content,
	}
	if g.approvals.byTenant == nil {
		g.approvals.byTenant = map[graph.TenantID][]*Approval{}
	}
	g.approvals.byTenant[id] = append(all, a)
	return refuse(graph.KindApprovalRequired, http.StatusPreconditionFailed, "BadRequest", a.held())
}

func (l *approvals) settle(a *Approval, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !done {
		a.Status = ApprovalGiven
	}
}

// held is Hold for a call of a client, if its type is protected.
func (g *Graph) held(ctx context.Context, c Call, content []json.RawMessage) (settle func(done bool), err error) {
	if !slices.Contains(g.cfg.ApprovalRequired, c.Type) {
		return func(bool) {}, nil
	}
	key := Key{Type: c.Type, ID: cmp.Or(append(slices.Clone(c.IDs), "")...)}
	w, ok := ctx.Value(attemptKey{}).(*attempted)
	switch {
	case !ok:
		w = &attempted{}
		w.Content = fmt.Sprintf("%s %s %s %s", c.Op, key.Type, key.ID, compacted(content))
		w.Justification = graph.Justification(ctx)
		for _, a := range g.Approvals(c.Tenant) {
			switch {
			case w.Justification == "" || a.content != w.Content:
			case a.Status == ApprovalGiven:
				w.Code = a.ID
			case a.Status == ApprovalNeeded:
				return nil, g.fail(c.Op, c.Type, graph.KindApprovalRequired, a.held())
			}
		}
	case w.through.Load():
		return func(bool) {}, nil
	}
	if settle, err = g.Hold(c.Tenant, key, w.Attempt); err != nil {
		var e *graph.Error
		errors.As(err, &e)
		return nil, complete(*e, c.Op, c.Type)
	}
	w.through.Store(true)
	return settle, nil
}

// compacted are documents without the space between their values. What is no JSON is refused later.
func compacted(docs []json.RawMessage) string {
	var b bytes.Buffer
	for _, d := range docs {
		_ = json.Compact(&b, d)
		b.WriteByte('\n')
	}
	return b.String()
}
