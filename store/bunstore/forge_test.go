package bunstore

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Forgery is a change of an audit log by somebody who knows how checksums and tallies are
// made, and what a check finds of it.
type Forgery struct {
	Code, Table string
	Forge       func(ctx context.Context, s *Store) error
}

// Forgeries are ways to forge the audit log of contoso.
func Forgeries() map[string]Forgery {
	log := func(forge func(log []auditRow) []auditRow) func(context.Context, *Store) error {
		return func(ctx context.Context, s *Store) error { return s.forgeLog(ctx, forge) }
	}
	head := func(move func(log []auditRow) *headRow) func(context.Context, *Store) error {
		return func(ctx context.Context, s *Store) error { return s.forgeHead(ctx, move) }
	}
	return map[string]Forgery{
		"an entry was changed": {problemChain, "audit_log", log(func(log []auditRow) []auditRow {
			log[2].Outcome = "forged"
			return log
		})},
		"an entry has another time": {problemChain, "audit_log", log(func(log []auditRow) []auditRow {
			log[2].At.micro++
			return log
		})},
		"an entry was changed and hashed anew": {problemChain, "audit_log", log(func(log []auditRow) []auditRow {
			log[2].Outcome = "forged"
			rehash(log[2:3])
			return log
		})},
		"two entries changed places": {problemChain, "audit_log", log(func(log []auditRow) []auditRow {
			log[2], log[3] = log[3], log[2]
			return log
		})},
		"an entry was removed and the later ones have other numbers": {problemChain, "audit_log", log(func(log []auditRow) []auditRow {
			return append(log[:2], log[3:]...)
		})},
		"the oldest entry lost its hash": {problemChain, "audit_log", log(func(log []auditRow) []auditRow {
			log[0].Hash = link{}
			return log
		})},
		"the newest entry lost its hash": {problemChain, "audit_log", log(func(log []auditRow) []auditRow {
			log[len(log)-1].PrevHash, log[len(log)-1].Hash = link{}, link{}
			return log
		})},
		"the newest entry was removed": {problemHead, "audit_heads", log(func(log []auditRow) []auditRow {
			return log[:len(log)-1]
		})},
		"the log was written anew": {problemHead, "audit_heads", log(func(log []auditRow) []auditRow {
			log[2].Outcome = "forged"
			rehash(log)
			return log
		})},
		"all hashes were removed": {problemHead, "audit_heads", log(func(log []auditRow) []auditRow {
			for i := range log {
				log[i].PrevHash, log[i].Hash = link{}, link{}
			}
			return log
		})},
		"all entries were removed": {problemHead, "audit_heads", log(func([]auditRow) []auditRow { return nil })},
		"the head was put back": {problemHead, "audit_heads", head(func(log []auditRow) *headRow {
			last := log[len(log)-2]
			return &headRow{last.TenantID, last.Seq, last.Hash}
		})},
		"the head has another hash": {problemHead, "audit_heads", head(func(log []auditRow) *headRow {
			last := log[len(log)-1]
			return &headRow{last.TenantID, last.Seq, last.PrevHash}
		})},
		"the head was removed":     {problemHead, "audit_heads", head(func([]auditRow) *headRow { return nil })},
		"there is a head too many": {problemHead, "audit_heads", head(func([]auditRow) *headRow { return &headRow{"nobody", 1, link{1}} })},
	}
}

// rehash chains entries of one tenant anew.
func rehash(log []auditRow) {
	for i := range log {
		if i > 0 {
			log[i].PrevHash = log[i-1].Hash
		}
		e, err := log[i].entry()
		if err != nil {
			panic(err)
		}
		log[i].Hash = link(runs.ChainHash(e.PrevHash, e))
	}
}

func (s *Store) forge(ctx context.Context, forge func(ctx context.Context, t *tx, log []auditRow) error) error {
	return s.change(ctx, everybody, func(ctx context.Context, t *tx) error {
		log, err := find[auditRow](ctx, s, t, "WHERE t.tenant_id = ? ORDER BY t.seq", ident("contoso"))
		if err != nil {
			return err
		}
		return forge(ctx, t, log)
	})
}

// forgeLog puts other entries in the place of a log, numbered without a gap.
func (s *Store) forgeLog(ctx context.Context, forge func(log []auditRow) []auditRow) error {
	return s.forge(ctx, func(ctx context.Context, t *tx, log []auditRow) error {
		for i := range log {
			if err := remove(ctx, t, &log[i]); err != nil {
				return err
			}
		}
		log = forge(log)
		for i := range log {
			log[i].Seq = num(i + 1)
		}
		return insert(ctx, t, log...)
	})
}

// forgeHead puts another head in the place of the one of contoso, or beside it.
func (s *Store) forgeHead(ctx context.Context, move func(log []auditRow) *headRow) error {
	return s.forge(ctx, func(ctx context.Context, t *tx, log []auditRow) error {
		moved := move(log)
		if moved == nil || moved.TenantID == "contoso" {
			if err := s.removeHead(ctx, t); err != nil || moved == nil {
				return err
			}
		}
		if s.dialect.name() == "sqlite" {
			return insert(ctx, t, *moved)
		}
		_, err := t.Tx.Tx.ExecContext(ctx, string(appendFormatted(nil, s.sql("INSERT INTO {audit_heads} (tenant_id, seq, hash) VALUES (?, ?, ?)"),
			[]column{&moved.TenantID, &moved.Seq, &moved.Hash})))
		return err
	})
}

func (s *Store) removeHead(ctx context.Context, t *tx) error {
	if s.dialect.name() != "sqlite" {
		_, err := t.Tx.Tx.ExecContext(ctx, s.sql("DELETE FROM {audit_heads} WHERE tenant_id = 'contoso'"))
		return err
	}
	old, err := s.dialect.auditHead(ctx, s, t, graph.TenantID("contoso"))
	if err != nil {
		return err
	}
	return remove(ctx, t, &old)
}
