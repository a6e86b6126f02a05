package product

import (
	"net/http"

	"github.com/tenantatlas/tenantbackup/runs"
)

// signInView is what the page to sign in shows.
type signInView struct {
	Next    string
	Groups  []demoGroup // the demo users, by tenant
	Problem string      // why the last try failed
}

// demoGroup are the demo users of a tenant, or those without one.
type demoGroup struct {
	ID, Name string
	Users    []demoUser
}

// demoUser is a user whom anybody may sign in as.
type demoUser struct {
	ID   string
	Role runs.Role
	As   string // the button
	May  string // what the role may do
}

func (p *Product) signInPage(w http.ResponseWriter, r *http.Request) {
	p.askToSignIn(w, r, http.StatusOK, r.URL.Query().Get("next"), "")
}

func (p *Product) askToSignIn(w http.ResponseWriter, r *http.Request, status int, next, problem string) {
	view := signInView{Next: localPath(next), Problem: problem}
	if p.cfg.Users.Demo() {
		view.Groups = p.demoGroups()
	}
	p.show(w, r, status, "signin.html", "Sign in", view)
}

func (p *Product) demoGroups() []demoGroup {
	var groups []demoGroup
	rest := demoGroup{ID: "none", Name: "No tenant"}
	for _, t := range tenants() {
		g := demoGroup{ID: string(t.ID), Name: t.Name}
		for _, u := range p.cfg.Users.list {
			if role := u.roles[t.ID]; role != runs.RoleNone {
				g.Users = append(g.Users, demoUser{ID: u.actor.ID, Role: role, As: "Sign in as " + article(role) + " of " + t.Name, May: mayDo(role)})
			}
		}
		groups = append(groups, g)
	}
	for _, u := range p.cfg.Users.list {
		if len(u.roles) == 0 {
			rest.Users = append(rest.Users, demoUser{ID: u.actor.ID, Role: "stranger", As: "Sign in as a stranger", May: mayDo(runs.RoleNone)})
		}
	}
	return append(groups, rest)
}

func (p *Product) signInForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.problem(w, r, http.StatusBadRequest, "Not a form", "The server could not read what was sent. Go back and try again.")
		return
	}
	next := r.PostForm.Get("next")
	u, ok := p.cfg.Users.find(r.PostForm.Get("user"))
	if !ok || !p.cfg.Users.Demo() {
		p.askToSignIn(w, r, http.StatusUnauthorized, next, "There is no such user. Choose one of these.")
		return
	}
	p.signIn(w, r, u.actor.ID)
	p.cfg.Logger.InfoContext(r.Context(), "signed in", "actor", u.actor.ID)
	http.Redirect(w, r, localPath(next), http.StatusSeeOther)
}

func (p *Product) signOutForm(w http.ResponseWriter, r *http.Request) {
	if actor, ok := p.Principal(r); ok {
		p.cfg.Logger.InfoContext(r.Context(), "signed out", "actor", actor.ID)
	}
	p.signOut(w, r)
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
}
