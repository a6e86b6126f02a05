package msgraph

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Where Multi Admin Approval protects a part of Intune, a write is refused twice over: without a
// justification it is turned away, and with one Intune only notes a request for its approval and
// answers with the request's id, the code. Once another administrator has approved it, the very
// same request with the code instead of the justification is done, once.
//
// So that a later write, of another process perhaps, finds the code again, a justification ends
// with a mark of the request that it is for, and the approved requests are looked through for the
// mark before a write is sent. Intune keeps the codes; nobody else has to.
// Source: https://learn.microsoft.com/intune/fundamentals/role-based-access-control/multi-admin-approval-graph-api
const (
	justificationHeader = "X-Msft-Approval-Justification" // Base64 of UTF-8
	approvalHeader      = "X-Msft-Approval-Code"          // a GUID as it is
	approvalRequests    = "/deviceManagement/operationApprovalRequests"
)

// maxJustification is how many characters a justification has at most. Longer ones are refused;
// the service is written in .NET, which counts in UTF-16.
const maxJustification = 1024

// mark tells a request from all others: only the same one has been approved. It begins with that
// of its object.
func (r call) mark() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s%s\n%s", r.method, r.version, r.relative(), r.body))
	return r.objectMark() + hex.EncodeToString(sum[:12])
}

// objectMark is the part of a mark that the requests of a write to one object share, by its id: the
// third segment of a path, after the service and the collection, where the call names no other.
func (r call) objectMark() string {
	segments := append(strings.SplitN(r.path, "/", 5), "", "", "", "")
	sum := sha256.Sum256([]byte(cmp.Or(r.partOf, segments[3])))
	return hex.EncodeToString(sum[:4])
}

// marked is a mark at the end of a justification.
var marked = regexp.MustCompile(`\[write ([0-9a-f]{32})\]$`)

// justification is a reason with a mark behind it, as the header has it.
func justification(reason, mark string) string {
	mark = " [write " + mark + "]"
	left := maxJustification - len(mark)
	cut := func(c rune) bool {
		left -= utf16.RuneLen(c)
		return left < 0
	}
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if end := strings.IndexFunc(reason, cut); end >= 0 {
		reason = reason[:end]
	}
	return base64.StdEncoding.EncodeToString([]byte(reason + mark))
}

// approval is a request for the approval of a write: nothing, one that waits, or one that was
// approved.
type approval struct {
	code  string
	given bool
}

// justified sends a write with its reason, or with the code of its approval.
func (c *Client) justified(ctx context.Context, tenant graph.TenantID, r call, reason string) ([]byte, error) {
	mark := r.mark()
	asked, err := c.approvalOf(ctx, tenant, r, mark)
	switch {
	case err != nil:
		return nil, err
	case asked.given:
		coded := r
		coded.code = asked.code
		e := &effort{}
		body, err := c.persist(ctx, tenant, coded, e)
		if err != nil { // the approval may be there still: the next write looks
			c.memory(tenant).holdsBack()
		}
		switch kind := graph.KindOf(err); {
		case kind != graph.KindForbidden && kind != graph.KindApprovalRequired:
			return body, err
		case e.unsure: // the approval was used up, perhaps, by the try whose answer was lost
			return nil, unsure(err)
		}
		// The approval is over: another one is needed.
	case asked.code != "":
		return nil, r.fail(graph.KindApprovalRequired, errWaits(asked.code))
	}
	r.justification = justification(reason, mark)
	body, err := c.persist(ctx, tenant, r, &effort{})
	if graph.KindOf(err) == graph.KindApprovalRequired {
		c.memory(tenant).holdsBack()
	}
	var e *graph.Error
	if errors.As(err, &e) && errors.Is(e.Err, errOpen) && c.memory(tenant).asked(r) {
		e.Err = errAsked
	}
	return body, err
}

// unsure makes the refusal of a code that of a write of which nobody knows whether it was done.
func unsure(err error) error {
	var e *graph.Error
	if !errors.As(err, &e) {
		return err
	}
	lost := *e
	lost.Kind, lost.Err = graph.KindAmbiguous, errUsed
	return &lost
}

// approvalOf looks for a request for the approval of a write. Where requests may not be read, or are
// not there, there are none: the write is refused then if it needs an approval.
//
// A look that failed in another way says nothing, so it is not remembered. What ails all of Graph
// ends the write, which would fare no better and is made again later. After any other failure it
// goes on: where only this list is broken, a tenant without protection could not be restored else,
// and where there is protection the worst is one request too many.
func (c *Client) approvalOf(ctx context.Context, tenant graph.TenantID, r call, mark string) (approval, error) {
	m := c.memory(tenant)
	if asked, known := m.takeApproval(mark); known {
		return asked, nil
	}
	found, failed := map[string]approval{}, error(nil)
	for _, status := range []string{"needsApproval", "approved"} {
		list := call{op: r.op, t: r.t, workload: r.workload, method: http.MethodGet, version: "beta", minimal: true,
			path: approvalRequests, query: "$filter=status%20eq%20'" + status + "'&$select=id,status,requestJustification"}
		failed = c.pages(ctx, tenant, list, func(rows []json.RawMessage) error {
			for _, row := range rows {
				request, _ := fields(row)
				of := marked.FindStringSubmatch(text(request["requestJustification"]))
				if id := idOf(row); of != nil && text(request["status"]) == status && wholeGUID.MatchString(id) {
					found[of[1]] = approval{id, status == "approved"}
				}
			}
			return nil
		})
		if failed != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return approval{}, ctx.Err()
	}
	if known, err := looked(failed); !known {
		return found[mark], err
	}
	m.lock()
	defer m.mu.Unlock()
	m.approvals = found
	asked, _ := m.take(mark)
	return asked, nil
}

// looked tells whether a look that ended so is worth remembering, and what its write ends with.
func looked(failed error) (known bool, err error) {
	var e *graph.Error
	if !errors.As(failed, &e) {
		return failed == nil, nil
	}
	switch status := e.StatusCode; {
	case status == http.StatusBadRequest || status == http.StatusForbidden || status == http.StatusNotFound:
		return true, nil
	case e.Kind == graph.KindThrottled || e.Kind == graph.KindUnauthorized,
		e.Kind.Retryable() && (status == 0 || status == http.StatusServiceUnavailable):
		unsent := *e
		unsent.NotSent = true
		return false, &unsent
	}
	return false, nil
}

// holdsBack remembers that the tenant holds writes back: an approval may be given at any time.
func (m *memory) holdsBack() {
	m.lock()
	defer m.mu.Unlock()
	m.held = true
}

// asked tells whether a request that a client like this one has made for the object of a write was
// open when somebody looked.
func (m *memory) asked(r call) bool {
	m.lock()
	defer m.mu.Unlock()
	for mark := range m.approvals {
		if strings.HasPrefix(mark, r.objectMark()) {
			return true
		}
	}
	return false
}

// takeApproval returns an approval, which is good for once. It reports false when nobody knows
// whether there is one by now.
func (m *memory) takeApproval(mark string) (approval, bool) {
	m.lock()
	defer m.mu.Unlock()
	return m.take(mark)
}

// take is takeApproval with m locked.
func (m *memory) take(mark string) (approval, bool) {
	asked, found := m.approvals[mark]
	if asked.given {
		delete(m.approvals, mark)
	}
	return asked, asked.given || !found && !m.held && m.approvals != nil
}

const guid = `[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`

var (
	wholeGUID = regexp.MustCompile(`^` + guid + `$`)
	toldCode  = regexp.MustCompile(`(?i)` + approvalHeader + `[\s":]+(` + guid + `)`)
)

// held says why a write waits for other administrators, nil when that is not why it was refused.
//
// Microsoft's page has had 403 with the code ApprovalRequired and has 412 with BadRequest for a
// write with a justification, and 403 and 400 for one without. A repeat is 409, and nothing but
// its text tells it from a name that is taken; tools that meet it go by this text:
// "An active Approval Request already exists".
func (r refusal) held(a answer) error {
	switch a.status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusConflict, http.StatusPreconditionFailed:
	default:
		return nil
	}
	message := strings.ToLower(strings.Join(r.messages, " "))
	code := a.header.Get(approvalHeader)
	if !wholeGUID.MatchString(code) {
		code = ""
		if found := toldCode.FindStringSubmatch(message); found != nil {
			code = found[1]
		}
	}
	switch {
	case code != "":
		return errWaits(strings.ToLower(code))
	case strings.EqualFold(r.code, "ApprovalRequired"):
		return errApproval
	case strings.Contains(message, strings.ToLower(justificationHeader)+"' is required"):
		return errReason
	case a.status == http.StatusConflict && strings.Contains(message, "active approval request already exists"):
		return errOpen
	}
	return nil
}

func errWaits(code string) error {
	return fmt.Errorf("it waits for the approval of request %s in the Intune admin center; make the same write again once that is given", code)
}

var (
	errApproval = errors.New("it waits for an approval in the Intune admin center; make the same write again once that is given")
	errReason   = errors.New("the tenant lets changes be approved and wants a reason for them; give one with graph.WithJustification")
	errUsed     = errors.New("an answer was lost and the approval is used up; look whether the write was done before you make it again")
	errOpen     = errors.New("a request for the approval of a change of this object is open; have it approved or cancelled in the Intune admin center, then make the write again")
	errAsked    = fmt.Errorf("%w; an earlier try has asked for it", errOpen)
)

// stops tells whether a write that takes several requests ends with one of them. It goes on where
// another request for approval stands in the way that such a client has made: that may be for one
// that follows, which was approved and would never be sent. Where somebody else has made it, what
// follows would be written without what goes before it.
func stops(err error) bool { return err != nil && !errors.Is(err, errAsked) }

// either is the first of two errors that is one.
func either(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
