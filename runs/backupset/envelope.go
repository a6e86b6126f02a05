package backupset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// The envelope is what a store keeps of one captured policy, opaque to it:
//
//	magic "TBPE", one byte of format version
//	type, id, name, odata type                  text each
//	raw object                                  text
//	number of parts;      name, raw             text each
//	number of references; kind, id, name, rule  text each
//	number of warnings;   warning               text each
//	CRC-32C over all of the above               4 bytes, little endian
//
// A text is its length as an unsigned varint and then its bytes; a number is an unsigned
// varint. The checksum also covers what the hash leaves out: names, references, and the
// volatile fields and white space of the raw bytes. The format does not compress; stores do.
const (
	envelopeMagic   = "TBPE"
	envelopeVersion = 1
	checksumSize    = 4
)

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged is wrapped by every error about stored bytes that are not what was stored.
var ErrDamaged = errors.New("stored data is damaged")

// Encode returns the envelope of p. See [AppendEncode].
func Encode(p *graph.Policy) ([]byte, error) {
	return AppendEncode(nil, p)
}

// AppendEncode appends the envelope of p to dst: the raw object and every part byte for
// byte, with type, id, name, ODataType, references and warnings. It fails when p is nil
// or two parts have one name, and then returns dst as it was.
func AppendEncode(dst []byte, p *graph.Policy) ([]byte, error) {
	if p == nil {
		return dst, errors.New("backupset: there is no policy to encode")
	}
	if i := repeatedPart(p.Parts); i >= 0 {
		return dst, fmt.Errorf("backupset: Parts[%d] has the name of another part; names are unique within a policy", i)
	}
	start := len(dst)
	dst = slices.Grow(dst, encodedSize(p))
	dst = append(dst, envelopeMagic...)
	dst = append(dst, envelopeVersion)
	dst = appendText(dst, p.Type)
	dst = appendText(dst, p.ID)
	dst = appendText(dst, p.Name)
	dst = appendText(dst, p.ODataType)
	dst = appendText(dst, p.Raw)
	dst = binary.AppendUvarint(dst, uint64(len(p.Parts)))
	for i := range p.Parts {
		dst = appendText(dst, p.Parts[i].Name)
		dst = appendText(dst, p.Parts[i].Raw)
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.References)))
	for i := range p.References {
		r := &p.References[i]
		dst = appendText(dst, r.Kind)
		dst = appendText(dst, r.ID)
		dst = appendText(dst, r.Name)
		dst = appendText(dst, r.Rule)
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.Warnings)))
	for _, w := range p.Warnings {
		dst = appendText(dst, w)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli)), nil
}

// Decode returns the policy of an envelope. Its raw bytes share memory with data, which
// must not be changed afterwards. Whatever [Encode] did not write is an error that wraps
// [ErrDamaged] and contains nothing of the data.
func Decode(data []byte) (graph.Policy, error) {
	body := len(data) - checksumSize
	if body < len(envelopeMagic)+1 || string(data[:len(envelopeMagic)]) != envelopeMagic {
		return graph.Policy{}, damaged("not an envelope of a policy")
	}
	if crc32.Checksum(data[:body], castagnoli) != binary.LittleEndian.Uint32(data[body:]) {
		return graph.Policy{}, damaged("the checksum does not match")
	}
	if v := data[len(envelopeMagic)]; v != envelopeVersion {
		return graph.Policy{}, damaged(fmt.Sprintf("format version %d is unknown to this program; a newer one may read it", v))
	}
	d := envelopeReader{rest: data[len(envelopeMagic)+1 : body : body]}
	p := graph.Policy{
		Type:      graph.PolicyType(d.text()),
		ID:        string(d.text()),
		Name:      string(d.text()),
		ODataType: string(d.text()),
		Raw:       d.text(),
	}
	p.Parts = list(&d, 2, func() graph.Part {
		return graph.Part{Name: string(d.text()), Raw: d.text()}
	})
	p.References = list(&d, 4, func() graph.Reference {
		return graph.Reference{Kind: string(d.text()), ID: string(d.text()), Name: string(d.text()), Rule: string(d.text())}
	})
	p.Warnings = list(&d, 1, func() string { return string(d.text()) })
	if d.broken || len(d.rest) > 0 {
		return graph.Policy{}, damaged("a length does not fit")
	}
	if repeatedPart(p.Parts) >= 0 {
		return graph.Policy{}, damaged("two parts have one name")
	}
	return p, nil
}

func damaged(why string) error {
	return fmt.Errorf("backupset: %w: %s", ErrDamaged, why)
}

// encodedSize is at least the size of the envelope.
func encodedSize(p *graph.Policy) int {
	const text = binary.MaxVarintLen32 // a length; longer texts cost a little growth
	n := len(envelopeMagic) + 1 + checksumSize + 8*text
	n += len(p.Type) + len(p.ID) + len(p.Name) + len(p.ODataType) + len(p.Raw)
	for i := range p.Parts {
		n += 2*text + len(p.Parts[i].Name) + len(p.Parts[i].Raw)
	}
	for i := range p.References {
		r := &p.References[i]
		n += 4*text + len(r.Kind) + len(r.ID) + len(r.Name) + len(r.Rule)
	}
	for _, w := range p.Warnings {
		n += text + len(w)
	}
	return n
}

func appendText[T ~string | ~[]byte](dst []byte, text T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// repeatedPart returns the index of a part with the name of an earlier one, or -1.
func repeatedPart(parts []graph.Part) int {
	if len(parts) <= 16 {
		for i := range parts {
			if slices.ContainsFunc(parts[:i], func(p graph.Part) bool { return p.Name == parts[i].Name }) {
				return i
			}
		}
		return -1
	}
	seen := make(map[string]bool, len(parts))
	for i := range parts {
		if seen[parts[i].Name] {
			return i
		}
		seen[parts[i].Name] = true
	}
	return -1
}

// envelopeReader takes texts and numbers from the front of rest. After anything that does
// not fit it is broken and gives empty ones.
type envelopeReader struct {
	rest   []byte
	broken bool
}

func (d *envelopeReader) number() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || n > 1 && d.rest[n-1] == 0 { // the latter is not the shortest form
		d.broken, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// text returns the next text, nil when it is empty. Appending to it copies.
func (d *envelopeReader) text() []byte {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.broken, d.rest = true, nil
	}
	if n == 0 || d.broken {
		return nil
	}
	t := d.rest[:n:n]
	d.rest = d.rest[n:]
	return t
}

// list reads a number of entries of at least size bytes each, nil when there are none. A
// number that the rest cannot hold is refused before anything is allocated for it.
func list[T any](d *envelopeReader, size int, entry func() T) []T {
	n := d.number()
	if n > uint64(len(d.rest)/size) {
		d.broken, d.rest = true, nil
	}
	if n == 0 || d.broken {
		return nil
	}
	out := make([]T, n)
	for i := range out {
		if out[i] = entry(); d.broken {
			return nil
		}
	}
	return out
}
