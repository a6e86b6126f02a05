package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// streams were recorded with "go test -json" (times and stack frames taken out).
var streams = []struct {
	name string
	want sums
	ok   bool
}{
	{"good", sums{passed: 4, skipped: 2}, true},                    // and a package without tests
	{"bad", sums{passed: 1, failed: 2}, false},                     // a failed subtest and its parent
	{"broken", sums{failed: 1}, false},                             // does not compile
	{"vetbad", sums{failed: 1}, false},                             // refused by vet
	{"setup", sums{failed: 1}, false},                              // imports a package that is not there
	{"panics", sums{passed: 1, failed: 1}, false},                  // a test panics
	{"exits", sums{passed: 1, failed: 2}, false},                   // a test ends the process: it and its parent never end
	{"testmain", sums{passed: 1, failed: 1}, false},                // TestMain fails after good tests
	{"cut", sums{passed: 1, failed: 1}, false},                     // the stream ends in the middle of a test
	{"empty", sums{}, false},                                       // nothing at all
	{"onlyskips", sums{skipped: 1}, false},                         // nothing was checked
	{"notests", sums{}, false},                                     // a package without tests only
	{"noise", sums{passed: 1}, true},                               // lines of the go command between the events
	{"interleaved", sums{passed: 2, failed: 1, skipped: 0}, false}, // two packages at once
}

func TestReport(t *testing.T) {
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			in, err := os.Open(filepath.Join("testdata", s.name+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			var out strings.Builder
			got, err := report(in, &out)
			if err != nil {
				t.Fatal(err)
			}
			if got != s.want || got.ok() != s.ok {
				t.Errorf("sums %+v, ok %t; want %+v, %t", got, got.ok(), s.want, s.ok)
			}
			if !strings.HasSuffix(out.String(), "\n"+s.want.String()+"\n") {
				t.Errorf("the closing line is not %q:\n%s", s.want, out.String())
			}
			golden := filepath.Join("testdata", s.name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("report (-golden +got):\n%s", diff)
			}
		})
	}
}

func TestClosingLine(t *testing.T) {
	if got := (sums{passed: 12, failed: 1, skipped: 3}).String(); got != "12 passed, 1 failed, 3 skipped" {
		t.Errorf("closing line %q", got)
	}
}

func TestAReadErrorIsNotSuccess(t *testing.T) {
	broken := errors.New("broken pipe")
	if _, err := report(iotest.ErrReader(broken), &strings.Builder{}); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}
