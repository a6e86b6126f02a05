package graphserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// answer is what Graph says to one request.
type answer struct {
	status int
	header http.Header // besides what every answer has; nil for none
	body   []byte      // JSON, or nil
	lost   bool        // the connection ends instead, and nobody learns what was done
}

// with adds a header.
func (a answer) with(key, value string) answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(key, value)
	return a
}

// ok is a 200 with a JSON body.
func ok(body []byte) answer { return answer{status: http.StatusOK, body: body} }

// counter numbers things.
type counter struct{ n atomic.Uint64 }

func (c *counter) next() uint64 { return c.n.Add(1) }

// requestID is a GUID that is different for every request of a server and the same in every
// run of a test.
func requestID(n uint64) string {
	return fmt.Sprintf("%08x-9e37-4b79-8a7f-%012x", uint32(n*0x9e3779b1), n)
}

// fail is an error answer in Graph's form.
func (r *request) fail(status int, code, message string) answer {
	type inner struct {
		Date   string `json:"date"`
		ID     string `json:"request-id"`
		Client string `json:"client-request-id"`
	}
	var e struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Inner   inner  `json:"innerError"`
		} `json:"error"`
	}
	e.Error.Code, e.Error.Message = code, message
	e.Error.Inner = inner{r.now.UTC().Format("2006-01-02T15:04:05"), r.id, r.client}
	body, _ := json.Marshal(e) // strings only
	return answer{status: status, body: body}
}

// The errors that many requests end with. The texts are like Graph's.

func (r *request) badRequest(format string, args ...any) answer {
	return r.fail(http.StatusBadRequest, "BadRequest", fmt.Sprintf(format, args...))
}

func (r *request) noSegment(name string) answer {
	return r.fail(http.StatusNotFound, "BadRequest", "Resource not found for the segment '"+name+"'.")
}

func (r *request) notFound(id string) answer {
	return r.fail(http.StatusNotFound, "ResourceNotFound", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

func (r *request) methodNotAllowed() answer {
	return r.fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "The HTTP method '"+r.method+"' is not supported here.")
}

// seconds writes a wait as a Retry-After header has it: whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
