package transfer

import (
	"context"
	"io"

	"github.com/tenantatlas/tenantbackup/graph"
)

// cachedChunks is how many chunks an import holds in memory: the directory of a zip, which is
// at its end, and what is being read.
const cachedChunks = 4

// chunks reads an upload at any place. It belongs to one goroutine and one attempt.
type chunks struct {
	ctx    context.Context
	store  Store
	tenant graph.TenantID
	upload Upload

	cache []cachedChunk // the most recent first
}

type cachedChunk struct {
	n    int
	data []byte
}

// ReadAt implements [io.ReaderAt]. Its errors are *storeError, or io.EOF behind the end.
func (c *chunks) ReadAt(p []byte, off int64) (read int, err error) {
	for read < len(p) {
		if off < 0 || off >= c.upload.Size {
			return read, io.EOF
		}
		data, err := c.chunk(int(off / ChunkSize))
		if err != nil {
			return read, err
		}
		n := copy(p[read:], data[off%ChunkSize:])
		read += n
		off += int64(n)
	}
	return read, nil
}

func (c *chunks) chunk(n int) ([]byte, error) {
	for i, have := range c.cache {
		if have.n == n {
			copy(c.cache[1:i+1], c.cache[:i])
			c.cache[0] = have
			return have.data, nil
		}
	}
	data, err := c.store.Chunk(c.ctx, c.tenant, c.upload.ID, n)
	if err != nil {
		return nil, &storeError{err}
	}
	if want := min(ChunkSize, c.upload.Size-int64(n)*ChunkSize); int64(len(data)) != want {
		return nil, &storeError{io.ErrUnexpectedEOF}
	}
	if len(c.cache) < cachedChunks {
		c.cache = append(c.cache, cachedChunk{})
	}
	copy(c.cache[1:], c.cache)
	c.cache[0] = cachedChunk{n, data}
	return data, nil
}
