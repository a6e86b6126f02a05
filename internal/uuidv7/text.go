package uuidv7

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ErrInvalid is returned for a text that is not a UUID. It does not repeat the text,
// which may come from anywhere.
var ErrInvalid = errors.New("uuidv7: not a UUID: want 32 hexadecimal digits as 8-4-4-4-12")

// groups lists where each group of digits begins and ends in the text.
var groups = [...][2]int{{0, 8}, {9, 13}, {14, 18}, {19, 23}, {24, 36}}

// Parse reads a UUID of any version from exactly 36 characters: hexadecimal digits in
// either case, in groups of 8-4-4-4-12. Braces, "urn:uuid:", blanks and forms without
// hyphens are refused with [ErrInvalid], so that one id has one spelling but for case.
func Parse(s string) (id [16]byte, err error) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return [16]byte{}, ErrInvalid
	}
	at := 0
	for _, g := range groups {
		for i := g[0]; i < g[1]; i += 2 {
			high, ok1 := digit(s[i])
			low, ok2 := digit(s[i+1])
			if !ok1 || !ok2 {
				return [16]byte{}, ErrInvalid
			}
			id[at] = high<<4 | low
			at++
		}
	}
	return id, nil
}

// digit returns the value of a hexadecimal digit.
func digit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// Format returns the canonical form: 36 characters, lower case.
func Format(id [16]byte) string {
	var text [36]byte
	at := 0
	for i, g := range groups {
		if i > 0 {
			text[g[0]-1] = '-'
		}
		at += hex.Encode(text[g[0]:], id[at:at+(g[1]-g[0])/2]) / 2
	}
	return string(text[:])
}

// Time returns the moment in a version 7 id, in UTC with millisecond precision. For ids
// of other versions the result means nothing.
func Time(id [16]byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC()
}
