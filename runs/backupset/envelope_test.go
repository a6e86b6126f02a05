package backupset_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"pgregory.net/rapid"
)

// genBytes draws any bytes, as the envelope does not care what it carries.
var genBytes = rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) string { return string(b) })

var genStored = rapid.Custom(func(t *rapid.T) *graph.Policy {
	p := &graph.Policy{
		Type: graph.PolicyType(genBytes.Draw(t, "type")), ID: genBytes.Draw(t, "id"),
		Name: genBytes.Draw(t, "name"), ODataType: genBytes.Draw(t, "odata type"),
		Raw:      rawBytes(genBytes.Draw(t, "raw")),
		Warnings: rapid.SliceOfN(genBytes, 0, 3).Draw(t, "warnings"),
	}
	for _, name := range rapid.SliceOfNDistinct(genBytes, 0, 20, rapid.ID).Draw(t, "parts") {
		p.Parts = append(p.Parts, graph.Part{Name: name, Raw: rawBytes(genBytes.Draw(t, "part"))})
	}
	for range rapid.IntRange(0, 3).Draw(t, "references") {
		p.References = append(p.References, graph.Reference{
			Kind: genBytes.Draw(t, "kind"), ID: genBytes.Draw(t, "id"), Name: genBytes.Draw(t, "name"), Rule: genBytes.Draw(t, "rule")})
	}
	if len(p.Warnings) == 0 {
		p.Warnings = nil
	}
	return p
})

func rawBytes(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func TestEnvelopeKeepsEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genStored.Draw(t, "policy")
		data, err := backupset.AppendEncode([]byte("before"), p)
		if err != nil {
			t.Fatal(err)
		}
		data, ok := bytes.CutPrefix(data, []byte("before"))
		if !ok {
			t.Fatal("AppendEncode changed what was there")
		}
		got, err := backupset.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*p, got); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}

func TestEnvelopeKeepsFixtures(t *testing.T) {
	for path, p := range fixtures(t, "canonical/*.json") {
		p.Name, p.Warnings = path, []string{"secrets_masked"}
		p.References = []graph.Reference{{Kind: "group", ID: "g1", Name: "Ring 1", Rule: `(device.x -eq "y")`}}
		data, err := backupset.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := backupset.Decode(data)
		if diff := cmp.Diff(*p, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", path, err, diff)
		}
	}
}

// storedFixture is an envelope with something in every field.
func storedFixture(t testing.TB) []byte {
	t.Helper()
	p := policy("settingsCatalogPolicy", ` {"name" : "x"}`, "settings", `[ ]`, "assignments", `[{}]`)
	p.ID, p.Name, p.ODataType, p.Warnings = "1", "Name", "#microsoft.graph.x", []string{"secrets_masked"}
	p.References = []graph.Reference{{Kind: "group", ID: "g", Name: "n", Rule: "r"}}
	data, err := backupset.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAnyFlippedBitIsDamage(t *testing.T) {
	data := storedFixture(t)
	for i := range len(data) * 8 {
		flipped := bytes.Clone(data)
		flipped[i/8] ^= 1 << (i % 8)
		if _, err := backupset.Decode(flipped); !errors.Is(err, backupset.ErrDamaged) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
}

func TestAnyTruncationIsDamage(t *testing.T) {
	data := storedFixture(t)
	for n := range len(data) {
		if _, err := backupset.Decode(data[:n]); !errors.Is(err, backupset.ErrDamaged) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if _, err := backupset.Decode(append(bytes.Clone(data), 0)); !errors.Is(err, backupset.ErrDamaged) {
		t.Fatalf("a byte more: %v", err)
	}
}

// sealed gives a body the right frame and checksum, as an attacker could.
func sealed(version byte, body ...byte) []byte {
	data := append([]byte("TBPE"), version)
	data = append(data, body...)
	return binary.LittleEndian.AppendUint32(data, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
}

func TestHostileEnvelopes(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<62)
	tests := map[string][]byte{
		"nothing":               nil,
		"no fields":             sealed(1),
		"unknown version":       sealed(2, 0, 0, 0, 0, 0, 0, 0, 0),
		"huge text":             sealed(1, huge...),
		"huge number of parts":  sealed(1, append([]byte{0, 0, 0, 0, 0}, huge...)...),
		"more parts than bytes": sealed(1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0),
		"huge references":       sealed(1, append([]byte{0, 0, 0, 0, 0, 0}, huge...)...),
		"huge warnings":         sealed(1, append([]byte{0, 0, 0, 0, 0, 0, 0}, huge...)...),
		"endless number":        sealed(1, bytes.Repeat([]byte{0xff}, 20)...),
		"longer number":         sealed(1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0),
		"two parts of one name": sealed(1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0),
		"data after the end":    sealed(1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			if p, err := backupset.Decode(data); !errors.Is(err, backupset.ErrDamaged) {
				t.Errorf("%+v, %v", p, err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = backupset.Decode(data)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
				t.Errorf("%d bytes allocated", n)
			}
		})
	}
	if _, err := backupset.Decode(sealed(1, 0, 0, 0, 0, 0, 0, 0, 0)); err != nil {
		t.Errorf("the smallest envelope: %v", err)
	}
}

func TestEncodeRefusesRepeatedPartNames(t *testing.T) {
	p := policy("x", `{}`, "a", "1", "b", "2", "a", "3")
	if _, err := backupset.Encode(p); err == nil || !strings.Contains(err.Error(), "Parts[2]") {
		t.Errorf("error %v", err)
	}
	for range 30 {
		p.Parts = append([]graph.Part{{Name: strings.Repeat("x", len(p.Parts))}}, p.Parts...)
	}
	if _, err := backupset.Encode(p); err == nil || !strings.Contains(err.Error(), "Parts[32]") {
		t.Errorf("error %v", err)
	}
	if _, err := backupset.Encode(nil); err == nil {
		t.Error("nil was encoded")
	}
}

func TestAppendingToDecodedBytesCopies(t *testing.T) {
	data := storedFixture(t)
	p, err := backupset.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(data)
	_ = append(p.Raw, "overwritten"...)
	_ = append(p.Parts[0].Raw, "overwritten"...)
	if !bytes.Equal(data, before) {
		t.Error("appending to a part overwrote the envelope")
	}
}

// FuzzDecode: nothing panics, and there is only one envelope of a policy.
func FuzzDecode(f *testing.F) {
	f.Add(storedFixture(f), false)
	f.Add([]byte{0, 0, 0, 0, 0, 1, 1, 'a', 0, 0, 0}, true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if seal {
			data = sealed(1, data...)
		}
		p, err := backupset.Decode(data)
		if err != nil {
			if !errors.Is(err, backupset.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		again, err := backupset.Encode(&p)
		if err != nil || !bytes.Equal(data, again) {
			t.Fatalf("%v: %x came back as %x", err, data, again)
		}
	})
}
