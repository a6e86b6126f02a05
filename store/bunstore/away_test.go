package bunstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// unreachable is a server that nobody gets a connection of.
type unreachable struct{ err error }

func (u unreachable) Connect(context.Context) (driver.Conn, error) { return nil, u.err }

func (u unreachable) Driver() driver.Driver { return nil }

// serverError is what a Postgres sends.
type serverError string

func (e serverError) Error() string { return "FATAL: (SQLSTATE " + string(e) + ")" }

func (e serverError) SQLState() string { return string(e) }

// A server that is away, or sends its clients away, is said to be; a wrong password or a wrong
// statement is not, and neither is what the caller ended.
func TestAServerThatIsAwayIsUnavailable(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want bool
	}{
		"nobody listens":       {t.Context(), &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, true},
		"the connection broke": {t.Context(), io.ErrUnexpectedEOF, true},
		"a broken connection":  {t.Context(), driver.ErrBadConn, true},
		"it shuts down":        {t.Context(), serverError("57P01"), true},
		"it starts":            {t.Context(), serverError("57P03"), true},
		"it has no room":       {t.Context(), serverError("53300"), true},
		"it knows nobody":      {t.Context(), serverError("28P01"), false},
		"it has no such table": {t.Context(), serverError("42P01"), false},
		"anything else":        {t.Context(), errors.New("x"), false},
		"nobody waits":         {canceled, context.Canceled, false},
	} {
		db := bun.NewDB(sql.OpenDB(unreachable{err: c.err}), pgdialect.New())
		store, err := bunstore.New(db, db, bunstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.GetRun(c.ctx, "contoso", "0198d1c2-0000-7000-8000-000000000001")
		if errors.Is(err, runs.ErrUnavailable) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// fileError is what SQLite says of its file.
type fileError int

func (e fileError) Error() string { return "sqlite error" }

func (e fileError) Code() int { return int(e) }

func TestAFileThatCannotBeWorkedWithIsUnavailable(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"another process holds it": {fileError(5), true},
		"it cannot be opened":      {fileError(14), true},
		"the disk is full":         {fileError(13), true},
		"a read failed":            {fileError(10 | 1<<8), true}, // SQLITE_IOERR_READ
		"it is damaged":            {fileError(11), false},
		"no such table":            {fileError(1), false},
		"anything else":            {errors.New("x"), false},
	} {
		db := bun.NewDB(sql.OpenDB(unreachable{err: c.err}), sqlitedialect.New())
		store, err := bunstore.New(db, db, bunstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ask := func() error {
			_, err := store.GetRun(t.Context(), "contoso", "0198d1c2-0000-7000-8000-000000000001")
			return err
		}
		if err := ask(); errors.Is(err, runs.ErrUnavailable) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := ask(); !errors.Is(err, runs.ErrUnavailable) {
			t.Errorf("closed: %v", err)
		}
	}
}
