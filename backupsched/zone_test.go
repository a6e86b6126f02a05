package backupsched

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestZoneNamesAreThoseOfTheToolchain(t *testing.T) {
	archive := toolchainArchive(t)
	var want []string
	for _, f := range archive.File {
		if !strings.HasSuffix(f.Name, "/") && f.Name != "Factory" {
			want = append(want, f.Name)
		}
	}
	slices.Sort(want)
	if *updateZones {
		if err := os.WriteFile("zones.txt", []byte(strings.Join(want, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, allZoneNames()); diff != "" {
		t.Errorf("zones.txt is not what this toolchain holds; run with -update-zones (-toolchain +list):\n%s", diff)
	}
}

func TestEveryListedZoneLoads(t *testing.T) {
	for _, name := range allZoneNames() {
		if _, code := location(name); code != "" {
			t.Errorf("%s: %s", name, code)
		}
	}
}

func TestOddButValidZoneNamesAreAccepted(t *testing.T) {
	for _, name := range []string{
		"UTC", "Etc/UTC", "Etc/GMT+5", "Etc/GMT-14", "GMT0", "EST5EDT", "GB-Eire",
		"America/Argentina/Buenos_Aires", "America/Port-au-Prince", "US/Pacific", "Europe/Kyiv",
	} {
		if _, code := location(name); code != "" {
			t.Errorf("%s: %s", name, code)
		}
	}
}

// The names are refused before any file is looked for, so the answer is the same on file
// systems that ignore case.
func TestZoneNamesThatDependOnTheMachineAreRefused(t *testing.T) {
	for _, name := range []string{
		"Local", "local", "Factory", "localtime", "posixrules", "posix/Europe/Berlin", "right/Europe/Berlin",
		"europe/berlin", "EUROPE/BERLIN", "Europe/berlin", "europe/Berlin", "utc", "Utc", "etc/UTC",
		"/usr/share/zoneinfo/Europe/Berlin", "../zoneinfo/Europe/Berlin", "Europe/../Europe/Berlin", "./UTC",
		"Europe//Berlin", "Europe/Berlin/", `Europe\Berlin`, "Europe", "Europe/",
		" Europe/Berlin", "Europe/Berlin ", "Europe/Berlin\n", "UTC\nGMT", "UTC\x00", "\n",
		"CEST", "UTC+1", "+01:00", "EST5EDT,M3.2.0,M11.1.0", "Europe/Atlantis",
	} {
		if _, code := location(name); code != codeTimezoneUnknown {
			t.Errorf("%q: code %q, want %q", name, code, codeTimezoneUnknown)
		}
	}
	if _, code := location(""); code != codeTimezoneRequired {
		t.Errorf("empty: code %q, want %q", code, codeTimezoneRequired)
	}
}

func TestListedZoneWithoutDataIsUnavailable(t *testing.T) {
	table := newZoneTable("Atlantis/Poseidonis\n")
	if _, code := table.location("Atlantis/Poseidonis"); code != codeTimezoneUnavailable {
		t.Errorf("code %q, want %q", code, codeTimezoneUnavailable)
	}
}

func TestZoneIsLoadedOnceWhenManyAsk(t *testing.T) {
	table := newZoneTable(zoneNames)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for _, name := range []string{"Asia/Kathmandu", "America/Lima", "Europe/Oslo"} {
				if loc, code := table.location(name); code != "" || loc.String() != name {
					t.Errorf("%s: got %v, code %q", name, loc, code)
				}
			}
		})
	}
	wg.Wait()
	first, _ := table.location("America/Lima")
	second, _ := table.location("America/Lima")
	if first != second {
		t.Error("the zone was loaded again after it had been loaded")
	}
}

// firstReading and the quick way of next rely on it: clocks that show the same offset at
// both ends of a stretch of 2 x reach have not been touched in between.
func TestNoZoneChangesThereAndBackWithinReach(t *testing.T) {
	for name, open := range zoneSources {
		t.Run(name, func(t *testing.T) {
			forEachZone(t, open(t), func(zone string, loc *time.Location, s *sample) {
				changes := offsetChanges(loc, s.from, s.to, s.step)
				for i := 1; i < len(changes); i++ {
					if apart := changes[i] - changes[i-1]; apart <= 2*reach {
						t.Errorf("%s: changes at %s and %d s before", zone, time.Unix(changes[i], 0).UTC(), apart)
					}
				}
			})
		})
	}
}
