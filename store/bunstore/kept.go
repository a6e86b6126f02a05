package bunstore

import (
	"context"
	"database/sql"
	"strings"
	"sync"
)

// keptStatements are prepared statements that outlive their transaction: on SQLite preparing
// a short one costs as much as executing it. They belong to the pool, which closes them.
type keptStatements struct {
	most, longest int
	replaces      bool // one of them where there is no room for another

	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

func (k *keptStatements) get(query string) *sql.Stmt {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stmts[query]
}

// wants tells whether a statement would be kept.
func (k *keptStatements) wants(query string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stmts[query] == nil && (k.replaces || len(k.stmts) < k.most)
}

// keep prepares statements for later transactions. Without them these prepare their own, so that
// nobody waits for a connection for that. Whoever calls it must have given back its own.
func (k *keptStatements) keep(ctx context.Context, s *Store, db *sql.DB, queries []string) {
	for _, query := range queries {
		if len(query) > k.longest || !k.wants(query) || db.Stats().Idle == 0 {
			continue
		}
		stmt, err := db.PrepareContext(ctx, s.sql(query))
		if err != nil {
			return
		}
		k.put(query, stmt)
	}
}

// put keeps a statement. Who has got one that is replaced is told that it is closed.
func (k *keptStatements) put(query string, stmt *sql.Stmt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	full := len(k.stmts) >= k.most
	if k.stmts[query] != nil || full && !k.replaces { // another transaction was faster
		_ = stmt.Close()
		return
	}
	if full {
		for other, old := range k.stmts { // any
			_ = old.Close()
			delete(k.stmts, other)
			break
		}
	}
	if k.stmts == nil {
		k.stmts = map[string]*sql.Stmt{}
	}
	k.stmts[query] = stmt
}

// isClosed tells whether a statement was closed before it was asked anything. database/sql has no
// name for that.
func isClosed(err error) bool {
	return err != nil && strings.HasSuffix(err.Error(), "sql: statement is closed")
}
