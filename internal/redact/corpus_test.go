package redact

// canary is the secret in every input of the corpus and of the fuzz test. It has the
// letters, digits and signs of a generated password, and no character that would end a
// value.
const canary = "k4n4rienVogel-SINGT_77"

// variants are the ways a secret is written, each with CANARY where it stands. They must
// be masked whatever stands before and behind them.
var variants = []struct{ name, text string }{
	{"form", `client_secret=CANARY`},
	{"form, further parameters", `grant_type=client_credentials&client_secret=CANARY&scope=x`},
	{"form, percent-encoded", `client_assertion%3DCANARY%26scope%3Dx`},
	{"connection string", `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=CANARY==;EndpointSuffix=core.windows.net`},
	{"connection string of a bus", `Endpoint=sb://a/;SharedAccessKeyName=Root;SharedAccessKey=CANARY;EntityPath=q`},
	{"Postgres keywords", `host=db user=app password=CANARY sslmode=require`},
	{"Postgres keywords, quoted", `host=db password='CANARY with blanks' user=app`},
	{"name and colon", `Password: CANARY`},
	{"assignment", `refreshToken := "CANARY and more"`},
	{"JSON", `{"client_secret":"CANARY"}`},
	{"JSON, blanks", `{ "access_token" : "CANARY" , "expires_in" : 3599 }`},
	{"JSON, camel case", `{"refreshToken":"CANARY"}`},
	{"JSON, a quote in the value", `{"password":"a\"CANARY"}`},
	{"JSON, a backslash ends the part before", `{"password":"a\\\"CANARY"}`},
	{"JSON, number", `{"device_code":123456,"code_verifier":"CANARY"}`},
	{"JSON, list", `{"passwords":["x","CANARY"]}`},
	{"JSON, object", `{"privateKey":{"kty":"RSA","d":"x]}CANARY"}}`},
	{"JSON, name and value apart", `{"name":"Password","value":"CANARY"}`},
	{"JSON in JSON", `{"message":"{\"id_token\": \"CANARY\"}"}`},
	{"JSON in JSON, a quote in the value", `{"message":"{\"password\": \"a\\\"CANARY\"}"}`},
	{"JSON in JSON, line break", `{"message":"{\r\n  \"password\":\r\n  \"CANARY\"\r\n}"}`},
	{"JSON in JSON in JSON", `{"a":"{\"b\":\"{\\\"password\\\":\\\"CANARY\\\"}\"}"}`},
	{"JSON in JSON in JSON, a quote in the value", `{"a":"{\"b\":\"{\\\"password\\\":\\\"a\\\\\\\"CANARY\\\"}\"}"}`},
	{"JSON in JSON as .NET writes it", `{"message":"{\u0022password\u0022:\u0022CANARY\u0022}"}`},
	{"JSON in JSON as .NET writes it, a quote in the value", `{"message":"{\u0022password\u0022:\u0022a\\\u0022CANARY\u0022}"}`},
	{"JSON in a query", `?q=%7B%22password%22%3A%22CANARY%22%7D`},
	{"JSON in HTML", `{&quot;password&quot;:&quot;CANARY&quot;}`},
	{"Python", `{'client_secret': 'CANARY'}`},
	{"XML", `<wlan><sharedKey>CANARY</sharedKey></wlan>`},
	{"XML in HTML", `&lt;password&gt;CANARY&lt;/password&gt;`},
	{"bearer", `Authorization: Bearer CANARY`},
	{"bearer twice", `Authorization: Bearer Bearer CANARY`},
	{"bearer in JSON", `{"Authorization":["Bearer CANARY"]}`},
	{"basic", `authorization: basic Y2xpZW50OCANARY==`},
	{"JSON Web Token", `token was eyJhbGciOiJSUzI1NiJ9.eyJhdWQiCANARY.CANARY`},
	{"JSON Web Token, cut", `... eyJhbGciOiJCANARY`},
	{"Entra client secret", `AADSTS7000215: Invalid client secret provided abC8Q~CANARY0123456789ab`},
	{"Entra refresh token", `sent 0.ARwA6CANARYabcdefgh-.AgABAwEAAACANARY`},
	{"PEM", "-----BEGIN PRIVATE KEY-----\nMIIECANARY\nabc==\n-----END PRIVATE KEY-----"},
	{"PEM, cut", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nCANARY"},
	{"PEM in JSON", `{"key":"-----BEGIN EC PRIVATE KEY-----\nMIIECANARY\n-----END EC PRIVATE KEY-----\n"}`},
	{"shared access signature", `https://a.blob.core.windows.net/c?sv=2024-11-04&sig=CANARY%3D&se=2026`},
	{"shared access signature as Go writes JSON", `https://a.blob.core.windows.net/c?sv=2024\u0026sig=CANARY%3D\u0026se=2026`},
	{"shared access signature, header", `SharedAccessSignature sig=CANARY&se=1&skn=k&sr=a`},
	{"authorization code", `https://app.example/callback?code=CANARY&state=1`},
	{"skip token", `https://graph.microsoft.com/v1.0/users?$skiptoken=CANARY&$top=5`},
	{"skip token, percent-encoded", `https://graph.microsoft.com/v1.0/users?%24skiptoken=CANARY`},
	{"userinfo", `dial postgres://app:CANARY@db.internal:5432/x`},
	{"userinfo, escaped slashes", `"https:\/\/app:CANARY@host\/x"`},
	{"userinfo with an @", `https://app:p@CANARY@host/x`},
	{"e-mail address", `mail to CANARY@contoso.com failed`},
	{"user principal name in a path", `/users/CANARY@contoso.onmicrosoft.com/messages`},
	{"user principal name of a guest", `CANARY_gmail.com#EXT#@contoso.onmicrosoft.com`},
	{"address, percent-encoded", `/users/CANARY%40contoso.com`},
	{"internal URL of Intune", `Url: https://fef.CANARY.manage.microsoft.com/Service/x`},
}

// kept are texts in which people look for something that must not be masked.
var kept = []string{
	"graph: list settingsCatalogPolicy: forbidden (403 Authorization_RequestDenied), request 5b2a3c4d-1e2f-4a5b-8c6d-7e8f9a0b1c2d",
	"tenant 72f988bf-86f1-41af-91ab-2d7cd011db47, client_id=1950a258-227b-4e31-a9cf-717495945fc2",
	"The property passwordMinimumLength must be between 4 and 16; passwordRequired: true",
	"secretReferenceValueId is read-only; tokenExpiryInDays=30",
	"SharedAccessKeyName=RootManageSharedAccessKey",
	"error code=500, status=503, code: BadRequest",
	`{"error":{"code":"BadRequest","message":"x"}}`,
	"Bearer authentication is required. Basic authentication is off.",
	"unexpected annotation settings@odata.nextLink or items@microsoft.graph.downloadUrl",
	"https://graph.microsoft.com/beta/deviceManagement/configurationPolicies?$top=25&$expand=assignments",
	"module example.com/mod@v1.2.3 at 12:30:00 +02:00",
	"Richtlinie „Überwachung“ – 日本語 – 👍",
	"config=x.json significant=1",
}

// intuneError is an error of Intune in Graph's envelope: JSON in the message of JSON,
// with the back end's URL, an account and what the server read out of the request.
const intuneError = `{"error":{"code":"BadRequest","message":"{\r\n  \"_version\": 3,\r\n  \"Message\": ` +
	`\"The value of passwordMinimumLength is not valid. client_secret=CANARY - Operation ID (for customer support): ` +
	`00000000-0000-0000-0000-000000000000 - Activity ID: 5b2a3c4d-1e2f-4a5b-8c6d-7e8f9a0b1c2d - Url: ` +
	`https://fef.scaleunit0202.manage.microsoft.com/Configuration/deviceManagement/accounts/4711-account?api-version=5024\",` +
	`\r\n  \"CustomApiErrorPhrase\": \"\",\r\n  \"RetryAfter\": null,\r\n  \"ErrorSourceService\": \"\",` +
	`\r\n  \"HttpHeaders\": \"{\\\"Authorization\\\":[\\\"Bearer CANARY\\\"],\\\"WifiPassword\\\":\\\"a\\\\\\\"CANARY\\\"}\"\r\n}",` +
	`"innerError":{"date":"2026-01-05T04:22:13","request-id":"0b1c2d3e-4f50-4162-8374-95a6b7c8d9e0","user":"adele@contoso.com"}}}`
