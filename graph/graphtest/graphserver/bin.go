package graphserver

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// kept is how long what was deleted can be restored.
const kept = 30 * 24 * time.Hour

// bin holds what clients have deleted from collections of which Graph keeps it.
type bin struct {
	mu    sync.Mutex
	items []binned
}

type binned struct {
	tenant graph.TenantID
	path   string // of the collection
	policy graph.Policy
	at     time.Time
}

func (b *bin) put(r *request, to target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append(b.items, binned{r.who.tenant, to.path, to.policy, r.now})
}

// list returns what a tenant can still restore to a collection.
func (b *bin) list(r *request, path string) []binned {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = slices.DeleteFunc(b.items, func(item binned) bool { return r.now.Sub(item.at) >= kept })
	return slices.DeleteFunc(slices.Clone(b.items), func(item binned) bool {
		return item.tenant != r.who.tenant || item.path != path
	})
}

// take removes an item, and reports whether it was there: nobody else has it then.
func (b *bin) take(want binned) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.items)
	b.items = slices.DeleteFunc(b.items, func(item binned) bool {
		return item.tenant == want.tenant && item.path == want.path && item.policy.ID == want.policy.ID
	})
	return len(b.items) < n
}

const deletedItems = "/identity/conditionalAccess/deletedItems/"

// deleted answers for what was deleted from a collection.
func (s *Server) deleted(r *request, name string, rest []string) answer {
	res, ok := s.resources["/identity/conditionalAccess/"+name]
	if !ok || !writes[res.path].keeps {
		return r.noSegment(name)
	}
	if a := s.permitted(r, s.needs(res, r.method)); a != nil {
		return *a
	}
	items := s.bin.list(r, res.path)
	if len(rest) == 0 {
		page := page{context: deletedItems + name}
		for _, item := range items {
			page.rows = append(page.rows, s.asDeleted(r, res, item))
		}
		if r.method != http.MethodGet {
			return r.methodNotAllowed()
		}
		return s.page(r, page)
	}
	i := slices.IndexFunc(items, func(item binned) bool { return item.policy.ID == rest[0] })
	if i < 0 {
		return r.notFound(rest[0])
	}
	switch rest := rest[1:]; {
	case len(rest) == 0 && r.method == http.MethodGet:
		return ok200(r, s.asDeleted(r, res, items[i]), deletedItems+name+"/$entity")
	case len(rest) == 0 && r.method == http.MethodDelete:
		s.bin.take(items[i])
		return answer{status: http.StatusNoContent}
	case len(rest) == 1 && strings.TrimPrefix(rest[0], "microsoft.graph.") == "restore" && r.method == http.MethodPost:
		p := items[i].policy
		if !s.bin.take(items[i]) {
			return r.notFound(p.ID)
		}
		if err := s.graph.Put(r.who.tenant, p); err != nil {
			return s.failed(r, err)
		}
		return s.show(r, res, p.Type, p.ID)
	}
	return r.methodNotAllowed()
}

// asDeleted shows an object with the time at which it was deleted.
func (s *Server) asDeleted(r *request, res *resource, item binned) []byte {
	list := slices.DeleteFunc(members(plain(item.policy.Raw)), func(m member) bool { return m.key == "deletedDateTime" })
	item.policy.Raw = object(append(list, member{"deletedDateTime", quote(item.at.UTC().Format(time.RFC3339Nano))}))
	return s.render(r, res, item.policy, shape{}, false)
}
