// Package graph is the seam between this module and Microsoft Graph.
//
// The parts:
//
//   - [Reader] lists and fetches policies, [Writer] changes them, [Client] (also
//     known as [GraphClient]) is both. Whatever only looks is given a Reader, so it
//     has nothing to write with.
//   - [Policy] is one captured object: its raw bytes and the raw bytes of its parts,
//     exactly as Graph sent them.
//   - [Error] is the one error type that callers read: what kind of failure, and how
//     long to wait.
//   - [Catalog] is the table of policy types as data; embedders add their own.
//
// One rule holds everywhere: a failure never looks like an empty answer. A listing
// that did not reach its end is an error, and so is an object with fewer parts than
// Graph announced.
package graph

import (
	"context"
	"encoding/json"
)

// TenantID names a customer directory. The host chooses the value (usually the Entra
// tenant GUID); this module only compares it. It is the second parameter of every
// method, after ctx.
type TenantID string

// PolicyType is the key of a type in the [Catalogue], such as "settingsCatalogPolicy".
type PolicyType string

// Policy is one complete object as Graph sent it.
//
// Raw and every part keep the bytes as received: nothing is re-encoded, so numbers,
// key order and OData annotations survive. A Policy is not changed after it was
// handed out, and whoever receives one may keep it.
type Policy struct {
	Type      PolicyType
	ID        string // Graph's object id, unique within tenant and type
	Name      string // the value of the type's name property
	ODataType string // "@odata.type", empty where Graph left it out

	Raw   json.RawMessage // the object itself
	Parts []Part          // what Graph keeps beside the object: settings, assignments ...

	// References gives names to the ids that the object refers to, as far as they were
	// looked up, so that a restore elsewhere can map them.
	References []Reference

	// Warnings are stable item reason codes about this capture, such as
	// [WarningSecretsMasked]. They do not make the capture incomplete.
	Warnings []string
}

// The warnings that clients give. docs/errors.md lists them with the reason codes of items.
const (
	WarningSecretsMasked = "secrets_masked" // Graph did not show secrets of the object
	WarningNamesMissing  = "names_missing"  // Graph did not let the names of References be looked up
)

// Part is one named raw part of a policy, for example "settings" or "assignments".
// Names are unique within a policy.
type Part struct {
	Name string
	Raw  json.RawMessage // one JSON value, usually an array
}

// Reference is the human side of an id inside a policy.
type Reference struct {
	Kind string `json:"kind"` // "group", "filter", "scopeTag", ...
	ID   string `json:"id"`
	Name string `json:"name"`
	Rule string `json:"rule,omitempty"` // a group's membership rule
}

// Header is one row of a listing.
type Header struct {
	ID        string
	Name      string
	ODataType string

	// Policy is set when the listed row already is the whole capture (for example
	// Conditional Access), which saves one call per policy. When nil, [Reader.Get]
	// fetches it.
	Policy *Policy
}

// Page is one page of a listing, in Graph's order. It may be empty and still not be
// the last one. The receiver may keep it.
type Page struct {
	Headers []Header
}

// Result is the outcome of fetching one policy.
type Result struct {
	ID     string
	Policy Policy // valid when Err is nil
	Err    error  // an *[Error]; KindNotFound when it was deleted since the listing
}

// Reader reads policies. Implementations are safe for concurrent use.
//
// Errors are *[Error] values (or wrap one), or the context's error when ctx ended.
// An unknown type is KindUnsupported.
type Reader interface {
	// List reads all policies of a type and calls page for each page in order, from
	// the caller's goroutine. It returns nil only when the chain of pages was followed
	// to its end, so nil means "these are all". An error from page stops the listing
	// and is returned as it is. The same id may come twice when objects change between
	// pages.
	List(ctx context.Context, tenant TenantID, t PolicyType, page func(Page) error) error

	// Get fetches complete policies, one Result per id in the order of the ids; the
	// implementation may batch. An error of one item is in its Result. The returned
	// error speaks for the whole call (token, throttling, network, ctx); the results
	// beside it are those that were finished before, possibly none.
	//
	// A policy with fewer sub-items than Graph announced is KindIncomplete.
	Get(ctx context.Context, tenant TenantID, t PolicyType, ids []string) ([]Result, error)

	// Resolve looks up what references name: objects of the directory (kinds "group",
	// "user", "application", "role"), which are of no policy type. An application's id is
	// its client id, the same in every tenant for Microsoft's own. It returns one
	// Resolution per reference in their order. A kind that the client cannot look up is
	// KindUnsupported.
	Resolve(ctx context.Context, tenant TenantID, refs []Reference) ([]Resolution, error)
}

// Resolution is what a tenant has for a [Reference].
type Resolution struct {
	Exists bool // there is an object with the reference's id

	// Matches are the objects of the reference's kind and name, also in letter case, and of
	// its membership rule when it has one. The client may stop after two.
	Matches []Reference
}

// Writer changes policies. It is separate from [Reader] so that a preview cannot write
// by construction. Implementations are safe for concurrent use.
//
// A body is the object as Graph would show it, without what the catalogue says that a write
// does not take ([WriteRules]), and with the parts of the policy but its assignments inline
// under their names. Where Graph wants parts in calls of their own, the client makes these.
//
// Where Multi Admin Approval is on, a write with [WithJustification] asks for an approval and is
// KindApprovalRequired until another administrator has given that. The same write, made again
// after that, is done.
type Writer interface {
	// Create makes a new object and returns its id. It is not idempotent: when the
	// reply was lost the error is KindAmbiguous, and the caller looks before it tries
	// again; when the request was never sent it is [Error] NotSent. An id beside an error tells that the object exists and something of it is
	// missing, which an Update with the body writes.
	Create(ctx context.Context, tenant TenantID, t PolicyType, body json.RawMessage) (id string, err error)

	// Update changes an existing object. KindNotFound when there is none. What the body
	// leaves out stays, unless [WriteRules] say that the type's updates replace the whole.
	Update(ctx context.Context, tenant TenantID, t PolicyType, id string, body json.RawMessage) error

	// Assign replaces the whole list of assignments of an object with the given ones, each a
	// JSON object with a target (its "@odata.type" and the ids of group or collection and
	// filter) and the AssignmentFields of [WriteRules], and nothing else.
	Assign(ctx context.Context, tenant TenantID, t PolicyType, id string, assignments []json.RawMessage) error
}

// Client reads and writes.
type Client interface {
	Reader
	Writer
}

// GraphClient is another name of [Client].
type GraphClient = Client
