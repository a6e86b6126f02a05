package transfer

import (
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Limits bound what reading a file may cost. They are counted while reading; what the file
// says about itself only ends it earlier.
type Limits struct {
	// Entries is how many entries an archive has at most. Defaults to 20,000.
	Entries int

	// EntrySize is how large one entry is at most when expanded, in bytes. Defaults to 16 MiB.
	EntrySize int64

	// TotalSize is how large all entries that are read are together when expanded, in bytes.
	// Defaults to 1 GiB.
	TotalSize int64

	// Ratio is how many bytes one byte of an entry may expand to, above the first MiB.
	// Policies stay below 60. Defaults to 250.
	Ratio int64
}

const ratioFrom = 1 << 20

// complete fills in the defaults.
func (l *Limits) complete(bad *runs.InvalidError) {
	if l.Entries < 0 || l.EntrySize < 0 || l.TotalSize < 0 || l.Ratio < 0 {
		bad.Add("limits", "negative", "must not be negative; 0 takes the default")
	}
	if l.Entries == 0 {
		l.Entries = 20_000
	}
	if l.EntrySize == 0 {
		l.EntrySize = 16 << 20
	}
	if l.TotalSize == 0 {
		l.TotalSize = 1 << 30
	}
	if l.Ratio == 0 {
		l.Ratio = 250
	}
}

// unusable says why a file as a whole cannot be imported. It tells nothing of the content but
// names of entries.
type unusable struct{ why string }

func (e *unusable) Error() string { return e.why }

// refuse makes an unusable. Names of entries are quoted and cut.
func refuse(format string, args ...any) error { return &unusable{fmt.Sprintf(format, args...)} }

// errEntry is what reading one damaged entry returns; the others are not touched by it.
var errEntry = errors.New("the file is damaged")
