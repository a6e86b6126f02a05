// Package store composes the roles that a backend plays for the rest of this module.
//
// The parts:
//
//   - [Store]: everything a tenant's backups need, composed of the roles that
//     backupsched, runs, runs/backupset, runs/restore and runs/transfer define.
//   - [Checker]: the integrity check of a whole store.
//
// Backends live below: store/bunstore with its opener store/sqlitestore; store/storetest
// is the suite that any backend runs.
package store

import (
	"context"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// Store is a complete backend. Implementations are safe for concurrent use; see the roles
// for what each method promises.
type Store interface {
	backupsched.Store
	runs.Store
	backupset.Store
	restore.Store
	transfer.Store
}

// CheckOptions says how deep a check goes.
type CheckOptions struct {
	ReadData bool // also read, decompress and hash every payload
}

// Problem is one thing that a check found.
type Problem struct {
	Code   string // stable, lower_snake: "row_damaged", "row_missing", "payload_damaged", ...
	Table  string // without prefix
	Tenant string
	ID     string // of the row, as far as it can be told
	Detail string // for people; never content
}

// CheckReport is what a check found. It is sound when Problems is empty.
type CheckReport struct {
	Rows     int // rows checked
	Payloads int // payloads read and hashed
	Problems []Problem
}

// Checker checks a whole store: that every row is as it was written, none is missing,
// every reference and count holds and, with ReadData, every payload hashes. Found damage
// is in the report; the error is for a check that could not run.
type Checker interface {
	// Check reads the whole store. It may run beside everything else.
	Check(ctx context.Context, opts CheckOptions) (CheckReport, error)
}
