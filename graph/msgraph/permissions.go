package msgraph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Permissions implements [graph.PermissionReader]: it reads them in the token that the tenant's
// sign-in gives. The token is not checked, which is Graph's to do; what it says is good for a
// report of what is missing and for nothing else.
func (c *Client) Permissions(ctx context.Context, tenant graph.TenantID) ([]string, error) {
	const op = "permissions"
	token, err := c.tokens.get(ctx, tenant, "", "")
	if err != nil {
		return nil, call{op: op}.signIn(ctx, err)
	}
	parts := strings.Split(token.Value, ".")
	var claims struct {
		Roles []string `json:"roles"`
	}
	if len(parts) != 3 {
		return nil, &graph.Error{Op: op, Kind: graph.KindUnsupported, Err: errors.New("the token is not one that can be read; look at the app's permissions in Entra")}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return nil, &graph.Error{Op: op, Kind: graph.KindUnsupported, Err: errors.New("the token's claims cannot be read; look at the app's permissions in Entra")}
	}
	slices.Sort(claims.Roles)
	return slices.Compact(claims.Roles), nil
}

var (
	_ graph.Reader           = (*Client)(nil)
	_ graph.PermissionReader = (*Client)(nil)
)

// errEnough ends a listing of which nothing more is wanted.
var errEnough = errors.New("enough")
