package bunstore

import (
	"context"
	"errors"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store"
)

// payloadsAtOnce is how many payloads a check holds in memory, to hash them on all
// processors.
const payloadsAtOnce = 64

// payloads reads every payload, compares its bytes with its address, and what they contain
// with the hashes of the versions that refer to it.
func (c *checker) payloads(ctx context.Context) error {
	hashes, err := c.hashesOfPayloads(ctx)
	if err != nil {
		return c.unreadable(problemRow, versionsTable.name, err)
	}
	var batch []payloadRow
	var r payloadRow
	var data blob
	rows, err := c.q.QueryContext(ctx, c.s.sql("SELECT "+payloadsTable.selectList()+", t.data FROM {payloads} AS t"))
	if err != nil {
		return c.unreadable(problemPayload, payloadsTable.name, err)
	}
	defer rows.Close()
	scan := c.s.newScanner(&r, []column{&data})
	for rows.Next() {
		if err := scan.row(rows); err != nil {
			c.found(c.problemOf(&r, problemRow, err))
			continue
		}
		r.data = data
		if batch = append(batch, r); len(batch) == payloadsAtOnce {
			c.readPayloads(batch, hashes)
			batch = batch[:0]
		}
	}
	c.readPayloads(batch, hashes)
	return c.unreadable(problemPayload, payloadsTable.name, rows.Err())
}

// chunks reads every chunk of every upload and compares its bytes with their checksum.
func (c *checker) chunks(ctx context.Context) error {
	var r chunkRow
	var data blob
	rows, err := c.q.QueryContext(ctx, c.s.sql("SELECT "+chunksTable.selectList()+", t.data FROM {upload_chunks} AS t"))
	if err != nil {
		return c.unreadable(problemPayload, chunksTable.name, err)
	}
	defer rows.Close()
	scan := c.s.newScanner(&r, []column{&data})
	for rows.Next() {
		if scan.row(rows) != nil {
			continue // the row was found to be damaged before
		}
		r.data = data
		if err := r.sound(); err != nil {
			c.found(c.problemOf(&r, problemPayload, err))
		}
	}
	return c.unreadable(problemPayload, chunksTable.name, rows.Err())
}

// payloadRef is a payload across tenants.
type payloadRef struct {
	tenant ident
	id     digest
}

// hashesOfPayloads returns the versions that refer to each payload.
func (c *checker) hashesOfPayloads(ctx context.Context) (map[payloadRef][]versionRow, error) {
	versions := map[payloadRef][]versionRow{}
	var v versionRow
	n := len(c.report.Problems)
	_, err := c.table(ctx, &v, func() {
		ref := payloadRef{v.TenantID, v.PayloadID}
		versions[ref] = append(versions[ref], v)
	})
	c.report.Problems = c.report.Problems[:n] // damaged rows were found before
	return versions, err
}

func (c *checker) readPayloads(batch []payloadRow, versions map[payloadRef][]versionRow) {
	problems := make([][]store.Problem, len(batch))
	inParallel(len(batch), func(i int) {
		problems[i] = c.readPayload(&batch[i], versions[payloadRef{batch[i].TenantID, batch[i].ID}])
	})
	for _, list := range problems {
		c.report.Problems = append(c.report.Problems, list...)
	}
	c.report.Payloads += len(batch)
}

func (c *checker) readPayload(r *payloadRow, versions []versionRow) []store.Problem {
	raw, err := c.s.codec.open(r)
	if err != nil {
		return []store.Problem{c.problemOf(r, problemPayload, err)}
	}
	policy, err := backupset.Decode(raw)
	if err != nil {
		return []store.Problem{c.problemOf(r, problemPayload, err)}
	}
	var problems []store.Problem
	for i := range versions {
		same, err := c.s.canon.Matches(&policy, backupset.Hash(versions[i].Hash))
		if err != nil {
			return []store.Problem{c.problemOf(r, problemPayload, err)}
		}
		if !same {
			problems = append(problems, c.problemOf(&versions[i], problemHash, errHashWrong))
		}
	}
	return problems
}

var errHashWrong = errors.New("the content has another hash than the version; it was changed, or captured with another catalogue")
