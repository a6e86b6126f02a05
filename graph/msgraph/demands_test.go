package msgraph_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// virtual is the time of a bubble of synctest.
type virtual struct{}

func (virtual) Now() time.Time                         { return time.Now() }
func (virtual) After(d time.Duration) <-chan time.Time { return time.After(d) }

// demands notes until when the answers of a handler demand to wait, those in batches too.
type demands struct {
	of http.Handler

	mu    sync.Mutex
	waits []stretch
}

type stretch struct{ from, to time.Time }

func (d *demands) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/$batch") {
		d.of.ServeHTTP(w, r)
		d.note(w.Header().Get("Retry-After"))
		return
	}
	read := &readAlong{ResponseWriter: w}
	d.of.ServeHTTP(read, r)
	var batch struct {
		Responses []struct{ Headers map[string]string }
	}
	_ = json.Unmarshal(read.body.Bytes(), &batch) // what is cut demands nothing
	for _, answer := range batch.Responses {
		d.note(answer.Headers["Retry-After"])
	}
}

func (d *demands) note(header string) {
	now := time.Now()
	if wait, ok := graph.ParseRetryAfter(header, now); ok {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.waits = append(d.waits, stretch{now, now.Add(wait)})
	}
}

// fenced is how long some demand was in force.
func (d *demands) fenced() (sum time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.SortFunc(d.waits, func(a, b stretch) int { return cmp.Compare(a.from.UnixNano(), b.from.UnixNano()) })
	var end time.Time
	for _, s := range d.waits {
		if s.from.Before(end) {
			s.from = end
		}
		if s.to.After(s.from) {
			sum, end = sum+s.to.Sub(s.from), s.to
		}
	}
	return sum
}

// readAlong keeps what is written.
type readAlong struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (w *readAlong) Write(p []byte) (int, error) {
	w.body.Write(p)
	return w.ResponseWriter.Write(p)
}

// Unwrap lets a handler reach the connection, which it breaks where an answer is cut.
func (w *readAlong) Unwrap() http.ResponseWriter { return w.ResponseWriter }
