package azauth

import (
	"encoding/json"
	"regexp"
)

// told is what the sign-in service says in a refusal. Nothing of its text is kept: it names
// people, apps and, with a wrong secret, sometimes the beginning of it.
type told struct {
	word string // of OAuth 2.0: "invalid_client"
	code string // "AADSTS7000215", else word
}

var (
	aadsts    = regexp.MustCompile(`\bAADSTS[0-9]{4,9}\b`)
	oauthWord = regexp.MustCompile(`^[a-z_]{1,40}$`)
)

func readRefusal(body []byte) told {
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil || !oauthWord.MatchString(answer.Error) {
		return told{}
	}
	t := told{word: answer.Error, code: aadsts.FindString(answer.Description)}
	if t.code == "" {
		t.code = t.word
	}
	return t
}

// transient tells whether the service only is not able to at the moment.
// Source: RFC 6749, 4.1.2.1, and
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func (t told) transient() bool {
	return t.word == "temporarily_unavailable" || t.word == "server_error"
}

// advice says what to do.
func (t told) advice(app App) string {
	if text, ok := advice[t.code]; ok {
		return text
	}
	const unknown = "the sign-in was refused: look the code up at login.microsoftonline.com/error; the sign-in log of the directory has the rest"
	switch {
	case app.ManagedIdentity:
		return "the managed identity was refused: check that the identity is assigned to this machine, and its client id"
	case t.word == "invalid_client":
		return "the app was refused: check the client id and " + app.String()
	}
	return unknown
}

// advice is what to do about the codes that an app meets.
// Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes and
// https://learn.microsoft.com/troubleshoot/entra/entra-id/app-integration/
var advice = map[string]string{
	"AADSTS7000215": "the client secret is wrong: give the secret's value, not its id, as it was shown when it was made",
	"AADSTS7000222": "the client secret has expired: make a new one in the app registration",
	"AADSTS700016":  "the app is not known in this directory: an administrator there has to consent to it, and the client id must be right",
	"AADSTS7000229": "the app has no service principal in this directory: an administrator there has to consent to it",
	"AADSTS7000112": "the app is disabled in this directory: an administrator there can enable it under enterprise applications",
	"AADSTS65001":   "nobody has consented to the app in this directory: an administrator there has to",
	"AADSTS90002":   "there is no such directory in this cloud: check its id and the cloud",
	"AADSTS900023":  "this is no id or domain of a directory",
	"AADSTS900382":  "apps of another cloud cannot sign in here: check the cloud",
	"AADSTS500011":  "Microsoft Graph is not known by this name in the directory: check the cloud",
	"AADSTS700027":  "the certificate is not one of the app's, or the signature is not by its key: upload it to the app registration",
	"AADSTS700024":  "the assertion is not valid at this time: check the clock of this machine, and that the federated token is fresh",
	"AADSTS70021":   "no federated credential of the app fits the token: issuer, subject and audience have to be equal to the letter",
	"AADSTS700211":  "no federated credential of the app fits the token's issuer",
	"AADSTS700212":  "no federated credential of the app fits the token's audience",
	"AADSTS700213":  "no federated credential of the app fits the token's subject",
	"AADSTS53003":   "Conditional Access blocks the app: an administrator of the directory can see why in its sign-in log",
}
