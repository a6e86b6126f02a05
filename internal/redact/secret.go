package redact

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret holds a value that may be used but not shown: a client secret, a token, a
// password. However it is printed, marshalled or logged, alone or inside another value
// (also in an unexported field, which fmt prints without asking its methods), it reads
// [Mask]. Only [Secret.Reveal] gives the value.
//
// The zero value is the empty secret. Secrets are not comparable by value; use
// crypto/subtle on what Reveal returns.
type Secret struct {
	// A pointer, so that reflection-based printing of a struct around it shows an
	// address at most.
	value *string
}

// NewSecret returns a Secret that holds value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the value. Call it where the value is used, not where it is kept.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero tells whether there is no value.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns [Mask].
func (s Secret) String() string { return Mask }

// GoString returns [Mask].
func (s Secret) GoString() string { return Mask }

// Format writes [Mask] for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Mask) }

// MarshalText returns [Mask].
func (s Secret) MarshalText() ([]byte, error) { return []byte(Mask), nil }

// MarshalJSON returns [Mask] as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Mask + `"`), nil }

// LogValue returns [Mask].
func (s Secret) LogValue() slog.Value { return slog.StringValue(Mask) }

// Interface guards.
var (
	_ fmt.Formatter  = Secret{}
	_ fmt.GoStringer = Secret{}
	_ slog.LogValuer = Secret{}
)
