package runs

import (
	"context"
	"fmt"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
)

// AuditBreak is a place where the log is not as it was written.
type AuditBreak struct {
	Seq  int64  // of the entry, or of the one that is missing
	Code string // "changed", "missing", "head"

}

// The codes of an [AuditBreak].
const (
	AuditChanged = "changed" // the entry, or its place in the order, is not what its hash was taken over
	AuditMissing = "missing" // an entry with this number is not there any more
	AuditHeadOff = "head"    // the log does not end, or go on, from the head that was noted
)

// AuditVerification is what verifying a tenant's audit log found.
type AuditVerification struct {
	Checked   int       // entries that are chained and fit
	Unchained int       // entries from before the log was chained, which nothing proves
	Head      AuditHead // the end of the log, to be kept elsewhere
	Breaks    []AuditBreak
}

// Sound tells whether nothing was changed, removed or reordered.
func (v AuditVerification) Sound() bool { return len(v.Breaks) == 0 }

// maxBreaks bounds what a verification lists: after the first, one looks at the log.
const maxBreaks = 100

const auditPage = 500

// VerifyAudit reads the tenant's whole audit log and finds any edit, removal or reordering:
// each entry holds the hash of the one before it, and the end of the chain is kept apart.
// known is a head that was exported earlier and kept outside of the database, or the zero
// value; with it, a log that was written anew as a whole is found too. Entries that are
// added meanwhile are left for the next time.
func (s *Starter) VerifyAudit(ctx context.Context, tenant graph.TenantID, actor Actor, known AuditHead) (AuditVerification, error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "audit"}); err != nil {
		return AuditVerification{}, err
	}
	head, err := s.store.AuditHead(ctx, tenant)
	if err != nil {
		return AuditVerification{}, fmt.Errorf("runs: reading the head of the audit log: %w", err)
	}
	c := chainCheck{known: known, expect: head}
	c.found.Head = head
	if known.Seq > head.Seq {
		c.broken(known.Seq, AuditHeadOff)
	}
	slice := Slice{Limit: auditPage, After: Keyset{Key: strconv.FormatInt(head.Seq+1, 10)}}
	for {
		list, err := s.store.ListAudit(ctx, tenant, AuditFilter{}, slice)
		if err != nil {
			return AuditVerification{}, fmt.Errorf("runs: reading the audit log: %w", err)
		}
		page := list[:min(len(list), auditPage)]
		for i := range page {
			c.entry(page[i])
		}
		if len(list) <= auditPage {
			c.end()
			return c.found, nil
		}
		last := page[len(page)-1]
		slice.After = Keyset{Key: strconv.FormatInt(last.Seq, 10), ID: last.ID}
	}
}

// chainCheck walks a chain from its head to its first entry.
type chainCheck struct {
	found  AuditVerification
	known  AuditHead
	expect AuditHead // number and hash of the next entry
	lost   bool      // the hash is not known, because the entry after this one is missing
}

func (c *chainCheck) broken(seq int64, code string) {
	if len(c.found.Breaks) < maxBreaks {
		c.found.Breaks = append(c.found.Breaks, AuditBreak{Seq: seq, Code: code})
	}
}

func (c *chainCheck) entry(e AuditEntry) {
	for c.expect.Seq > e.Seq && len(c.found.Breaks) < maxBreaks {
		c.broken(c.expect.Seq, AuditMissing)
		c.expect.Seq--
		c.lost = true
	}
	fits := c.lost || e.Hash == c.expect.Hash
	switch {
	case e.Hash.IsZero() && c.expect.Hash.IsZero() && !c.lost:
		c.found.Unchained++
	case !fits, e.Hash != ChainHash(e.PrevHash, e):
		c.broken(e.Seq, AuditChanged)
	default:
		c.found.Checked++
	}
	if e.Seq == c.known.Seq && e.Hash != c.known.Hash {
		c.broken(e.Seq, AuditHeadOff)
	}
	c.expect, c.lost = AuditHead{Seq: e.Seq - 1, Hash: e.PrevHash}, false
}

// end is called after the oldest entry.
func (c *chainCheck) end() {
	for seq := c.expect.Seq; seq > 0 && len(c.found.Breaks) < maxBreaks; seq-- {
		c.broken(seq, AuditMissing)
	}
}

// AuditHead returns the end of the tenant's audit log. Kept outside of the database, it lets
// [Starter.VerifyAudit] find a log that was written anew.
func (s *Starter) AuditHead(ctx context.Context, tenant graph.TenantID, actor Actor) (AuditHead, error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "audit"}); err != nil {
		return AuditHead{}, err
	}
	return s.store.AuditHead(ctx, tenant)
}
