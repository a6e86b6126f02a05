package azauth

import (
	"container/list"
	"context"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
)

// keep holds the credentials of so many tenants.
type keep struct {
	most int

	mu    sync.Mutex
	slots map[graph.TenantID]*list.Element // of *slot
	used  *list.List                       // the latest first
}

func newKeep(most int) *keep {
	return &keep{most: most, slots: map[graph.TenantID]*list.Element{}, used: list.New()}
}

// slot returns a tenant's place. One that is dropped serves those who have it already.
func (k *keep) slot(tenant graph.TenantID) *slot {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e, ok := k.slots[tenant]; ok {
		k.used.MoveToFront(e)
		return e.Value.(*slot)
	}
	s := &slot{tenant: tenant, turn: make(chan struct{}, 1)}
	k.slots[tenant] = k.used.PushFront(s)
	if k.used.Len() > k.most {
		oldest := k.used.Back()
		k.used.Remove(oldest)
		delete(k.slots, oldest.Value.(*slot).tenant)
	}
	return s
}

// slot is a tenant's place: who has the turn may use its signer.
type slot struct {
	tenant graph.TenantID
	turn   chan struct{} // a mutex that a context can give up on; the SDK's own cannot
	signer *signer
}

func (s *slot) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slot) leave() { <-s.turn }
