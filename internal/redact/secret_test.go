package redact

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretReadsRedactedHoweverItIsPrinted(t *testing.T) {
	s := NewSecret(canary)
	type exported struct{ Key Secret }
	type hidden struct{ key Secret }
	values := map[string]any{
		"itself":                    s,
		"a pointer":                 &s,
		"in a list":                 []Secret{s},
		"in a map":                  map[string]Secret{"k": s},
		"in an exported field":      exported{s},
		"in an unexported field":    hidden{s},
		"pointer, unexported field": &hidden{s},
		"in an error":               fmt.Errorf("sign in with %v: %w", s, errors.New("refused")),
	}
	formats := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "% X", "%d", "%T", "%10s", "%.3s", "%!", "%t", "%c"}
	for name, value := range values {
		var printed []string
		for _, f := range formats {
			printed = append(printed, fmt.Sprintf(f, value))
		}
		printed = append(printed, fmt.Sprint(value), fmt.Sprintln(value))
		if b, err := json.Marshal(value); err == nil {
			printed = append(printed, string(b))
		}
		if b, err := xml.Marshal(value); err == nil {
			printed = append(printed, string(b))
		}
		for _, handler := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("m", "value", value)
			printed = append(printed, b.String())
		}
		for i, p := range printed {
			hexed := fmt.Sprintf("%x", canary[:4])
			if strings.Contains(p, canary[:3]) || strings.Contains(strings.ToLower(strings.ReplaceAll(p, " ", "")), hexed) {
				t.Errorf("%s, way %d: %s", name, i, p)
			}
		}
	}
}

func TestSecretIsRecognisableWherePrinted(t *testing.T) {
	s := NewSecret(canary)
	asJSON, err := json.Marshal(map[string]any{"key": s, "keys": map[string]*Secret{"a": &s}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want string }{
		{s.String(), Mask},
		{s.GoString(), Mask},
		{fmt.Sprintf("%x", s), Mask},
		{string(asJSON), `{"key":"[redacted]","keys":{"a":"[redacted]"}}`},
		{s.LogValue().String(), Mask},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	if text, err := s.MarshalText(); err != nil || string(text) != Mask {
		t.Errorf("MarshalText = %q, %v", text, err)
	}
}

func TestRevealGivesTheValue(t *testing.T) {
	for _, c := range []struct {
		secret Secret
		want   string
	}{{NewSecret(canary), canary}, {NewSecret(""), ""}, {Secret{}, ""}} {
		if got := c.secret.Reveal(); got != c.want {
			t.Errorf("Reveal = %q, want %q", got, c.want)
		}
		if c.secret.IsZero() != (c.want == "") {
			t.Errorf("IsZero = %t for %q", c.secret.IsZero(), c.want)
		}
	}
}
