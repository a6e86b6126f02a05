package uuidv7

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFormatThenParseGivesTheID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		s := Format(id)
		if len(s) != 36 || s != strings.ToLower(s) {
			t.Fatalf("Format = %q, want 36 characters in lower case", s)
		}
		for _, spelling := range []string{s, strings.ToUpper(s)} {
			if got, err := Parse(spelling); err != nil || got != id {
				t.Fatalf("Parse(%q) = %x, %v; want %x", spelling, got, err, id)
			}
		}
	})
}

func TestParseReadsTheDigitsInOrder(t *testing.T) {
	want := [16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe}
	const text = "01234567-89ab-cdef-1032-547698badcfe"
	if got, err := Parse(text); err != nil || got != want {
		t.Errorf("Parse = %x, %v; want %x", got, err, want)
	}
	if got := Format(want); got != text {
		t.Errorf("Format = %s, want %s", got, text)
	}
}

func TestParseRefusesEveryOtherForm(t *testing.T) {
	const good = "01234567-89ab-7def-8032-547698badcfe"
	for name, text := range map[string]string{
		"empty":               "",
		"too short":           good[:35],
		"too long":            good + "0",
		"no hyphens":          strings.ReplaceAll(good, "-", ""),
		"36 without hyphens":  strings.Repeat("0", 36),
		"braces":              "{" + good + "}",
		"urn":                 "urn:uuid:" + good,
		"blank in front":      " " + good[:35],
		"hyphens elsewhere":   "0123456-789ab-7def-8032-547698badcfe",
		"a letter beyond f":   strings.Replace(good, "a", "g", 1),
		"a letter beyond F":   strings.Replace(good, "a", "G", 1),
		"a sign":              strings.Replace(good, "01", "+1", 1),
		"digit of a script":   strings.Replace(good, "012", "٠2", 1),
		"a zero byte":         strings.Replace(good, "0", "\x00", 1),
		"a hyphen as a digit": strings.Replace(good, "23", "-3", 1),
	} {
		if _, err := Parse(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: Parse(%q) error %v, want ErrInvalid", name, text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("01234567-89ab-7def-8032-547698badcfe")
	f.Add("01234567-89AB-7DEF-8032-547698BADCFE")
	f.Add("01234567-89ab-7def-8032-547698badcf-")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := Parse(s)
		if err == nil && Format(id) != strings.ToLower(s) {
			t.Errorf("Parse(%q) = %x, which is written %s", s, id, Format(id))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("01234567-89ab-7def-8032-547698badcfe"); err != nil {
			b.Fatal(err)
		}
	}
}
