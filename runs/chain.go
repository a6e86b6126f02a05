package runs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// AuditHash is a link of a tenant's chain of audit entries, a SHA-256.
type AuditHash [sha256.Size]byte

// String returns the hash in hexadecimal, or "" for the zero hash.
func (h AuditHash) String() string {
	if h.IsZero() {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// IsZero tells whether there is no hash.
func (h AuditHash) IsZero() bool { return h == AuditHash{} }

// MarshalText encodes the hash in hexadecimal; the zero hash is empty.
func (h AuditHash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *AuditHash) UnmarshalText(text []byte) error {
	*h = AuditHash{}
	if len(text) == 0 {
		return nil
	}
	if raw, err := hex.DecodeString(string(text)); err == nil && len(raw) == len(h) {
		copy(h[:], raw)
		return nil
	}
	return fmt.Errorf("%w: an audit hash has 64 hexadecimal digits", ErrInvalid)
}

// AuditHead is the end of a tenant's chain. Kept outside of the database, it shows later
// whether the log up to it is still the same.
type AuditHead struct {
	Seq  int64
	Hash AuditHash
}

// ChainHash returns the hash of an entry that follows one with hash prev. It covers every
// field but the two hashes, each with its length, so that no two entries have one encoding.
func ChainHash(prev AuditHash, e AuditEntry) AuditHash {
	b := make([]byte, 0, 512)
	b = append(b, "tenantbackup audit 1\n"...)
	b = append(b, prev[:]...)
	text := func(s string) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	text(string(e.TenantID))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Seq))
	text(string(e.ID))
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMicro()))
	for _, s := range []string{e.Actor.ID, e.Actor.Name, e.Action, e.Resource.Type, string(e.Resource.ID), string(e.RunID), e.Outcome} {
		text(s)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(len(e.Details)))
	for _, k := range slices.Sorted(maps.Keys(e.Details)) {
		text(k)
		text(e.Details[k])
	}
	return sha256.Sum256(b)
}
