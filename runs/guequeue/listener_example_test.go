package guequeue_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

// pgxListener listens with pgx, over a connection of its own.
type pgxListener struct{ config *pgx.ConnConfig }

// Listen implements [guequeue.Listener].
func (l pgxListener) Listen(ctx context.Context, channel string, heard func()) error {
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize())
	for err == nil {
		heard()
		_, err = conn.WaitForNotification(ctx)
	}
	return err
}

// A host with a pool of pgx brings the listener, so that a run that a person starts begins at
// once and not with the next poll.
func ExampleListener() {
	pool, err := pgxpool.New(context.Background(), "postgres://app:secret@127.0.0.1/backup?sslmode=disable")
	if err != nil {
		panic(err)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	_, err = guequeue.New(db, guequeue.Options{Listener: pgxListener{pool.Config().ConnConfig}})
	fmt.Println(err)
	// Output: <nil>
}
