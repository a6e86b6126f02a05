package guequeue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"

	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// Listener hears what is sent with NOTIFY. A connection behind a pooler that gives each
// transaction another server connection hears nothing.
type Listener interface {
	// Listen listens to a channel of the queue's database until ctx ends or the connection
	// breaks. It calls heard as soon as it listens and after each notification; heard
	// returns at once. After an error Listen is called again, PollEvery later.
	Listen(ctx context.Context, channel string, heard func()) error
}

// listen keeps the listener going until ctx ends.
func (q *Queue) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := q.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("it ended")
		}
		q.opts.Logger.WarnContext(ctx, "not listening for jobs; polling until the next attempt", redact.Err(err))
		select {
		case <-ctx.Done():
		case <-q.clock.After(q.opts.PollEvery):
		}
	}
}

func (q *Queue) listenOnce(ctx context.Context) error {
	// The same name as in the statement that queues. The table's number tells apart the
	// schemas of one database: they share all channels.
	var channel sql.NullString
	err := q.db.QueryRowContext(ctx, `SELECT 'guequeue_' || to_regclass('gue_jobs')::oid || '_' || $1::text`, q.opts.Name).Scan(&channel)
	if err != nil {
		return err
	}
	if !channel.Valid {
		return ErrNoTable
	}
	return q.opts.Listener.Listen(ctx, channel.String, q.signal)
}

// pgListener listens over a connection of its own with the settings of a pool of pgdriver.
type pgListener struct{ db *sql.DB }

const (
	// quiet is how long a connection may be silent before it is asked for a sign of life.
	quiet = time.Minute
	// answer is how long it has for that each time it is asked, and askings how often.
	answer  = 500 * time.Millisecond
	askings = 10
)

// Listen implements [Listener].
func (l pgListener) Listen(ctx context.Context, channel string, heard func()) error {
	ln := pgdriver.NewListener(bun.NewDB(l.db, pgdialect.New()))
	closed := make(chan struct{})
	// pgdriver does not stop reading when a context ends, only when the connection does.
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		ln.Close() // an error says that it is closed already
	})
	defer func() {
		if !stop() {
			<-closed
		}
		ln.Close()
	}()
	if err := ln.Listen(ctx, channel); err != nil {
		return err
	}
	for {
		if err := l.ask(ctx, ln, channel); err != nil {
			return err
		}
		var err error
		for err == nil {
			heard()
			_, _, err = ln.ReceiveTimeout(ctx, quiet)
		}
		if !timedOut(err) {
			return err
		}
	}
}

// ask notifies the channel until the listener hears it. Listen has only sent its command,
// and what is queued before the server has read that goes unheard; a connection whose other
// end has vanished would be silent for ever.
func (l pgListener) ask(ctx context.Context, ln *pgdriver.Listener, channel string) error {
	for range askings {
		if _, err := l.db.ExecContext(ctx, `SELECT pg_notify($1, '')`, channel); err != nil {
			return err
		}
		_, _, err := ln.ReceiveTimeout(ctx, answer)
		if err == nil || !timedOut(err) {
			return err
		}
	}
	return fmt.Errorf("no notification came within %v", askings*answer)
}

func timedOut(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

var _ Listener = pgListener{}
