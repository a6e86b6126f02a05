package main

import (
	"flag"
	"io"
	"log/slog"
	"net/http"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// logFlags say what the log is like. The zero value is text from info on.
type logFlags struct {
	format string
	level  slog.Level
}

func (l *logFlags) flags(fs *flag.FlagSet) {
	fs.StringVar(&l.format, "log-format", "text", "text or json; the log goes to the standard error")
	fs.TextVar(&l.level, "log-level", slog.LevelInfo, "debug, info, warn or error; requests that only look and succeed are logged by debug, others by info")
}

func (l logFlags) valid() bool { return l.format == "" || l.format == "text" || l.format == "json" }

// logger writes to out, with no secret in it.
func (l logFlags) logger(out io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.level}
	var handler slog.Handler = slog.NewTextHandler(out, options)
	if l.format == "json" {
		handler = slog.NewJSONHandler(out, options)
	}
	return slog.New(runs.RedactingHandler(handler))
}

// logRequests writes a line for each request: the pattern of the route instead of the path, and
// neither query nor body, for these have what people typed.
func logRequests(next http.Handler, host *product.Product, clock runs.Clock, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := clock.Now()
		seen := &statusWriter{ResponseWriter: w}
		defer func() {
			level := slog.LevelInfo
			if (r.Method == http.MethodGet || r.Method == http.MethodHead) && seen.status < http.StatusBadRequest {
				level = slog.LevelDebug
			}
			attrs := []slog.Attr{
				slog.String("method", r.Method), slog.String("route", r.Pattern), slog.Int("status", seen.status),
				slog.Float64("duration_ms", float64(clock.Now().Sub(began).Microseconds())/1000),
			}
			if actor, ok := host.Asked(r); ok {
				attrs = append(attrs, slog.String("actor", actor.ID))
			}
			if tenant := r.PathValue("tenant"); product.HasTenant(graph.TenantID(tenant)) { // others may be anything
				attrs = append(attrs, slog.String("tenant", tenant))
			}
			log.LogAttrs(r.Context(), level, "request", attrs...)
		}()
		next.ServeHTTP(seen, r)
	})
}

// statusWriter knows the status of an answer, 0 for none.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // what comes before is not the answer
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
