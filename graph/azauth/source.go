package azauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Defaults of [Config].
const (
	DefaultTimeout    = 30 * time.Second
	DefaultMaxTenants = 1000
)

// Tenant is where an app signs in for a tenant, and which app.
type Tenant struct {
	Directory string // its id (a GUID) or one of its domains; defaults to the TenantID
	App       App    // defaults to Config.App
}

// Config configures a [Source].
type Config struct {
	// App signs in to every tenant for which Tenants has no other. Usually one app
	// registration for several directories, to which each customer's administrator has
	// consented. Required unless Tenants is set.
	App App

	// Tenants says where to sign in for a tenant. It is asked before a tenant's first sign-in
	// and again after one was rejected, possibly from several goroutines at once. Its errors
	// are returned as they are when they are a [graph.Error], else as KindInternal. Nil takes
	// the TenantID for the directory, and App.
	Tenants func(ctx context.Context, tenant graph.TenantID) (Tenant, error)

	// Cloud is where to sign in, and to which Graph. Defaults to [msgraph.Global].
	Cloud msgraph.Cloud

	// HTTP sends the requests. Its CheckRedirect is not used: no redirect is followed, since
	// it would take the secret along. Defaults to a client with Go's default transport.
	HTTP *http.Client

	// Timeout is how long a sign-in may take. Defaults to [DefaultTimeout].
	Timeout time.Duration

	// MaxTenants is how many credentials are kept; the one that was not used for the longest
	// time is dropped first. Defaults to [DefaultMaxTenants].
	MaxTenants int

	// Clock is what dates in answers are measured against. Defaults to [runs.SystemClock].
	Clock runs.Clock
}

// Source signs in. It is safe for concurrent use: at one time one goroutine signs in for a
// tenant, and those that wait for it return when their context ends. It starts no goroutine.
//
// Errors are the context's own when it ended, else a [graph.Error]: KindUnavailable and
// KindTimeout when the sign-in service could not be reached or failed, KindThrottled with
// RetryAfter when it asked to wait, KindUnauthorized when it said no, with its code (AADSTS...)
// and what to do about it. It never waits to try again: whoever asks knows how long he can.
type Source struct {
	cfg       Config
	scope     string
	authority string
	known     bool // that the authority is one of Microsoft's
	exchange  *transport
	keep      *keep
}

// New checks the configuration and makes a Source. It reads no file and sends nothing.
func New(cfg Config) (*Source, error) {
	if cfg.App != (App{}) || cfg.Tenants == nil {
		if err := cfg.App.validate(); err != nil {
			return nil, fmt.Errorf("azauth: field App: %w", err)
		}
	}
	switch {
	case cfg.Timeout < 0:
		return nil, errors.New("azauth: field Timeout must not be negative; 0 takes the default")
	case cfg.MaxTenants < 0:
		return nil, errors.New("azauth: field MaxTenants must not be negative; 0 takes the default")
	}
	if cfg.Cloud == (msgraph.Cloud{}) {
		cfg.Cloud = msgraph.Global()
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.MaxTenants == 0 {
		cfg.MaxTenants = DefaultMaxTenants
	}
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	for field, address := range map[string]string{"Cloud.Login": cfg.Cloud.Login, "Cloud.Graph": cfg.Cloud.Graph} {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("azauth: field %s must be an address such as https://login.microsoftonline.com", field)
		}
	}
	s := &Source{
		cfg: cfg, scope: strings.TrimSuffix(cfg.Cloud.Graph, "/") + "/.default", authority: strings.TrimSuffix(cfg.Cloud.Login, "/") + "/",
		exchange: newTransport(cfg.HTTP), keep: newKeep(cfg.MaxTenants),
	}
	for _, c := range []msgraph.Cloud{msgraph.Global(), msgraph.GCCHigh(), msgraph.DoD(), msgraph.China()} {
		s.known = s.known || c.Login+"/" == s.authority
	}
	return s, nil
}

// Token implements [msgraph.TokenSource].
func (s *Source) Token(ctx context.Context, tenant graph.TenantID, claims string) (msgraph.Token, error) {
	slot := s.keep.slot(tenant)
	if err := slot.enter(ctx); err != nil {
		return msgraph.Token{}, err
	}
	defer slot.leave()
	if slot.signer == nil {
		signer, err := s.signer(ctx, tenant)
		if err != nil {
			return msgraph.Token{}, settle(ctx, err)
		}
		slot.signer = signer
	}
	bounded, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	bounded, seen := watch(bounded)
	got, err := slot.signer.credential.GetToken(bounded, policy.TokenRequestOptions{
		Scopes: []string{s.scope}, Claims: claims, EnableCAE: true,
	})
	if err == nil {
		err = slot.signer.check(got)
	} else {
		err = s.explain(slot.signer, seen)
	}
	if err != nil {
		if graph.KindOf(err) == graph.KindUnauthorized {
			slot.signer = nil // a secret or a file may be replaced meanwhile
		}
		return msgraph.Token{}, settle(ctx, err)
	}
	return msgraph.Token{Value: got.Token, Expires: got.ExpiresOn}, nil
}

// settle is the error that the caller gets: his own context's when that has ended.
func settle(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var known *graph.Error
	if errors.As(err, &known) {
		return err
	}
	return &graph.Error{Op: opSignIn, Kind: graph.KindInternal, Err: err}
}

const opSignIn = "sign in"

// signer is a tenant's credential.
type signer struct {
	directory  string
	app        App
	credential azcore.TokenCredential
}

// signer makes the credential of a tenant.
func (s *Source) signer(ctx context.Context, tenant graph.TenantID) (*signer, error) {
	var t Tenant
	if s.cfg.Tenants != nil {
		var err error
		if t, err = s.cfg.Tenants(ctx, tenant); err != nil {
			return nil, err
		}
	}
	if t.Directory == "" {
		t.Directory = string(tenant)
	}
	if t.App == (App{}) {
		t.App = s.cfg.App
	}
	err := t.App.validate()
	if err == nil {
		err = validDirectory(t.Directory)
	}
	if err != nil {
		return nil, refusal(fmt.Errorf("the tenant's sign-in is not set up: %w", err))
	}
	credential, err := s.credential(t)
	if err != nil {
		return nil, refusal(err)
	}
	return &signer{directory: t.Directory, app: t.App, credential: credential}, nil
}

// validDirectory refuses what is no single directory. The value gets into a path.
func validDirectory(d string) error {
	rest := strings.Trim(strings.ToLower(d), "abcdefghijklmnopqrstuvwxyz0123456789.-")
	if d == "" || rest != "" {
		return errors.New("its directory must be an id (a GUID) or a domain")
	}
	switch strings.ToLower(d) {
	case "common", "organizations", "consumers", "adfs":
		return fmt.Errorf("its directory is %q, which stands for many; give the id of one", d)
	}
	return nil
}

// refusal is the error of a sign-in that nothing but a person's doing can mend.
func refusal(err error) *graph.Error {
	return &graph.Error{Op: opSignIn, Kind: graph.KindUnauthorized, Err: err}
}

var _ msgraph.TokenSource = (*Source)(nil)
