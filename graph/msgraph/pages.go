package msgraph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// maxEmptyPages is how many pages without rows may follow each other before a chain counts as
// one without end.
const maxEmptyPages = 1000

// pages reads a collection from its first page to its last and calls page with the rows of each,
// which it may keep. An error of page ends it and is returned as it is. What is no collection,
// and a chain that leads elsewhere or in a circle, is graph.KindIncomplete.
func (c *Client) pages(ctx context.Context, tenant graph.TenantID, first call, page func(rows []json.RawMessage) error) error {
	seen, empty := map[string]bool{c.address(first): true}, 0
	for r := first; ; {
		body, err := c.do(ctx, tenant, r)
		if err != nil {
			return err
		}
		rows, next, err := readPage(body)
		if err != nil {
			return first.fail(graph.KindIncomplete, err)
		}
		if empty++; len(rows) > 0 {
			empty = 0
		}
		if err := page(rows); err != nil || next == "" {
			return err
		}
		if r, err = c.follow(first, next); err != nil {
			return err
		}
		if seen[next] || empty > maxEmptyPages {
			return first.fail(graph.KindIncomplete, errCircle)
		}
		seen[next] = true
	}
}

// continued is pages from a nextLink that stood in another answer.
func (c *Client) continued(ctx context.Context, tenant graph.TenantID, like call, next string, page func(rows []json.RawMessage) error) error {
	first, err := c.follow(like, next)
	if err != nil {
		return err
	}
	return c.pages(ctx, tenant, first, page)
}

var (
	errNoCollection = errors.New("a page has no array of rows")
	errCircle       = errors.New("the pages lead back to one that was read")
	errElsewhere    = errors.New("the next page lies outside of the configured root and version; it was not asked for")
)

// readPage takes a page apart. The counts in it are of the page or of the whole, as the service
// likes, so they are not looked at.
func readPage(body []byte) (rows []json.RawMessage, next string, err error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields["value"], &rows) != nil || rows == nil {
		return nil, "", errNoCollection
	}
	if link := linkOf(fields); link != nil && string(link) != "null" {
		if next = text(link); next == "" {
			return nil, "", errElsewhere
		}
	}
	return rows, next, nil
}

// linkOf is the nextLink of a page. One that is overlooked for the case of a letter would cut
// the collection short.
func linkOf(page map[string]json.RawMessage) (link json.RawMessage) {
	for name, value := range page {
		if strings.EqualFold(name, nextLink) && (link == nil || string(link) == "null") {
			link = value
		}
	}
	return link
}

// follow makes the call for a nextLink, which is used as it stands. The token goes along, so it
// must lead to the same scheme, host and version.
func (c *Client) follow(like call, next string) (call, error) {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != c.root.Scheme || authority(u) != authority(c.root) || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(u.Path, c.root.Path+"/"+like.version+"/") || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") {
		return call{}, like.fail(graph.KindIncomplete, errElsewhere)
	}
	like.method, like.body, like.link = http.MethodGet, nil, next
	return like, nil
}

// authority is the host and port of an address.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + " " + port
}
