package backupsched

import (
	"archive/zip"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that every test has zone data, whatever the machine holds

	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

var updateZones = flag.Bool("update-zones", false, "write zones.txt anew from the toolchain's zone data")

// A zoneSource is one edition of the IANA data. The editions differ in more than age: a
// system's files usually list every change until 2037, the toolchain's end with the last
// irregular one and leave the rest to a rule.
type zoneSource struct {
	name string
	read func(zone string) ([]byte, error)
}

func (s zoneSource) load(t testing.TB, zone string) *time.Location {
	t.Helper()
	data, err := s.read(zone)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	loc, err := time.LoadLocationFromTZData(zone, data)
	if err != nil {
		t.Fatalf("%s: %s: %v", s.name, zone, err)
	}
	return loc
}

// zoneSources are the editions that the promises are checked with.
var zoneSources = map[string]func(testing.TB) zoneSource{
	"toolchain": toolchainZones,
	"system":    systemZones,
}

// toolchainArchive opens the archive that time/tzdata is made from.
func toolchainArchive(t testing.TB) *zip.ReadCloser {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	testenv.Need(t, "zoneinfo", err == nil, "the toolchain's zone data: have the go command on the path")
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	testenv.Need(t, "zoneinfo", err == nil, "the toolchain's zone data: use a toolchain that has lib/time/zoneinfo.zip")
	t.Cleanup(func() { archive.Close() })
	return archive
}

func toolchainZones(t testing.TB) zoneSource {
	t.Helper()
	archive := toolchainArchive(t)
	return zoneSource{"toolchain", func(zone string) ([]byte, error) {
		f, err := archive.Open(zone)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(f)
	}}
}

// systemZones is the directory that time.LoadLocation reads on this kind of system.
func systemZones(t testing.TB) zoneSource {
	t.Helper()
	for _, dir := range []string{"/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/lib/locale/TZ", "/etc/zoneinfo"} {
		if _, err := os.Stat(filepath.Join(dir, "Europe", "Berlin")); err == nil {
			return zoneSource{"system", func(zone string) ([]byte, error) {
				return os.ReadFile(filepath.Join(dir, filepath.FromSlash(zone)))
			}}
		}
	}
	testenv.Need(t, "zoneinfo", false, "the system's zone data: install tzdata")
	return zoneSource{}
}

// allZoneNames returns the accepted names in order.
func allZoneNames() []string { return strings.Fields(zoneNames) }
