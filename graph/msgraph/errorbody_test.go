package msgraph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

// intune is an error of Intune: JSON in the message of Graph's error, with its address inside.
const intune = `{"error":{"code":"BadRequest","message":"{\r\n  \"_version\": 3,\r\n  \"Message\": \"SecretReferenceValueId invalid for create - ` +
	`Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: 5b2a3c4d-1e2f-4a5b-8c6d-7e8f9a0b1c2d - ` +
	`Url: https://fef.scaleunit0202.manage.microsoft.com/Configuration/accounts/4711?api-version=5024\",\r\n  \"CustomApiErrorPhrase\": \"\",` +
	`\r\n  \"RetryAfter\": null,\r\n  \"HttpHeaders\": \"{\\\"Authorization\\\":\\\"Bearer CANARY\\\"}\"\r\n}",` +
	`"innerError":{"date":"2026-01-05T04:22:13","request-id":"0b1c2d3e-4f50-4162-8374-95a6b7c8d9e0"}}}`

func TestWhatARefusalSays(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"plain": {`{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation.","innerError":{"request-id":"r-1"}}}`,
			"graph: update deviceConfiguration: invalid (400 Authorization_RequestDenied), request r-1: Insufficient privileges to complete the operation."},
		"in other letters": {`{"Error":{"Code":"A","MESSAGE":"B","innererror":{"Request-Id":"r-1","message":"c","innerError":{"message":"d"}}}}`,
			"graph: update deviceConfiguration: invalid (400 A), request r-1: B; c"},
		"of Intune": {intune, "graph: update deviceConfiguration: invalid (400 BadRequest), request 0b1c2d3e-4f50-4162-8374-95a6b7c8d9e0: " +
			"SecretReferenceValueId invalid for create (activity 5b2a3c4d-1e2f-4a5b-8c6d-7e8f9a0b1c2d)"},
		"of Intune, within": {`{"error":{"code":"UnknownError","message":"{\"Message\":\"{\\\"Message\\\":\\\"deep - Operation ID x\\\"}\"}"}}`,
			"graph: update deviceConfiguration: invalid (400 UnknownError): deep"},
		"an address": {`{"error":{"code":"x","message":"See https://graph.microsoft.com/beta/users/adele@contoso.com?$select=id or ftp://x/y."}}`,
			"graph: update deviceConfiguration: invalid (400 x): See [address] or [address]"},
		"words in the wrong place":       {`{"error":{"code":"see https://x/ Bearer abc","message":"m","innerError":{"request-id":"a b"}}}`, "graph: update deviceConfiguration: invalid (400): m"},
		"JSON that is cut":               {`{"error":{"code":"x","message":"{\"Message\":\"password=CANARY"}}`, "graph: update deviceConfiguration: invalid (400 x)"},
		"a page of a proxy":              {`<html>secret</html>`, "graph: update deviceConfiguration: invalid (400)"},
		"nothing":                        {``, "graph: update deviceConfiguration: invalid (400)"},
		"other types":                    {`{"error":{"code":1,"message":{"value":"x"},"innerError":[]}}`, "graph: update deviceConfiguration: invalid (400)"},
		"no object":                      {`[{"error":{}}]`, "graph: update deviceConfiguration: invalid (400)"},
		"a text in the place of objects": {`{"error":"invalid_request"}`, "graph: update deviceConfiguration: invalid (400)"},
		"depths":                         {strings.Repeat(`{"error":`, 5000) + `{"message":"x"}` + strings.Repeat(`}`, 5000), "graph: update deviceConfiguration: invalid (400)"},
	} {
		c2 := serve(t, say(400, c.body), func(c *Config) { c.Limits = unbounded })
		if _, err := c2.do(t.Context(), tenant, update()); err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}
}

// A canary stands wherever a server might put a secret, in forms that are known for one.
func TestNoSecretOfAnAnswerGetsIntoAnErrorOrALog(t *testing.T) {
	const canary = "k4n4rienVogel-SINGT_77"
	for name, body := range map[string]string{
		"Intune":      strings.ReplaceAll(intune, "CANARY", canary),
		"a password":  `{"error":{"code":"BadRequest","message":"The value {\"password\":\"` + canary + `\"} is invalid. client_secret=` + canary + `"}}`,
		"a token":     `{"error":{"code":"InvalidAuthenticationToken","message":"Bearer ` + canary + ` is bad"}}`,
		"an address":  `{"error":{"code":"BadRequest","message":"https://x/?$skiptoken=` + canary + ` and https://` + canary + `.manage.microsoft.com/x"}}`,
		"the code":    `{"error":{"code":"Bearer ` + canary + `","message":"x"}}`,
		"the request": `{"error":{"code":"x","innerError":{"request-id":"token: ` + canary + `"}}}`,
		"the body":    `<secret>` + canary + `</secret>`,
	} {
		for _, code := range []int{400, 401, 403, 404, 429, 500, 503} {
			var logged bytes.Buffer
			h := func(w http.ResponseWriter, r *http.Request, _ int) {
				w.Header().Set("Request-Id", "Bearer "+canary)
				w.Header().Set("X-Secret", canary)
				w.WriteHeader(code)
				_, _ = io.WriteString(w, body)
			}
			inBubble(t, h, func(c *Config) {
				c.Logger = slog.New(slog.NewTextHandler(&logged, nil))
				c.Tokens = tokenFunc(func(context.Context, graph.TenantID, string) (Token, error) { return Token{Value: canary}, nil })
			}, func(w *world) {
				for _, r := range []call{list(), create()} {
					_, err := w.do(w.ctx, tenant, r)
					if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
						t.Errorf("%s, %d: %v", name, code, err)
					}
				}
			})
			if strings.Contains(logged.String(), canary) {
				t.Errorf("%s, %d: logged %s", name, code, logged.String())
			}
			if code == 429 && !strings.Contains(logged.String(), "call=\"list deviceConfiguration\" kind=throttled status=429") {
				t.Errorf("the log does not say what happened: %s", logged.String())
			}
		}
	}
}

// The errors of package net/http have the address in their text.
func TestAnErrorOfTheNetworkHasNoAddress(t *testing.T) {
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("proxy %s said Bearer %s", r.URL, r.Header.Get("Authorization"))
	})
	c := serve(t, nil, func(c *Config) { c.HTTP, c.Attempts = &http.Client{Transport: transport}, 1 })
	for _, r := range []call{list(), create()} {
		_, err := c.do(t.Context(), tenant, r)
		var e *graph.Error
		if !errors.As(err, &e) || strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "the-token") {
			t.Error(err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
