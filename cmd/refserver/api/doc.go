// Package api is the JSON API of the reference server: an http.Handler over the services of
// this module.
//
// The parts:
//
//   - [Config] and [New]: what it needs, and the handler. [API.Mount] hangs it into a mux
//     of the host; it works behind any prefix because its patterns carry the whole path.
//   - [Problem]: every answer that is not a success, as RFC 9457 problem details with a
//     stable code.
//   - The shapes of the answers: [Schedule], [Run], [BackupSet], [Preview] and so on.
//
// Rules that hold everywhere:
//
// Who asks comes first. A request without a valid token is 401, one for a tenant that is not
// the caller's 403 whether the tenant exists or not, and one whose action the role does not
// allow 403, all before anything else of the request is read. An id that is not in the
// tenant gets that very same 403, whoever else's it may be; what was in the tenant and is
// deleted is 404.
//
// Input is exact. A body is one JSON value without unknown or repeated fields, at most
// MaxBody bytes, but for a file that is to be imported, which may have MaxImport. Query
// parameters that a route does not know are refused, since a misspelt filter would otherwise
// show too much. What is wrong is named by field and code, and a value that was refused is
// never repeated. An empty query parameter counts as left out. The Content-Type of a request
// is not looked at.
//
// Output is regular. Names are snake_case, times RFC 3339 in UTC, ids UUIDs. Every field of
// a shape is always there: what does not apply is null, an empty list []. Lists are
// {"items": [...], "next_cursor": "..."}, with a null cursor on the last page.
//
// No request calls Graph. Starting something is one short transaction: the answer is the run
// that will, 202 when it is new and 200 when one that does the same was active. What the app was
// granted stands in its token, so to tell that a request may sign in, which is bounded in time.
//
// Nothing is changed by GET, though an export is noted in the audit log, and requests that a
// browser makes for another site are refused.
package api
