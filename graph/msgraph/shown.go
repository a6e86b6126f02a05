package msgraph

import (
	"regexp"

	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// shown is an error of somebody else's whose text may be stored and logged.
type shown struct{ cause error }

// Error is the text of the cause without secrets and addresses.
func (s shown) Error() string { return clean(s.cause.Error()) }

// Unwrap returns the cause, for errors.Is.
func (s shown) Unwrap() error { return s.cause }

var address = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*:/+\S+`)

// clean is a text without secrets and addresses.
func clean(text string) string { return redact.Text(address.ReplaceAllString(text, "[address]")) }
