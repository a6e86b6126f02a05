package usertest

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	hrefs = regexp.MustCompile(`<a\s[^>]*?href="([^"]*)"`)
	ids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	names = regexp.MustCompile(`[^a-z0-9]+`)
)

// maxPage is the most bytes of a page.
const maxPage = 200_000

// found is a page to look at.
type found struct {
	path   string
	name   string     // of its shape, for pictures
	status int64      // that it answers; 0 for 200
	act    func(*tab) // what is done there before looking; nil for nothing
	narrow bool       // axe looks at it at 400 px, too, where tables fold
}

// crawl follows all links from the start of a tenant and returns a page of each shape: addresses
// that differ by ids and by the values of parameters only count as one.
func crawl(t *testing.T, c *client, entrance string) []found {
	t.Helper()
	var list []found
	seen := map[string]bool{}
	queue := []string{entrance}
	for len(queue) > 0 && len(seen) < 400 {
		path := queue[0]
		queue = queue[1:]
		shape := shapeOf(path)
		if seen[shape] {
			continue
		}
		seen[shape] = true
		res := c.get(path)
		if res.status != http.StatusOK {
			t.Errorf("a link leads to %s, which answers %d", path, res.status)
			continue
		}
		if !strings.HasPrefix(res.body, "<!doctype html>") {
			continue // a download
		}
		if len(res.body) > maxPage {
			t.Errorf("%s is %d bytes large", path, len(res.body))
		}
		list = append(list, found{path: path, name: strings.Trim(names.ReplaceAllString(strings.ToLower(shape), "-"), "-")})
		for _, m := range hrefs.FindAllStringSubmatch(res.body, -1) {
			to, err := res.url.Parse(html.UnescapeString(m[1]))
			if err != nil {
				t.Errorf("%s has a link to %q: %v", path, m[1], err)
				continue
			}
			if to.Host != res.url.Host || !strings.HasPrefix(to.Path, entrancePrefix(entrance)) {
				continue
			}
			to.Fragment = ""
			queue = append(queue, to.RequestURI())
		}
	}
	return list
}

// entrancePrefix is the tenant's part of the pages: /backups/contoso/.
func entrancePrefix(entrance string) string {
	return strings.Join(strings.SplitAfterN(entrance, "/", 4)[:3], "")
}

// shapeOf is an address without ids and without values.
func shapeOf(path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return path
	}
	shape := ids.ReplaceAllString(u.Path, "id")
	var keys []string
	for k := range u.Query() {
		switch k {
		case "cursor", "notice", "sort", "order":
		default:
			keys = append(keys, k)
		}
	}
	if len(keys) == 1 {
		shape += "?" + keys[0]
	} else if len(keys) > 1 {
		shape += fmt.Sprintf("?%d", len(keys))
	}
	return shape
}
