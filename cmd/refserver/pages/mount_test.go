package pages_test

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

const (
	otherPrefix = "/x/y/copies2" // no part of it is the default prefix
	hostHome    = "/host/home"
	hostSignOut = "/host/out"
)

// mounted is a world with something of everything below another prefix, in a host with other
// addresses, and its entrances.
func mounted(t *testing.T, mount func(*pages.Pages) http.Handler) (w *world, entrances []string) {
	t.Helper()
	w, entrances = filledBy(t, owner, "", func(cfg *pages.Config) {
		cfg.Prefix, cfg.HomePath, cfg.SignOutPath = otherPrefix, hostHome, hostSignOut
	})
	w.mux = http.NewServeMux()
	w.mux.Handle("/", mount(w.pages))
	for i, at := range entrances {
		entrances[i] = otherPrefix + strings.TrimPrefix(at, pages.DefaultPrefix)
	}
	return w, append(entrances, otherPrefix+"/"+string(tenant)+"/live")
}

// anAddress is the value of any attribute that is one: an address of the server's own begins with a
// slash, and no other value does.
var anAddress = regexp.MustCompile(`\s([a-z-]+)="(/[^"]*)"`)

// staysInside checks where a page leads to, also by what only scripts read.
func (w *world) staysInside(at, body string) {
	w.t.Helper()
	for _, m := range anAddress.FindAllStringSubmatch(body, -1) {
		if to := html.UnescapeString(m[2]); !strings.HasPrefix(to, w.pages.Pattern()) && !slices.Contains([]string{hostHome, hostSignOut}, to) {
			w.t.Errorf("%s leads out of the prefix by %s=%q", at, m[1], to)
		}
	}
	if strings.Contains(body, pages.DefaultPrefix+"/") {
		w.t.Errorf("%s has the default prefix in it", at)
	}
}

// Whatever the prefix and the router, every link, form, redirect and asset of every page stays below
// the prefix, but for the addresses that the host gave, and leads somewhere.
func TestPagesWorkBelowAnyPrefixOfAnyRouter(t *testing.T) {
	testenv.SlowUnderRace(t)
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
			w, entrances := mounted(t, mount)
			shown, forms := w.crawl(entrances...)
			assets := map[string]bool{}
			for at, body := range shown {
				w.staysInside(at, body)
				for _, m := range regexp.MustCompile(`(?:src|href)="(`+otherPrefix+`/-/static/[^"]*)"`).FindAllStringSubmatch(body, -1) {
					assets[m[1]] = true
				}
			}
			if len(shown) < 50 || len(forms) < 30 || len(assets) < 5 {
				t.Errorf("%d pages, %d forms, %d assets: the test looks at nothing", len(shown), len(forms), len(assets))
			}
			for at := range assets {
				if got := w.get(nobody, at); got.StatusCode != http.StatusOK || strings.Contains(got.body, pages.DefaultPrefix+"/") {
					t.Errorf("the asset %s: %s, or it knows the default prefix", at, got.Status)
				}
			}
			for _, f := range forms {
				if f.method == http.MethodGet || f.action == hostSignOut {
					continue
				}
				got := w.post(owner, f.action, f.values)
				if to := got.Header.Get("Location"); got.StatusCode >= http.StatusInternalServerError || got.StatusCode == http.StatusNotFound || to != "" && !strings.HasPrefix(to, w.pages.Pattern()) {
					t.Errorf("the form to %s: %s to %q", f.action, got.Status, to)
				}
				w.staysInside(f.action, got.body)
			}
			for at, to := range map[string]string{"": "/contoso/schedules", "/contoso": "/contoso/schedules", "/contoso/runs/": "/contoso/runs"} {
				if got := w.get(owner, otherPrefix+at); got.Header.Get("Location") != otherPrefix+to {
					t.Errorf("%s%s: %s to %q", otherPrefix, at, got.Status, got.Header.Get("Location"))
				}
			}
			w.staysInside("an error page", w.get(owner, otherPrefix+"/contoso/nothing").body)
			if got := w.post(owner, otherPrefix+"/-/zone", map[string][]string{"zone": {"Europe/Berlin"}}); got.StatusCode != http.StatusSeeOther || got.Cookies()[0].Path != otherPrefix {
				t.Errorf("the zone: %s", got.Status)
			}
		})
	}
}
