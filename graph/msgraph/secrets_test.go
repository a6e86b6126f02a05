package msgraph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

// masked is thing with secrets.
var masked = thing(func(i *graph.TypeInfo) { i.Read.Masked = true })

// setting is an OMA setting as Graph shows it; one with a reference is encrypted.
func setting(kind, ref string) string {
	if ref == "" {
		return `{"@odata.type":"#microsoft.graph.` + kind + `","isEncrypted":false,"secretReferenceValueId":null,"value":"open"}`
	}
	return `{"@odata.type":"#microsoft.graph.` + kind + `","isEncrypted":true,"secretReferenceValueId":"` + ref + `","value": "****"}`
}

func configured(id string, settings ...string) string {
	return `{"id":"` + id + `","omaSettings":[` + strings.Join(settings, " ,") + `]}`
}

func plain(id, ref string) string {
	return "/beta/things/" + id + "/getOmaSettingPlainTextValue(secretReferenceValueId='" + ref + "')"
}

func TestSecretsThatGraphShowsStandInAPartBesideTheObject(t *testing.T) {
	object := configured("1", setting("omaSettingString", "r1"), setting("omaSettingString", ""), setting("omaSettingStringXml", "r2"))
	s := serveCanned(t, map[string]any{
		"/beta/things/1": object,
		plain("1", "r1"): `{"@odata.context":"x","value":"p\"<ä"}`,
		plain("1", "r2"): `{"value":"<xml/>"}`,
	})
	p := one(t, s.client(t, masked), "1")
	want := "[" + strings.Join([]string{
		strings.Replace(setting("omaSettingString", "r1"), `"****"`, `"p\"\u003cä"`, 1),
		setting("omaSettingString", ""),
		strings.Replace(setting("omaSettingStringXml", "r2"), `"****"`, `"PHhtbC8+"`, 1), // base64, as a write takes it
	}, ",") + "]"
	if diff := cmp.Diff(map[string]string{"omaSettings": want}, partsOf(p)); diff != "" {
		t.Error(diff)
	}
	if string(p.Raw) != object || len(p.Warnings) > 0 {
		t.Errorf("the object is %s, warnings %v", p.Raw, p.Warnings)
	}
}

func TestSecretsThatAreRefusedLeaveAWarningAndAreAskedForOnce(t *testing.T) {
	answers := map[string]any{}
	var ids []string
	for i := range 45 {
		id := fmt.Sprint(i)
		ids = append(ids, id)
		answers["/beta/things/"+id] = configured(id, setting("omaSettingString", "r"))
		answers[plain(id, "r")] = 403
	}
	answers["/beta/things/7"] = configured("7", setting("omaSettingString", ""))
	s := serveCanned(t, answers)
	c := s.client(t, masked)
	for range 2 {
		for _, r := range get(t, c, ids...) {
			if want := r.ID != "7"; r.Err != nil || slices.Contains(r.Policy.Warnings, "secrets_masked") != want || len(r.Policy.Parts) > 0 {
				t.Errorf("%s: warnings %v, parts %v, error %v", r.ID, r.Policy.Warnings, partsOf(r.Policy), r.Err)
			}
		}
	}
	if n := s.matching("getOmaSetting"); n != 1 {
		t.Errorf("secrets were asked for %d times", n)
	}
}

func TestASecretThatCannotBeHadStaysMasked(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things/1": configured("1", setting("omaSettingString", "r1"), setting("omaSettingString", "gone"), setting("omaSettingInteger", "r3")),
		plain("1", "r1"): `{"value":"p"}`,
	})
	p := one(t, s.client(t, masked), "1")
	if got := partsOf(p)["omaSettings"]; strings.Count(got, `"****"`) != 2 || !strings.Contains(got, `"p"`) {
		t.Errorf("got %s", got)
	}
	if !slices.Contains(p.Warnings, graph.WarningSecretsMasked) {
		t.Errorf("warnings %v", p.Warnings)
	}
	if n := s.matching("r3"); n != 0 {
		t.Error("a value was asked for that is no text")
	}
}

func TestASecretThatFailsForNowFailsItsPolicyOnly(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things/1": configured("1", setting("omaSettingString", "r1")), plain("1", "r1"): `{"value":"p"}`,
		"/beta/things/2": configured("2", setting("omaSettingString", "r2")), plain("2", "r2"): 500,
	})
	results := get(t, s.client(t, masked), "1", "2")
	wantKind(t, results[0].Err, "")
	wantKind(t, results[1].Err, graph.KindUnavailable)
}

func TestSecretsAreNotAskedForWhenTheConfigurationSaysSo(t *testing.T) {
	s := serveCanned(t, map[string]any{"/beta/things/1": configured("1", setting("omaSettingString", "r1")), plain("1", "r1"): `{"value":"p"}`})
	p := one(t, s.clientWith(t, msgraph.Config{MaskSecrets: true}, masked), "1")
	if s.matching("getOmaSetting") != 0 || len(p.Parts) > 0 || !slices.Contains(p.Warnings, graph.WarningSecretsMasked) {
		t.Errorf("parts %v, warnings %v", partsOf(p), p.Warnings)
	}
}
