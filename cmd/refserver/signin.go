package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// loopbackTokens signs in at a Graph on this machine, which gives tokens itself. Those of
// Microsoft's clouds come from azauth; the Azure SDK refuses plain http, as it should.
type loopbackTokens struct {
	base           string
	tenants        directories // none: each is its own
	client, secret string
	http           *http.Client
}

// signInTimeout bounds a sign-in on this machine.
const signInTimeout = 30 * time.Second

// newLoopbackTokens takes the app from the environment. Such a Graph usually takes any.
func newLoopbackTokens(base string, tenants directories, getenv func(string) string) loopbackTokens {
	return loopbackTokens{
		base: strings.TrimSuffix(base, "/"), tenants: tenants,
		client: cmp.Or(getenv("AZURE_CLIENT_ID"), "refserver"), secret: cmp.Or(getenv("AZURE_CLIENT_SECRET"), "demo"),
		http: &http.Client{Timeout: signInTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// Token implements msgraph.TokenSource by the client credentials flow (RFC 6749, 4.4).
func (l loopbackTokens) Token(ctx context.Context, tenant graph.TenantID, claims string) (msgraph.Token, error) {
	directory := string(tenant)
	if len(l.tenants) > 0 {
		if directory = l.tenants[tenant]; directory == "" {
			return msgraph.Token{}, noDirectoryOf(tenant)
		}
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {l.client}, "client_secret": {l.secret}, "scope": {l.base + "/.default"},
	}
	if claims != "" {
		form.Set("claims", claims)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base+"/"+url.PathEscape(directory)+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return msgraph.Token{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	now := runs.SystemClock{}.Now()
	fail := func(kind graph.Kind, status int, retryAfter time.Duration) (msgraph.Token, error) {
		return msgraph.Token{}, &graph.Error{Op: "sign in", Kind: kind, StatusCode: status, RetryAfter: retryAfter, Err: errors.New("the Graph of -graph-url gave no token")}
	}
	res, err := l.http.Do(req)
	if err != nil {
		return fail(graph.KindUnavailable, 0, 0)
	}
	defer res.Body.Close()
	wait, _ := graph.ParseRetryAfter(res.Header.Get("Retry-After"), now)
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		return fail(graph.KindThrottled, res.StatusCode, wait)
	case res.StatusCode/100 == 5:
		return fail(graph.KindUnavailable, res.StatusCode, wait)
	case res.StatusCode != http.StatusOK:
		return fail(graph.KindUnauthorized, res.StatusCode, 0)
	}
	var answer struct {
		Token string `json:"access_token"`
		Lives int    `json:"expires_in"` // seconds
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&answer); err != nil || answer.Token == "" {
		return fail(graph.KindUnavailable, res.StatusCode, 0)
	}
	return msgraph.Token{Value: answer.Token, Expires: now.Add(time.Duration(answer.Lives) * time.Second)}, nil
}

var _ msgraph.TokenSource = loopbackTokens{}
