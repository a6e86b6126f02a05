package runs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// Redact returns a text as it is stored, logged and shown by this module: on one line, without
// secrets and names of people, at most 500 characters. Hosts that show an error of their Graph
// client pass its text through it.
func Redact(text string) string { return redact.Text(text) }

// RedactingHandler wraps a log handler so that no secret gets through it: every text, error
// and other value that prints as text is redacted as stored messages are. Hosts that log
// errors of this module, or of their own Graph client, wrap their handler with it.
func RedactingHandler(h slog.Handler) slog.Handler { return redactingHandler{h} }

type redactingHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h redactingHandler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, redact.Text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(redactAttr(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs implements [slog.Handler].
func (h redactingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = redactAttr(a)
	}
	return redactingHandler{h.Handler.WithAttrs(clean)}
}

// WithGroup implements [slog.Handler].
func (h redactingHandler) WithGroup(name string) slog.Handler {
	return redactingHandler{h.Handler.WithGroup(name)}
}

func redactAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, redact.Text(v.String()))
	case slog.KindAny:
		return slog.String(a.Key, redact.Text(fmt.Sprint(v.Any())))
	case slog.KindGroup:
		group := make([]slog.Attr, len(v.Group()))
		for i, member := range v.Group() {
			group[i] = redactAttr(member)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	}
	return slog.Attr{Key: a.Key, Value: v}
}
