package bunstore

import (
	"context"
	"database/sql"
	"sync"
)

// keptStatements are prepared statements that outlive their transaction: on SQLite preparing
// a short one costs as much as executing it. They belong to the pool, which closes them.
type keptStatements struct {
	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

// Of the statements with many rows there are many, and their rows cost more than preparing.
const (
	maxKept    = 256
	maxKeptLen = 2000
)

func (k *keptStatements) get(query string) *sql.Stmt {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stmts[query]
}

// keep prepares statements for later transactions, which prepare their own without them. It takes a
// connection of the pool: whoever calls it must have given back its own.
func (k *keptStatements) keep(ctx context.Context, s *Store, db *sql.DB, queries []string) {
	for _, query := range queries {
		k.mu.Lock()
		full := len(k.stmts) >= maxKept || k.stmts[query] != nil
		k.mu.Unlock()
		if full || len(query) > maxKeptLen {
			continue
		}
		stmt, err := db.PrepareContext(ctx, s.sql(query))
		if err != nil {
			return
		}
		k.mu.Lock()
		if k.stmts == nil {
			k.stmts = map[string]*sql.Stmt{}
		}
		if k.stmts[query] != nil { // another transaction was faster
			_ = stmt.Close()
		} else {
			k.stmts[query] = stmt
		}
		k.mu.Unlock()
	}
}
