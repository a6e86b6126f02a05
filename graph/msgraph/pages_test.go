package msgraph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

// rowsOf reads a collection and returns its rows as text, pages apart.
func rowsOf(c *Client, t *testing.T, first call) (got string, err error) {
	err = c.pages(t.Context(), tenant, first, func(rows []json.RawMessage) error {
		got += fmt.Sprintf("%s;", rows)
		return nil
	})
	return got, err
}

func TestPagesAreFollowedToTheLast(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("$skiptoken") {
		case "":
			fmt.Fprintf(w, `{"@odata.count":1,"value":[{"id":"1"}],"@odata.nextLink":"http://%s%s?$skiptoken=a%%2Fb"}`, r.Host, r.URL.Path)
		case "a/b":
			fmt.Fprintf(w, `{"value":[],"@Odata.NextLink":"http:\/\/%s%s?$skiptoken=b"}`, strings.ToUpper(r.Host), r.URL.Path)
		case "b":
			fmt.Fprint(w, `{"value":[{ "id" : "2" },{"id":"3"}],"@odata.nextLink":null}`)
		}
	})
	got, err := rowsOf(c, t, list())
	if want := `[{"id":"1"}];[];[{ "id" : "2" } {"id":"3"}];`; err != nil || got != want {
		t.Errorf("got %v %s, want %s", err, got, want)
	}
}

func TestANextLinkIsUsedAsItStands(t *testing.T) {
	const rest = `/beta/deviceManagement/configurationPolicies('a%2Fb')/settings?$skiptoken=%7B%22x%22%3A1%7D&a=b+c&%24top=5`
	var asked string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		_, _ = io.WriteString(w, `{"value":[]}`)
	})
	err := c.continued(t.Context(), tenant, list(), c.root.String()+rest, func([]json.RawMessage) error { return nil })
	if err != nil || asked != rest {
		t.Errorf("asked for %s (%v)", asked, err)
	}
}

func TestATokenNeverLeavesTheConfiguredRoot(t *testing.T) {
	strangers := 0
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		strangers++
		_, _ = io.WriteString(w, `{"value":[]}`)
	}))
	defer stranger.Close()
	elsewhere := strings.TrimPrefix(stranger.URL, "http://")

	for name, next := range map[string]string{
		"another host":              "http://" + elsewhere + "/beta/x?$skiptoken=1",
		"another scheme":            "https://HOST/beta/x?$skiptoken=1",
		"no scheme":                 "//" + elsewhere + "/beta/x",
		"no host":                   "/beta/x?$skiptoken=1",
		"another version":           "http://HOST/v1.0/x?$skiptoken=1",
		"no version":                "http://HOST/x",
		"only like the version":     "http://HOST/betatest/x",
		"out of the version":        "http://HOST/beta/../v1.0/x",
		"out of the version, coded": "http://HOST/beta/%2e%2e/v1.0/x",
		"out of the version, slash": "http://HOST/beta/..%2fv1.0/x",
		"a host in the user":        "http://HOST@" + elsewhere + "/beta/x",
		"a user":                    "http://user:password@HOST/beta/x",
		"a host that begins alike":  "http://HOST.example/beta/x",
		"another port":              "http://127.0.0.1:1/beta/x",
		"a backslash":               `http://HOST\\@` + elsewhere + "/beta/x",
		"a script":                  "javascript:alert(1)",
		"nothing that is a URL":     "::",
		"a control character":       `http://HOST/beta/x\u0000`,
		"not even a text":           "",
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				link := `"` + strings.ReplaceAll(next, "HOST", r.Host) + `"`
				if next == "" {
					link = "42"
				}
				fmt.Fprintf(w, `{"value":[{"id":"1"}],"@odata.nextLink":%s}`, link)
			})
			_, err := rowsOf(c, t, list())
			wantFailure(t, err, graph.KindIncomplete, 0)
			if strings.Contains(err.Error(), "beta") || asked != 1 {
				t.Errorf("%v after %d requests", err, asked)
			}
			if err := c.continued(t.Context(), tenant, list(), next, nil); graph.KindOf(err) != graph.KindIncomplete {
				t.Error(err)
			}
		})
	}
	for _, code := range []int{301, 302, 303, 307, 308} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, stranger.URL+"/beta/x", code) })
		for _, r := range []call{list(), create(), update()} {
			_, err := c.do(t.Context(), tenant, r)
			wantFailure(t, err, graph.KindInternal, code)
		}
	}
	if strangers > 0 {
		t.Errorf("%d requests went elsewhere", strangers)
	}
}

func TestPagesThatLeadInACircleAreNoEnd(t *testing.T) {
	for name, links := range map[string][]string{
		"to itself":    {"?$skiptoken=a", "?$skiptoken=a"},
		"to the first": {"?$skiptoken=a", ""},
		"in a round":   {"?$skiptoken=a", "?$skiptoken=b", "?$skiptoken=a"},
	} {
		asked := 0
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"value":[{"id":"1"}],"@odata.nextLink":"http://%s%s%s"}`, r.Host, r.URL.Path, links[asked%len(links)])
			asked++
		})
		_, err := rowsOf(c, t, list())
		wantFailure(t, err, graph.KindIncomplete, 0)
		if asked > len(links) {
			t.Errorf("%s: %d requests", name, asked)
		}
	}
}

func TestEmptyPagesWithoutEndAreNoEnd(t *testing.T) {
	asked := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"http://%s%s?$skiptoken=%d"}`, r.Host, r.URL.Path, asked)
	}, func(c *Config) { c.Limits = unbounded })
	_, err := rowsOf(c, t, list())
	wantFailure(t, err, graph.KindIncomplete, 0)
}

func TestWhatIsNoCollectionIsNoEmptyOne(t *testing.T) {
	for _, body := range []string{`{}`, `{"value":null}`, `{"value":{}}`, `{"value":"x"}`, `{"Value":[]}`, `{"error":{"code":"x"}}`} {
		_, err := rowsOf(serve(t, say(200, body)), t, list())
		wantFailure(t, err, graph.KindIncomplete, 0)
	}
}

func TestAFailureInTheMiddleIsNoEnd(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			refuse(w, 404)
			return
		}
		fmt.Fprintf(w, `{"value":[{"id":"1"}],"@odata.nextLink":"http://%s%s?$skiptoken=a"}`, r.Host, r.URL.Path)
	})
	_, err := rowsOf(c, t, list())
	wantFailure(t, err, graph.KindNotFound, 404)
}

func TestWhoReadsPagesMayStop(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"http://%s%s?$skiptoken=a"}`, r.Host, r.URL.Path)
	})
	stop := errors.New("stop")
	if err := c.pages(t.Context(), tenant, list(), func([]json.RawMessage) error { return stop }); err != stop {
		t.Error(err)
	}
}
