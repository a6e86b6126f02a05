package product

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
)

// signInView is what the page to sign in shows.
type signInView struct {
	Next    string
	Groups  []demoGroup // the demo users, by tenant
	Ask     bool        // for user and token
	User    string      // that was given
	Problem string      // why the last try failed
	Plain   bool        // the browser would not keep the cookie
}

// demoGroup are the demo users of a tenant, or those without one.
type demoGroup struct {
	ID, Name string
	Users    []demoUser
}

// demoUser is a user whom anybody may sign in as.
type demoUser struct {
	ID    string
	Title string // the role
	As    string // the button
	May   string // what the role may do
}

func (p *Product) signInPage(w http.ResponseWriter, r *http.Request) {
	p.askToSignIn(w, r, http.StatusOK, signInView{Next: r.URL.Query().Get("next")})
}

func (p *Product) askToSignIn(w http.ResponseWriter, r *http.Request, status int, view signInView) {
	view.Next = localPath(view.Next)
	switch {
	case p.cfg.Users.Demo():
		view.Groups = p.demoGroups()
	case p.cfg.Users != nil:
		view.Ask = true
		// Browsers send this header by https, and by http to this machine.
		view.Plain = r.Header.Get("Sec-Fetch-Mode") == "" && !p.Plain(r)
	}
	p.show(w, r, status, "signin.html", "Sign in", view)
}

// demoGroups are who somebody may choose to be: first who has several tenants, as most people of
// an MSP have.
func (p *Product) demoGroups() []demoGroup {
	several := demoGroup{ID: "several", Name: "All tenants"}
	rest := demoGroup{ID: "none", Name: "No tenant"}
	var groups []demoGroup
	for _, t := range tenants() {
		groups = append(groups, demoGroup{ID: string(t.ID), Name: t.Name})
	}
	for _, u := range p.cfg.Users.list {
		switch len(u.roles) {
		case 0:
			rest.Users = append(rest.Users, demoUser{ID: u.actor.ID, Title: "Stranger", As: "Sign in as a stranger", May: mayDo(runs.RoleNone)})
		case 1:
			for i, t := range tenants() {
				if role := u.roles[t.ID]; role != runs.RoleNone {
					groups[i].Users = append(groups[i].Users, demoUser{ID: u.actor.ID, Title: title(role), As: "Sign in as " + article(role) + " of " + t.Name, May: mayDo(role)})
				}
			}
		default:
			several.Users = append(several.Users, demoUser{
				ID: u.actor.ID, Title: "Engineer", As: "Sign in as an engineer with all tenants",
				May: "do everything in each tenant, and restore from one into another",
			})
		}
	}
	return append(append([]demoGroup{several}, groups...), rest)
}

func (p *Product) signInForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.problem(w, r, http.StatusBadRequest, "Not a form", "The server could not read what was sent. Go back and try again.")
		return
	}
	view := signInView{Next: r.PostForm.Get("next")}
	u, err := p.chosen(r, &view)
	if err != nil {
		status := http.StatusUnauthorized
		switch {
		case errors.Is(err, errTooMany):
			status = http.StatusTooManyRequests
			w.Header().Set("Retry-After", strconv.Itoa(int(failuresFor.Seconds())))
			view.Problem = fmt.Sprintf("Too many wrong tokens. Try again in %d minutes.", int(failuresFor.Minutes()))
		case !errors.Is(err, errWrongToken):
			status = http.StatusServiceUnavailable
			view.Problem = "Too many people are signing in at this moment. Try again."
		}
		p.askToSignIn(w, r, status, view)
		return
	}
	p.signIn(w, r, u.actor.ID)
	p.cfg.Logger.InfoContext(r.Context(), "signed in", "actor", u.actor.ID)
	http.Redirect(w, r, localPath(view.Next), http.StatusSeeOther)
}

// chosen returns who signs in by a form. Otherwise view says what is wrong.
func (p *Product) chosen(r *http.Request, view *signInView) (user, error) {
	id := r.PostForm.Get("user")
	if p.cfg.Users.Demo() {
		u, ok := p.cfg.Users.find(id)
		if !ok {
			view.Problem = "There is no such user. Choose one of these."
			return user{}, errWrongToken
		}
		return u, nil
	}
	id = strings.ToLower(strings.TrimSpace(id))
	if idForm.MatchString(id) {
		view.User = id
	}
	view.Problem = "The user or the token is wrong."
	return p.verified(r, id, strings.TrimSpace(r.PostForm.Get("token")))
}

func (p *Product) signOutForm(w http.ResponseWriter, r *http.Request) {
	if actor, ok := p.Principal(r); ok {
		p.cfg.Logger.InfoContext(r.Context(), "signed out", "actor", actor.ID)
	}
	p.signOut(w, r)
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
}
