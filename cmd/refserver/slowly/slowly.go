// Package slowly lets files go through a server whose own time limits are made for small requests:
// a body may take its time as long as it gets on. API and pages share it.
//
// The limits are deadlines of a connection, so they are in real time, whatever clock the services
// have; without a connection, as in tests, there are none.
package slowly

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

const (
	stalledAfter = 30 * time.Second // nothing went through
	transferTime = time.Hour        // as a whole
	answerTime   = 30 * time.Second // for a small answer after long work
)

func now() time.Time { return runs.SystemClock{}.Now() }

func soon(end time.Time) time.Time {
	if at := now().Add(stalledAfter); at.Before(end) {
		return at
	}
	return end
}

// Patient lets the work for an answer take its time. What it returns is called when the answer is
// there.
func Patient(w http.ResponseWriter) (done func()) {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{})
	return func() { _ = control.SetWriteDeadline(now().Add(answerTime)) }
}

// Writer begins its answer with the first byte, so that what fails before can still be told. It is
// for one goroutine.
type Writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	end     time.Time
	begin   func()
	begun   bool
	failed  bool
}

// NewWriter makes a Writer; begin writes the head of the answer.
func NewWriter(w http.ResponseWriter, begin func()) *Writer {
	return &Writer{w: w, control: http.NewResponseController(w), end: now().Add(transferTime), begin: begin}
}

// Begun tells whether the answer has begun.
func (d *Writer) Begun() bool { return d.begun }

// Failed tells whether the last write failed: whoever asked has gone.
func (d *Writer) Failed() bool { return d.failed }

// Write implements io.Writer.
func (d *Writer) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.begin()
	}
	_ = d.control.SetWriteDeadline(soon(d.end))
	n, err := d.w.Write(p)
	d.failed = err != nil
	return n, err
}

// Reader reads the body of a request. It is for one goroutine.
type Reader struct {
	body    io.Reader
	control *http.ResponseController
	end     time.Time
	failed  error
}

// NewReader makes a Reader of at most limit bytes; more is an *http.MaxBytesError.
func NewReader(w http.ResponseWriter, r *http.Request, limit int64) *Reader {
	return &Reader{body: http.MaxBytesReader(w, r.Body, limit), control: http.NewResponseController(w), end: now().Add(transferTime)}
}

// Failed is what reading failed with, nil when it has not: the body was too large, broke off or
// stalled.
func (u *Reader) Failed() error { return u.failed }

// Read implements io.Reader.
func (u *Reader) Read(p []byte) (int, error) {
	_ = u.control.SetReadDeadline(soon(u.end))
	n, err := u.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		u.failed = err
	}
	return n, err
}

var (
	_ io.Writer = (*Writer)(nil)
	_ io.Reader = (*Reader)(nil)
)
