package guequeue

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// All takers of a process meet the same outage again and again, for as long as it lasts.
func TestAnOutageOfTheDatabaseIsLoggedOnceAndSoIsItsEnd(t *testing.T) {
	var log bytes.Buffer
	w := &crew{Queue: &Queue{opts: Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		},
	}))}}}
	refused, starting := errors.New("refused"), errors.New("starting up")
	w.answered(t.Context()) // as ever
	for _, err := range []error{refused, refused, refused, starting, starting, nil, nil, refused} {
		if err != nil {
			w.failed(t.Context(), err)
		} else {
			w.answered(t.Context())
		}
	}
	const failed = `msg="the database failed the queue; it is tried again" error=`
	want := failed + "refused\n" + failed + "\"starting up\"\n" + "msg=\"the database answers the queue again\"\n" + failed + "refused\n"
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Error(diff)
	}
}
