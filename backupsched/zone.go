package backupsched

import (
	_ "embed"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// zoneNames holds the names that are accepted, one a line: those of the IANA data in the
// Go toolchain, which is also what time/tzdata embeds, without Factory (it means "not set
// up yet"). After a change of toolchain, TestZoneNamesAreThoseOfTheToolchain says whether
// the list is behind; it is written anew by
//
//	go test ./backupsched -run TestZoneNamesAreThoseOfTheToolchain -update-zones
//
// A fixed list, because asking the zone data does not settle which spelling is right: a
// file system that ignores case finds europe/berlin, and a system's directory also holds
// posix/, right/ (which counts leap seconds), localtime and posixrules. With the list, a
// schedule that one machine accepts is accepted by all. The price is that a zone which
// IANA has just created is refused until the list is renewed.
//
//go:embed zones.txt
var zoneNames string

// zone is one accepted name with its data once that is loaded.
type zone struct{ loc atomic.Pointer[time.Location] }

// zones returns the accepted names. This is process-wide on purpose: a Recurrence is a
// plain value with nowhere to keep a *time.Location, and loading one reads a file. It is a
// cache of immutable data, not state: the map never changes after it is built, a pointer
// in it goes from nil to the zone's data once, and two goroutines that load the same name
// store equal data. It holds the listed names only, so input cannot make it grow. A
// sync.Map would do the same, but allocates for the key of each look-up.
var zones = sync.OnceValue(func() zoneTable { return newZoneTable(zoneNames) })

// zoneTable holds the accepted names.
type zoneTable map[string]*zone

// newZoneTable reads a list of names, one a line.
func newZoneTable(names string) zoneTable {
	table := make(zoneTable, strings.Count(names, "\n"))
	for name := range strings.Lines(names) {
		table[strings.TrimSpace(name)] = new(zone)
	}
	return table
}

// location returns the accepted zone of that name, or the code of the refusal.
func location(name string) (loc *time.Location, code string) { return zones().location(name) }

// location reads zone data once for each name in the life of the process; a failure to
// read is not kept, so that data installed later is found.
func (t zoneTable) location(name string) (loc *time.Location, code string) {
	if name == "" {
		return nil, codeTimezoneRequired // time.LoadLocation takes it for UTC
	}
	z := t[name]
	if z == nil {
		return nil, codeTimezoneUnknown
	}
	if loc := z.loc.Load(); loc != nil {
		return loc, ""
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, codeTimezoneUnavailable
	}
	z.loc.Store(loc)
	return loc, ""
}
