package testenv

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// recorder stands in for the testing.TB under test. Ending a test is a panic with
// itself, which outcome recovers.
type recorder struct {
	testing.TB
	verdict, message string
}

func (r *recorder) Helper() {}

func (r *recorder) end(verdict, format string, args []any) {
	r.verdict, r.message = verdict, fmt.Sprintf(format, args...)
	panic(r)
}

func (r *recorder) Skipf(format string, args ...any)  { r.end("skipped", format, args) }
func (r *recorder) Fatalf(format string, args ...any) { r.end("failed", format, args) }

// outcome runs f and returns how it ended ("went on" when it returned) and what it said.
func outcome(f func(testing.TB)) (verdict, message string) {
	r := &recorder{verdict: "went on"}
	defer func() {
		if p := recover(); p != nil && p != r {
			panic(p)
		}
		verdict, message = r.verdict, r.message
	}()
	f(r)
	return
}

func TestNeedIsSkippedUnlessRequired(t *testing.T) {
	for _, c := range []struct {
		name      string
		require   string
		available bool
		want      string
	}{
		{"there", "", true, "went on"},
		{"there and required", "browser", true, "went on"},
		{"missing", "", false, "skipped"},
		{"missing, others required", "postgres,data", false, "skipped"},
		{"missing, a longer name required", "browsers", false, "skipped"},
		{"missing and required", "browser", false, "failed"},
		{"missing and required among others, with blanks", "postgres, browser ,data", false, "failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(RequireVar, c.require)
			got, message := outcome(func(tb testing.TB) { Need(tb, "browser", c.available, "install a browser") })
			if got != c.want {
				t.Errorf("the test %s, want %s", got, c.want)
			}
			if got != "went on" && !(strings.HasPrefix(message, "browser: ") && strings.Contains(message, "install a browser")) {
				t.Errorf("message %q does not name the need and the way out", message)
			}
		})
	}
}

func TestData(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, data, require string
		want                string
	}{
		{"set", dir, "", "went on"},
		{"set and required", dir, "data", "went on"},
		{"absent", "", "", "skipped"},
		{"absent but required", "", "data", "failed"},
		{"set to a folder that is not there", filepath.Join(dir, "nowhere"), "", "failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(DataVar, c.data)
			t.Setenv(RequireVar, c.require)
			var folder string
			got, message := outcome(func(tb testing.TB) { folder = Data(tb) })
			if got != c.want {
				t.Fatalf("the test %s (%q), want %s", got, message, c.want)
			}
			if got == "went on" && folder != dir {
				t.Errorf("Data = %q, want %q", folder, dir)
			}
			if got != "went on" && !strings.HasPrefix(message, "data: ") {
				t.Errorf("message %q does not name the need", message)
			}
			if got == "skipped" && !strings.Contains(message, "set "+DataVar) {
				t.Errorf("message %q does not say what to set", message)
			}
		})
	}
}
