package product

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
)

// The paths of the host.
const (
	homePath    = "/"
	signInPath  = "/signin"
	signOutPath = "/signout"
	staticPath  = "/static/"
)

// maxForm is the most bytes of a form.
const maxForm = 16 << 10

// policy lets pages use what this host serves, and nothing that stands in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"

//go:embed templates/*.html
var templates embed.FS

//go:embed static
var static embed.FS

func parsePages() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{"article": article}).ParseFS(templates, "templates/*.html")
}

// ServeHTTP answers for the pages of the host: /, /signin, /signout and /static/. For every
// other path it says that there is nothing, so it can be mounted at / beside other handlers.
func (p *Product) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

func (p *Product) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("GET "+signInPath, p.signInPage)
	mux.HandleFunc("POST "+signInPath, p.signInForm)
	mux.HandleFunc("GET "+signOutPath, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, homePath, http.StatusSeeOther) })
	mux.HandleFunc("POST "+signOutPath, p.signOutForm)
	mux.Handle("GET "+staticPath, p.assets())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.problem(w, r, http.StatusNotFound, "There is no such page", "The address may have been mistyped, or the page is gone.")
	})
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// With no-referrer a browser would send its forms with "Origin: null".
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case p.misnamed(r):
			p.problem(w, r, http.StatusForbidden, "Ask by another name",
				"This server has demo users, so it answers only when it is called localhost or by its loopback address.")
		case p.passedOn(r):
			p.problem(w, r, http.StatusForbidden, "Not through a proxy",
				"This server has demo users, whom anybody may sign in as, so it does not answer through a proxy. "+
					"Ask it on its own machine, or start it with people of your own (-users FILE).")
		case origins.Check(r) != nil:
			p.problem(w, r, http.StatusForbidden, "Refused", "This request was made by a page of another site.")
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func (p *Product) assets() http.Handler {
	files, _ := fs.Sub(static, "static") // the name is valid
	server := http.StripPrefix(staticPath, http.FileServerFS(files))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == staticPath { // no listing
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=300")
		server.ServeHTTP(w, r)
	})
}

// frame is what every page shows around its content.
type frame struct {
	Title       string
	Product     string
	Stylesheets []string
	User        string // who is signed in, "" for nobody
	Page        any
}

// show writes a page whole or not at all.
func (p *Product) show(w http.ResponseWriter, r *http.Request, status int, name, title string, page any) {
	f := frame{Title: title, Product: Name, Stylesheets: p.cfg.Stylesheets, Page: page}
	if actor, ok := p.Principal(r); ok {
		f.User = actor.Name
	}
	var text bytes.Buffer
	if err := p.pages.ExecuteTemplate(&text, name, f); err != nil {
		p.cfg.Logger.ErrorContext(r.Context(), "a page could not be made", "page", name, "error", err)
		http.Error(w, "This page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a browser that has gone misses nothing
}

// problem says why there is no page.
func (p *Product) problem(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	p.show(w, r, status, "problem.html", title, text)
}

func (p *Product) home(w http.ResponseWriter, r *http.Request) {
	actor, ok := p.Principal(r)
	if !ok {
		p.SignInFirst(w, r)
		return
	}
	list, err := p.Tenants(r.Context(), actor)
	if err != nil {
		p.cfg.Logger.ErrorContext(r.Context(), "the tenants could not be listed", "error", err)
		p.problem(w, r, http.StatusInternalServerError, "Something went wrong", "Try again in a moment. The log says more.")
		return
	}
	var rows []homeTenant
	for _, t := range list {
		row := homeTenant{Tenant: t, May: mayDo(t.Role)}
		if p.cfg.Backups != "" {
			row.Link = p.cfg.Backups + "/" + url.PathEscape(string(t.ID)) + "/schedules"
		}
		p.facts(r.Context(), actor, &row)
		rows = append(rows, row)
	}
	p.show(w, r, http.StatusOK, "home.html", "Your tenants", rows)
}

// mayDo is what follows "may" of a role, see [runs.RoleAuthorizer].
func mayDo(role runs.Role) string {
	switch role {
	case runs.RoleOwner:
		return "do everything, also export secrets and restore from another tenant of the same owner"
	case runs.RoleManager:
		return "manage schedules and retention, restore, import and export"
	case runs.RoleOperator:
		return "run backups, compare, and preview restores"
	case runs.RoleReadonly:
		return "look at everything and change nothing"
	}
	return "look at nothing, having no role in any tenant"
}

// article is the name of a role as people read it.
func article(role runs.Role) string {
	switch role {
	case runs.RoleOwner:
		return "an owner"
	case runs.RoleOperator:
		return "an operator"
	case runs.RoleReadonly:
		return "a reader"
	}
	return "a " + string(role)
}

// title is the name of a role as a heading.
func title(role runs.Role) string {
	if role == runs.RoleReadonly {
		return "Read only"
	}
	return strings.ToUpper(string(role[:1])) + string(role[1:])
}
