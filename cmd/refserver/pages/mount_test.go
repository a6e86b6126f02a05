package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
)

// Whatever the prefix and the router, every link, form and asset stays below the prefix, and
// leads somewhere.
func TestPagesWorkBelowAnyPrefixOfAnyRouter(t *testing.T) {
	for name, mount := range map[string]func(p *pages.Pages) http.Handler{
		"ServeMux": func(p *pages.Pages) http.Handler {
			mux := http.NewServeMux()
			p.Mount(mux)
			return mux
		},
		"chi": func(p *pages.Pages) http.Handler {
			r := chi.NewRouter()
			r.Handle(p.Pattern()+"*", p)
			r.Handle(strings.TrimSuffix(p.Pattern(), "/"), p)
			return r
		},
		"chi, a subrouter": func(p *pages.Pages) http.Handler {
			r := chi.NewRouter()
			r.Mount(strings.TrimSuffix(p.Pattern(), "/"), p)
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *pages.Config) { c.Prefix = "/admin/tools/backups" })
			w.schedule(nil)
			handler := mount(w.pages)
			w.mux = http.NewServeMux()
			w.mux.Handle("/", handler)
			got := w.get(owner, "/admin/tools/backups/contoso/schedules")
			if got.StatusCode != http.StatusOK {
				t.Fatal(got.Status)
			}
			for _, m := range addresses.FindAllStringSubmatch(got.body, -1) {
				if at := m[1]; strings.HasPrefix(at, "/") && at != "/" && at != "/signout" && !strings.HasPrefix(at, "/admin/tools/backups/") {
					t.Errorf("the page leads out of its prefix: %s", at)
				}
			}
			if got := w.get(owner, "/admin/tools/backups"); got.Header.Get("Location") != "/admin/tools/backups/contoso/schedules" {
				t.Errorf("the prefix itself: %s to %q", got.Status, got.Header.Get("Location"))
			}
			if got := w.post(owner, "/admin/tools/backups/-/zone", map[string][]string{"zone": {"Europe/Berlin"}}); got.StatusCode != http.StatusSeeOther {
				t.Errorf("a form: %s", got.Status)
			}
		})
	}
}
