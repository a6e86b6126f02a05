package graphserver

import "slices"

// stage is when a fault happens.
type stage int

const (
	onArrival stage = iota // before anything is done
	onAnswer               // instead of an answer; for each request of a batch too
	onContent              // within an answer; for each request of a batch too
	onWritten              // after something was changed; for each request of a batch too
	onSending              // after everything is done
)

// faultKind is what a named fault does.
type faultKind struct {
	name    string
	doc     string
	stage   stage
	forever bool // happens on every request, unless told otherwise
}

// FaultInfo describes a fault that a [Server] knows.
type FaultInfo struct {
	Name string
	Doc  string // one line
}

// Faults lists the faults that a [Server] knows.
func Faults() []FaultInfo {
	out := make([]FaultInfo, len(faultKinds))
	for i, k := range faultKinds {
		out[i] = FaultInfo{k.name, k.doc}
	}
	return out
}

func kindOf(name string) (faultKind, bool) {
	i := slices.IndexFunc(faultKinds, func(k faultKind) bool { return k.name == name })
	if i < 0 {
		return faultKind{}, false
	}
	return faultKinds[i], true
}

// The names of faults.
const (
	throttledSeconds = "throttled-seconds"
	throttledDate    = "throttled-date"
	throttledSilent  = "throttled-silent"
	serverError      = "server-error"
	nestedError      = "nested-error"
	forbiddenType    = "forbidden"
	secretForbidden  = "secret-forbidden"
	gone             = "gone"
	tokenExpired     = "token-expired"
	tokenRevoked     = "token-revoked"
	failing          = "failing"
	mixed            = "mixed"
	linkForeign      = "link-foreign"
	linkPlain        = "link-http"
	linkRepeated     = "link-repeated"
	linkMissing      = "link-missing"
	emptyPage        = "empty-page"
	expandCut        = "expand-cut"
	settingsShort    = "settings-short"
	batchMissing     = "batch-missing"
	bodyCut          = "cut"
	notJSON          = "not-json"
	connectionReset  = "reset"
	lostReply        = "lost-reply"
	lateError        = "late-error"
	acceptedOnly     = "accepted"
	visibleLater     = "visible-later"
	approval         = "approval"
	redirect         = "redirect"
	slow             = "slow"
)

var faultKinds = []faultKind{
	{name: throttledSeconds, stage: onAnswer, doc: "429 that asks to wait a number of seconds: retry-after, or 2"},
	{name: throttledDate, stage: onAnswer, doc: "429 that asks to wait until a date: wait from now, or 5s"},
	{name: throttledSilent, stage: onAnswer, doc: "429 that does not say how long to wait"},
	{name: serverError, stage: onAnswer, doc: "an error of the server: status, or 503; with retry-after when given"},
	{name: nestedError, stage: onAnswer, doc: "an error of Intune's, JSON within the message, with an internal address and message: status, or 400"},
	{name: forbiddenType, stage: onAnswer, forever: true, doc: "403 for a type, as when the app lacks a permission"},
	{name: secretForbidden, stage: onAnswer, forever: true, doc: "403 for the plain text of encrypted OMA settings, while all else may be read"},
	{name: gone, stage: onAnswer, doc: "404 for an object that is listed, as when it was deleted meanwhile"},
	{name: tokenExpired, stage: onArrival, doc: "401: the token is expired, and is from now on"},
	{name: tokenRevoked, stage: onArrival, doc: "401: the token is revoked, and a new one has to answer a claims challenge"},
	{name: failing, stage: onAnswer, doc: "one of 500, 503 and a body that ends early"},
	{name: mixed, stage: onAnswer, forever: true, doc: "5 % of the requests throttled in all forms, 2 % failing"},
	{name: linkForeign, stage: onContent, doc: "the link to the next page leads to another host: host, or graph.example"},
	{name: linkPlain, stage: onContent, doc: "the link to the next page is http instead of https"},
	{name: linkRepeated, stage: onContent, doc: "the link to the next page leads to the same page"},
	{name: linkMissing, stage: onContent, doc: "the link to the next page is missing, so that the collection seems to end there"},
	{name: emptyPage, stage: onContent, doc: "an empty page that links to the one that was asked for"},
	{name: expandCut, stage: onContent, doc: "an expanded collection has one element, and a link to the rest"},
	{name: settingsShort, stage: onContent, doc: "settings lack their last one, and no link leads to it"},
	{name: batchMissing, stage: onSending, doc: "a batch comes back without one of its answers"},
	{name: bodyCut, stage: onSending, doc: "the body ends early, and the connection with it"},
	{name: notJSON, stage: onSending, doc: "200 with a page of a proxy's instead of JSON"},
	{name: connectionReset, stage: onArrival, doc: "the connection is closed, and nothing is done"},
	{name: lostReply, stage: onSending, doc: "the connection is closed after everything is done"},
	{name: lateError, stage: onWritten, doc: "an error of the server after something was changed: status, or 504"},
	{name: acceptedOnly, stage: onWritten, doc: "202 without a body after something was changed, as if it were to be done later; with retry-after when given"},
	{name: visibleLater, stage: onWritten, forever: true, doc: "what was created is not seen for a while: wait, or 2s"},
	{name: approval, stage: onAnswer, forever: true, doc: "writes wait for an approval, as Multi Admin Approval demands: those with a justification with status, or 412"},
	{name: redirect, stage: onArrival, doc: "302 to another host: host, or graph.example"},
	{name: slow, stage: onArrival, forever: true, doc: "the answer takes longer: wait, or 1s"},
}
