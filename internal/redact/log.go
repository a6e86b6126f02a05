package redact

import "log/slog"

// Err is an error as an attribute of a log line. Errors of a host's queue, store or hook may
// hold anything, connection strings for example.
func Err(err error) slog.Attr { return slog.String("error", Text(err.Error())) }
