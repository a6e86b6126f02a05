package bunstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc64"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/uptrace/bun/schema"
)

// The formats of stored payloads. A format says all that is needed to get the bytes back;
// new ones are added, such as an encrypted one, and old ones stay readable.
const (
	formatPlain num = 0 // as given, where compression would not make it smaller
	formatZstd  num = 1 // one zstd frame
)

// maxPayload bounds what a stored size can make the program allocate.
const maxPayload = 1 << 30

// codec compresses and decompresses. It is safe for concurrent use and starts no goroutine.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// newCodec uses the default level: at half the speed of the fastest it takes a tenth less
// space, and stays faster than the database. The frames have no checksum of zstd's, since
// a payload's address is its SHA-256.
func newCodec() (codec, error) {
	n := runtime.GOMAXPROCS(0)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(n))
	if err != nil {
		return codec{}, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(n), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxPayload))
	return codec{enc: enc, dec: dec}, err
}

func (c codec) encode(raw []byte) (num, []byte) {
	data := c.enc.EncodeAll(raw, make([]byte, 0, len(raw)/3))
	if len(data) >= len(raw) {
		return formatPlain, append([]byte{}, raw...) // never nil, which would be NULL
	}
	return formatZstd, data
}

func (c codec) decode(format num, data []byte, size int) ([]byte, error) {
	switch format {
	case formatPlain:
		return data, nil
	case formatZstd:
		return c.dec.DecodeAll(data, make([]byte, 0, size))
	}
	return nil, fmt.Errorf("payload format %d is unknown; a newer version of the program may know it", format)
}

// payloadRow is one payload of a tenant. Its address is the SHA-256 of the bytes as given.
type payloadRow struct {
	TenantID                     ident
	ID                           digest
	Format, RawSize, Size, CRC64 num
	data                         []byte // as stored; not read with the row
}

var payloadsTable = &table{name: "payloads", key: 2, data: "data", columns: []string{
	"tenant_id", "id", "format", "raw_size", "stored_size", "data_sum",
}}

func (*payloadRow) table() *table { return payloadsTable }

func (r *payloadRow) columns() []column {
	return []column{&r.TenantID, &r.ID, &r.Format, &r.RawSize, &r.Size, &r.CRC64}
}

func (r *payloadRow) bulk() []byte { return r.data }

// newPayload compresses the bytes under their address.
func (c codec) newPayload(tenant graph.TenantID, id digest, raw []byte) payloadRow {
	format, data := c.encode(raw)
	return payloadRow{
		TenantID: ident(tenant), ID: id, Format: format, RawSize: num(len(raw)), Size: num(len(data)),
		CRC64: num(crc64.Checksum(data, sumTable)), data: data,
	}
}

// open checks the stored bytes and gives back those that were stored.
func (c codec) open(r *payloadRow) ([]byte, error) {
	if r.Size != num(len(r.data)) || r.CRC64 != num(crc64.Checksum(r.data, sumTable)) {
		return nil, damaged(label(r), errors.New("the stored bytes differ from their checksum"))
	}
	if r.RawSize < 0 || r.RawSize > maxPayload {
		return nil, damaged(label(r), errors.New("its size is impossible"))
	}
	raw, err := c.decode(r.Format, r.data, int(r.RawSize))
	if err != nil {
		return nil, damaged(label(r), err)
	}
	if num(len(raw)) != r.RawSize || sha256.Sum256(raw) != r.ID {
		return nil, damaged(label(r), errors.New("the bytes do not hash to their address"))
	}
	return raw, nil
}

// Payload implements [backupset.SetStore].
func (s *Store) Payload(ctx context.Context, tenant graph.TenantID, version runs.ID) (raw []byte, err error) {
	err = s.view(ctx, tenant, func(q querier) error {
		v, found, err := findOne[versionRow](ctx, s, q, "WHERE t.tenant_id = ? AND t.id = ?", ident(tenant), uidOf(version))
		if err != nil {
			return err
		}
		if !found {
			return notFound("policy version")
		}
		var p payloadRow
		found, err = s.readPayload(ctx, q, &p, v.TenantID, v.PayloadID)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("store: %w: the payload of %s", backupset.ErrMissing, label(&v))
		}
		raw, err = s.codec.open(&p)
		return err
	})
	return raw, err
}

// readPayload reads a payload with its bytes.
func (s *Store) readPayload(ctx context.Context, q querier, p *payloadRow, tenant ident, id digest) (found bool, err error) {
	var data blob
	err = s.each(ctx, q, p, []column{&data}, func() error {
		found, p.data = true, data
		return nil
	}, s.sql("SELECT "+payloadsTable.selectList()+", t.data FROM {payloads} AS t WHERE t.tenant_id = ? AND t.id = ?"), tenant, id)
	return found, err
}

// compressAll makes the payloads of contents on all processors. The goroutines end before
// it returns.
func (s *Store) compressAll(tenant graph.TenantID, contents map[digest][]byte) map[digest]payloadRow {
	ids := make([]digest, 0, len(contents))
	for id := range contents {
		ids = append(ids, id)
	}
	rows := make([]payloadRow, len(ids))
	inParallel(len(ids), func(i int) { rows[i] = s.codec.newPayload(tenant, ids[i], contents[ids[i]]) })
	made := make(map[digest]payloadRow, len(rows))
	for _, r := range rows {
		made[r.ID] = r
	}
	return made
}

// inParallel calls fn for 0 to n-1 on as many goroutines as there are processors.
func inParallel(n int, fn func(i int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				fn(int(i))
			}
		})
	}
	wg.Wait()
}

// blob is bulk bytes.
type blob []byte

func (b *blob) Scan(src any) error {
	v, ok := src.([]byte)
	if !ok {
		return unexpected("bytes", src)
	}
	*b = append([]byte(nil), v...)
	return nil
}

func (b blob) value() any                   { return []byte(b) }
func (b blob) appendSum(dst []byte) []byte  { return appendSumBytes(dst, sumBytes, b) }
func (b blob) appendText(dst []byte) []byte { return fmt.Appendf(dst, "%d bytes", len(b)) }

// AppendQuery implements schema.QueryAppender.
func (b blob) AppendQuery(gen schema.QueryGen, dst []byte) ([]byte, error) {
	return appendLiteral(gen, dst, &b)
}

var _ backupset.SetStore = (*Store)(nil)
