package pgstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

func TestConnectionsThatDiedWithTheServerFailNobody(t *testing.T) {
	server := pgtest.Start(t, pgtest.Options{})
	pool := must(pgstore.Connect(t.Context(), server.URL(), pgstore.Connection{MaxConns: 10}))(t)
	defer pool.Close()
	// ask uses all connections at once.
	ask := func() (failed []error) {
		var mu sync.Mutex
		var asked, done sync.WaitGroup
		asked.Add(10)
		for range 10 {
			done.Go(func() {
				conn, err := pool.DB.Conn(context.Background())
				if err == nil {
					defer conn.Close()
					_, err = conn.ExecContext(context.Background(), "SELECT 1")
				}
				if err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
				asked.Done()
				asked.Wait()
			})
		}
		done.Wait()
		return failed
	}
	for range 2 {
		if failed := ask(); len(failed) > 0 {
			t.Errorf("%d of 10 failed: %v", len(failed), failed[0])
		}
		server.Restart(t)
	}
	if failed := ask(); len(failed) > 0 {
		t.Errorf("%d of 10 failed: %v", len(failed), failed[0])
	}
}

func TestAConnectionOutlivesTheTimeOfItsStatements(t *testing.T) {
	pool := must(pgstore.Connect(t.Context(), pgtest.Server(t).URL(), pgstore.Connection{MaxConns: 1}))(t)
	defer pool.Close()
	pid := func(ctx context.Context) (n int) {
		ok(t, pool.DB.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&n))
		return n
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	first := pid(ctx)
	<-ctx.Done()
	if again := pid(t.Context()); again != first {
		t.Errorf("backend %d after %d", again, first)
	}
}

// A machine that loses its network in the middle of a transaction closes no connection.
func TestAProcessThatStandsStillGivesItsLocksBack(t *testing.T) {
	at := pgtest.Server(t).Database(t)
	still := must(pgstore.Connect(t.Context(), at, pgstore.Connection{IdleTimeout: 300 * time.Millisecond}))(t)
	defer still.Close()
	other := must(pgstore.Connect(t.Context(), at, pgstore.Connection{LockTimeout: 5 * time.Second}))(t)
	defer other.Close()
	must(other.Exec("CREATE TABLE heads (seq int); INSERT INTO heads VALUES (1)"))(t)
	tx := must(still.BeginTx(t.Context(), nil))(t)
	must(tx.Exec("UPDATE heads SET seq = 2"))(t)
	must(other.Exec("UPDATE heads SET seq = seq + 2"))(t)
	var seq int
	ok(t, other.QueryRow("SELECT seq FROM heads").Scan(&seq))
	if seq != 3 {
		t.Errorf("seq is %d: what the other one wrote was not taken back", seq)
	}
	if err := tx.Commit(); err == nil {
		t.Error("the process that stood still was told that it has committed")
	}
	must(still.Exec("SELECT 1"))(t)
}
