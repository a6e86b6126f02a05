package capture

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// listing is what listing one type gave.
type listing struct {
	headers []graph.Header // distinct ids, in Graph's order
	pages   []int          // rows per page
	err     error          // why it is not all that there is; nil when it is

	asked  bool     // of every other policy that was known Graph said that there is none
	unread []unread // policies that it lacks, of which Graph did not say so
}

// listTries is how often a listing is begun whose failure has no cause that waiting cures
// and that no permission explains, such as a page that was not readable.
const listTries = 3

// list reads all headers of a type. The returned error ends the attempt: there is no token,
// Graph wants a pause, or the run is to stop. Everything else is in the listing.
func (e *Executor) list(ctx context.Context, a *runs.Attempt, t graph.PolicyType) (listing, error) {
	var l listing
	for try := 1; ; try++ {
		l = e.listOnce(ctx, a, t)
		kind := graph.KindOf(l.err)
		switch {
		case l.err == nil:
			return l, nil
		case runs.EndsAttempt(ctx, l.err):
			return l, l.err
		case kind == graph.KindForbidden, kind == graph.KindUnsupported, kind == graph.KindNotFound, try == listTries:
			return l, nil
		}
	}
}

func (e *Executor) listOnce(ctx context.Context, a *runs.Attempt, t graph.PolicyType) listing {
	var l listing
	seen, nameless := map[string]bool{}, false
	l.err = e.cfg.Reader.List(ctx, a.Tenant(), t, func(p graph.Page) error {
		l.pages = append(l.pages, len(p.Headers))
		for _, h := range p.Headers {
			if h.ID == "" || !utf8.ValidString(h.ID) || strings.ContainsRune(h.ID, 0) {
				nameless = true
				continue
			}
			if !seen[h.ID] { // the same id comes twice when objects move between pages
				seen[h.ID] = true
				l.headers = append(l.headers, h)
			}
		}
		return a.Check(ctx)
	})
	if l.err == nil && nameless { // the others are captured all the same
		l.err = &graph.Error{Op: "list " + string(t), Kind: graph.KindIncomplete, Err: errors.New("a listed policy has no id, or none that is text")}
	}
	return l
}
