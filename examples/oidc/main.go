// Command oidc embeds the JSON API behind OpenID Connect: people sign in at a provider, which says
// in a claim what they may do in which tenant. The provider runs in this process, and so does a
// browser that signs in; the program tells what happens and ends.
//
// A host copies signin.go, and gives newSignIn the issuer and the client that its own provider,
// such as Entra ID or Keycloak, has registered for it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // the same time zones on every machine

	"github.com/tenantatlas/tenantbackup/runs"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run plays the story.
func run(ctx context.Context, out io.Writer) (err error) {
	w, err := start(ctx, runs.SystemClock{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	w.provider.signedIn = person{subject: "248289761001", name: "Alice Adams", roles: []string{"contoso.manager", "other-app.admin"}}

	b, err := newBrowser(w.host.url)
	if err != nil {
		return err
	}
	defer b.client.CloseIdleConnections()
	const schedules = "/api/v1/tenants/contoso/schedules"
	for _, step := range []struct{ what, method, path, body string }{
		{"The API without a sign-in", "GET", schedules, ""},
		{"The home page, by way of the provider", "GET", "/", ""},
		{"The API", "GET", schedules, ""},
		{"A new schedule", "POST", schedules, `{"name": "Nightly", "frequency": "daily", "time_of_day": "02:30", "policy_types": ["conditionalAccessPolicy"]}`},
		{"The API for another tenant", "GET", "/api/v1/tenants/fabrikam/schedules", ""},
		{"Signing out", "POST", "/signout", ""},
		{"The API after that", "GET", schedules, ""},
	} {
		code, text, err := b.do(ctx, step.method, step.path, step.body)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s %s -> %d %s\n", step.what, step.method, step.path, code, excerpt(text))
	}
	return nil
}

// excerpt is how an answer begins.
func excerpt(text string) string {
	const most = 100
	if text = strings.TrimSpace(text); len(text) > most {
		return text[:most] + "..."
	}
	return text
}

// world is a provider and a host that trusts it.
type world struct {
	provider *provider
	idp      *site
	host     *site
	signIn   *signIn
	app      *app
}

// start starts both on ports of this machine.
func start(ctx context.Context, clock runs.Clock) (_ *world, err error) {
	w := &world{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	// A port first: issuer and redirect have to be known to the other side.
	if w.idp, err = listen(ctx); err != nil {
		return w, err
	}
	if w.host, err = listen(ctx); err != nil {
		return w, err
	}
	if w.provider, err = newProvider(w.idp.url, client{id: "backups", secret: "a-secret-of-the-demo", redirect: w.host.url + callbackPath}, clock); err != nil {
		return w, err
	}
	w.idp.serve(w.provider)
	w.signIn, err = newSignIn(ctx, signInConfig{
		Issuer: w.idp.url, ClientID: w.provider.client.id, ClientSecret: w.provider.client.secret, BaseURL: w.host.url,
		Client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}, Clock: clock,
	})
	if err != nil {
		return w, err
	}
	if w.app, err = openApp(ctx, w.signIn); err != nil {
		return w, err
	}
	w.host.serve(w.app.handler)
	return w, nil
}

func (w *world) close() error {
	var err error
	for _, s := range []*site{w.host, w.idp} {
		if s != nil {
			err = errors.Join(err, s.close())
		}
	}
	if w.app != nil {
		err = errors.Join(err, w.app.close())
	}
	return err
}

// site is a server on a port of this machine.
type site struct {
	url      string
	listener net.Listener
	server   *http.Server
	ended    chan error
}

func listen(ctx context.Context) (*site, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &site{url: "http://" + l.Addr().String(), listener: l}, nil
}

func (s *site) serve(h http.Handler) {
	s.server = &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.server.Serve(s.listener) }()
}

func (s *site) close() error {
	if s.server == nil {
		return s.listener.Close()
	}
	err := s.server.Close()
	if ended := <-s.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// browser keeps cookies and follows redirects.
type browser struct {
	base   string
	client *http.Client
}

func newBrowser(base string) (*browser, error) {
	jar, err := cookiejar.New(nil)
	return &browser{base, &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}, err
}

func (b *browser) do(ctx context.Context, method, path, body string) (code int, text string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, b.base+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := b.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, string(raw), err
}
