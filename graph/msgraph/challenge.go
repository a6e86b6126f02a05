package msgraph

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
)

var claimsParam = regexp.MustCompile(`(?i)\bclaims="([A-Za-z0-9+/=_-]*)"`)

// challenge returns what a refusal demands of the next token, as JSON, and "" when it demands
// nothing.
// Source: https://learn.microsoft.com/entra/identity-platform/claims-challenge
func challenge(h http.Header) string {
	for _, v := range h.Values("WWW-Authenticate") {
		m := claimsParam.FindStringSubmatch(v)
		if m == nil {
			continue
		}
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if claims, err := enc.DecodeString(m[1]); err == nil && json.Valid(claims) {
				return string(claims)
			}
		}
	}
	return ""
}
