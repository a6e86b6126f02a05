package msgraph_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

func TestPermissionsAreTheRolesOfTheToken(t *testing.T) {
	for claims, want := range map[string][]string{
		`{"roles":["Policy.Read.All","DeviceManagementApps.Read.All","Policy.Read.All"],"tid":"x"}`: {"DeviceManagementApps.Read.All", "Policy.Read.All"},
		`{"tid":"x"}`: nil, // an app that was granted nothing
	} {
		s := serveCanned(t, nil)
		got, err := s.clientWith(t, msgraph.Config{Tokens: jwt(claims)}).Permissions(t.Context(), contoso)
		if diff := cmp.Diff(want, got); err != nil || diff != "" || s.calls > 0 {
			t.Errorf("%s: error %v, %d requests, %s", claims, err, s.calls, diff)
		}
	}
}

func TestATokenThatCannotBeReadHasNoPermissionsToReport(t *testing.T) {
	unsigned := jwt(`{}`)
	for _, tok := range []token{"opaque", "a.b", "a.%%%.c", jwt(`{"roles":"x"}`), jwt(`[`), unsigned[:len(unsigned)-2]} {
		_, err := serveCanned(t, nil).clientWith(t, msgraph.Config{Tokens: tok}).Permissions(t.Context(), contoso)
		wantKind(t, err, graph.KindUnsupported)
	}
}

func TestASignInThatIsRefusedHasNoPermissionsToReport(t *testing.T) {
	_, err := serveCanned(t, nil).clientWith(t, msgraph.Config{Tokens: refused{}}).Permissions(t.Context(), contoso)
	wantKind(t, err, graph.KindUnauthorized)
}

type refused struct{}

func (refused) Token(context.Context, graph.TenantID, string) (msgraph.Token, error) {
	return msgraph.Token{}, errors.New("no consent")
}
