package bunstore

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func testCodec(t *testing.T) codec {
	t.Helper()
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPayloadsComeBackInEveryFormat(t *testing.T) {
	noise := make([]byte, 3000)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	for name, c := range map[string]struct {
		raw    []byte
		format num
	}{
		"text":  {[]byte(strings.Repeat(`{"@odata.type":"#microsoft.graph.x"}`, 100)), formatZstd},
		"noise": {noise, formatPlain}, "short": {[]byte("x"), formatPlain}, "empty": {nil, formatPlain},
	} {
		t.Run(name, func(t *testing.T) {
			codec := testCodec(t)
			r := codec.newPayload("contoso", sha256.Sum256(c.raw), c.raw)
			if r.Format != c.format || int(r.Size) != len(r.data) || int(r.RawSize) != len(c.raw) {
				t.Errorf("stored as format %d of %d bytes, with %d bytes", r.Format, r.Size, len(r.data))
			}
			if got, err := codec.open(&r); err != nil || !bytes.Equal(got, c.raw) {
				t.Errorf("came back as %d bytes with error %v", len(got), err)
			}
		})
	}
}

// TestDamagedPayloadsAreToldByIdsOnly: no byte of the content gets into an error.
func TestDamagedPayloadsAreToldByIdsOnly(t *testing.T) {
	codec := testCodec(t)
	raw := []byte(strings.Repeat("the secret of contoso ", 50))
	for name, damage := range map[string]func(r *payloadRow){
		"a bit":           func(r *payloadRow) { r.data[len(r.data)/2] ^= 4 },
		"the end cut off": func(r *payloadRow) { r.data = r.data[:len(r.data)-1] },
		"the size":        func(r *payloadRow) { r.RawSize-- },
		"a huge size":     func(r *payloadRow) { r.RawSize = 1 << 60 },
		"a negative size": func(r *payloadRow) { r.RawSize = -1 },
		"the format":      func(r *payloadRow) { r.Format = 99 },
		"the address":     func(r *payloadRow) { r.ID[0]++ },
		"another encoding": func(r *payloadRow) { // of the same bytes
			r.Format, r.data, r.Size = formatPlain, raw, num(len(raw))
		},
		"other bytes, with their checksum": func(r *payloadRow) {
			*r = codec.newPayload("contoso", r.ID, []byte("the secret of contoso"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := codec.newPayload("contoso", sha256.Sum256(raw), raw)
			r.data = bytes.Clone(r.data)
			damage(&r)
			got, err := codec.open(&r)
			if !errors.Is(err, backupset.ErrDamaged) || got != nil {
				t.Fatalf("got %d bytes and error %v, want one that is %q", len(got), err, backupset.ErrDamaged)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the content: %v", err)
			}
		})
	}
}
