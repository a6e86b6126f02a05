package backupset

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Masks to look at eight bytes at once.
const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// plainRun returns the index of the first byte at or after i that ends a run of plain
// text in a JSON string: a quote, a backslash, a control character, or a byte that is not
// UTF-8; len(src) when there is none.
func plainRun(src []byte, i int) int {
	for {
		for i+8 <= len(src) {
			w := binary.LittleEndian.Uint64(src[i:])
			quote := w ^ lowBits*'"'
			slash := w ^ lowBits*'\\'
			// In each line the lowest bit that is set marks a byte that is searched for;
			// only bits above it may be wrong, by a borrow.
			found := ((quote - lowBits) & ^quote) |
				((slash - lowBits) & ^slash) |
				((w - lowBits*0x20) & ^w) |
				w
			if found &= highBits; found != 0 {
				i += bits.TrailingZeros64(found) >> 3
				break
			}
			i += 8
		}
		for i < len(src) && src[i] < utf8.RuneSelf {
			if c := src[i]; c < 0x20 || c == '"' || c == '\\' {
				return i
			}
			i++
		}
		for i < len(src) && src[i] >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && size == 1 {
				return i
			}
			i += size
		}
		if i >= len(src) {
			return i
		}
	}
}

// text reads a string and writes it in its one canonical spelling.
func (s *scanner) text() bool {
	from := s.pos
	i := plainRun(s.src, from+1)
	for i < len(s.src) && s.src[i] == '\\' {
		s.out = append(s.out, s.src[from:i]...)
		s.pos = i
		if !s.escape() {
			return false
		}
		from = s.pos
		i = plainRun(s.src, from)
	}
	if i < len(s.src) && s.src[i] == '"' {
		s.pos = i + 1
		s.out = append(s.out, s.src[from:s.pos]...)
		return true
	}
	s.pos = i
	switch {
	case i >= len(s.src):
		return s.fail("a string does not end")
	case s.src[i] < 0x20:
		return s.fail("a control character in a string")
	default:
		return s.fail("a string is not UTF-8")
	}
}

// escape reads one escape sequence.
func (s *scanner) escape() bool {
	if s.pos+1 >= len(s.src) {
		return s.fail("a string does not end")
	}
	switch c := s.src[s.pos+1]; c {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		s.out = append(s.out, '\\', c)
		s.pos += 2
		return true
	case '/':
		s.out = append(s.out, '/')
		s.pos += 2
		return true
	case 'u':
		r, ok := hex4(s.src, s.pos+2)
		if !ok {
			break
		}
		size := 6
		if utf16.IsSurrogate(r) {
			low, ok := hex4(s.src, s.pos+8)
			if !ok || s.src[s.pos+6] != '\\' || s.src[s.pos+7] != 'u' {
				return s.fail("a lone surrogate")
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return s.fail("a lone surrogate")
			}
			size = 12
		}
		s.out = appendRune(s.out, r)
		s.pos += size
		return true
	}
	return s.fail("an unknown escape sequence")
}

// hex4 reads four hexadecimal digits at i.
func hex4(src []byte, i int) (rune, bool) {
	if i+4 > len(src) {
		return 0, false
	}
	var r rune
	for _, c := range src[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendRune appends a character of a string in its canonical spelling: as it is, but for
// the quote, the backslash and control characters, which have their short escape, or
// else \u00 and two lower-case digits.
func appendRune(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if r < 0x20 {
		return append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
	}
	return utf8.AppendRune(dst, r)
}

// appendQuoted appends text as a canonical JSON string, and whether it was UTF-8; bytes
// that are not become U+FFFD.
func appendQuoted(dst []byte, text string) (out []byte, valid bool) {
	dst = append(dst, '"')
	for _, r := range text {
		dst = appendRune(dst, r)
	}
	return append(dst, '"'), utf8.ValidString(text)
}

// number reads a number and writes its literal text.
func (s *scanner) number() bool {
	src, i := s.src, s.pos
	if i < len(src) && src[i] == '-' {
		i++
	}
	whole := digits(src, i)
	if whole == i || whole > i+1 && src[i] == '0' {
		return s.fail("a value is expected")
	}
	i = whole
	if i < len(src) && src[i] == '.' {
		fraction := digits(src, i+1)
		if fraction == i+1 {
			return s.fail("a digit is expected")
		}
		i = fraction
	}
	if i < len(src) && (src[i] == 'e' || src[i] == 'E') {
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		exponent := digits(src, i)
		if exponent == i {
			return s.fail("a digit is expected")
		}
		i = exponent
	}
	s.out = append(s.out, src[s.pos:i]...)
	s.pos = i
	return true
}

// digits returns the index after the run of digits at i.
func digits(src []byte, i int) int {
	for i < len(src) && '0' <= src[i] && src[i] <= '9' {
		i++
	}
	return i
}
