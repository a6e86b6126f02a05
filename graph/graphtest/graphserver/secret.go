package graphserver

import (
	"bytes"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// PlainText is what the server holds behind the reference of an encrypted OMA setting.
func PlainText(secretReferenceValueID string) string { return "secret of " + secretReferenceValueID }

// secretReference reads "getOmaSettingPlainTextValue(secretReferenceValueId='...')".
func secretReference(segment string) (string, bool) {
	segment = strings.TrimPrefix(segment, "microsoft.graph.")
	ref, isCall := strings.CutPrefix(segment, "getOmaSettingPlainTextValue(secretReferenceValueId='")
	ref, closed := strings.CutSuffix(ref, "')")
	return ref, isCall && closed
}

// writeConfiguration is the permission that reading a secret takes in practice, whatever
// Microsoft's tables say.
var writeConfiguration = []graph.Permission{{"DeviceManagementConfiguration.ReadWrite.All"}}

// secret answers with the plain text of an encrypted OMA setting.
func (s *Server) secret(r *request, p graph.Policy, ref string) answer {
	if a := s.permitted(r, [][]graph.Permission{writeConfiguration}); a != nil {
		return *a
	}
	if ref == "" || !bytes.Contains(p.Raw, quote(ref)) {
		return r.nested(404, "ResourceNotFound", "The secret reference does not exist.")
	}
	return ok(object([]member{r.context("Edm.String"), {"value", quote(PlainText(ref))}}))
}
