package graph

import (
	"context"
	"encoding/json"
)

// WriteBlocked returns a client that reads as r does and refuses every write with
// [KindWriteBlocked], without a call, also when r could write: for a host that has one client
// for everything and runs something that must only look.
func WriteBlocked(r Reader) Client { return writeBlocked{r} }

// writeBlocked embeds the Reader alone, so that nothing of the writer shows through.
type writeBlocked struct{ Reader }

func blocked(op Op, t PolicyType) error {
	return &Error{Op: string(op) + " " + string(t), Kind: KindWriteBlocked}
}

// Create implements [Writer].
func (writeBlocked) Create(_ context.Context, _ TenantID, t PolicyType, _ json.RawMessage) (string, error) {
	return "", blocked(OpCreate, t)
}

// Update implements [Writer].
func (writeBlocked) Update(_ context.Context, _ TenantID, t PolicyType, _ string, _ json.RawMessage) error {
	return blocked(OpUpdate, t)
}

// Assign implements [Writer].
func (writeBlocked) Assign(_ context.Context, _ TenantID, t PolicyType, _ string, _ []json.RawMessage) error {
	return blocked(OpAssign, t)
}
