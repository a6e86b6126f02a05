package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

// TestMain is the program itself in the second process, which the first one starts.
func TestMain(m *testing.M) {
	if os.Getenv(schemaVariable) != "" || os.Getenv("EXAMPLE_MAIN") != "" {
		main()
		return
	}
	pgtest.Main(m)
}

// printed is written to by two processes.
type printed struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buffer.Write(b)
}

func TestTwoProcessesMakeOneRunOfOneSlot(t *testing.T) {
	url := pgtest.Server(t).Database(t)
	t.Setenv(urlVariable, url)
	var out printed
	err := first(t.Context(), url, &out)
	text := out.buffer.String()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for pattern, want := range map[string]int{
		`process \d+ dispatched 1 run`:           1,
		`process \d+ worked on the run: success`: 1,
		`one slot: 1 run, success, `:             1,
	} {
		if got := len(regexp.MustCompile(pattern).FindAllString(text, -1)); got != want {
			t.Errorf("%q is printed %d times, want %d:\n%s", pattern, got, want, text)
		}
	}
	// A process dispatches again when a minute begins meanwhile, and then finds nothing.
	processes := map[string]bool{}
	for _, found := range regexp.MustCompile(`process (\d+) dispatched`).FindAllStringSubmatch(text, -1) {
		processes[found[1]] = true
	}
	if len(processes) != 2 {
		t.Errorf("%d processes dispatched, want 2:\n%s", len(processes), text)
	}
	host, err := open(t.Context(), url, "public")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	var left int
	if err := host.DB().QueryRow("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenantbackup_example%'").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d schemas are left, error %v", left, err)
	}
}

func TestWithoutADatabaseTheProgramSaysWhatToSet(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "EXAMPLE_MAIN=1", urlVariable+"=")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), urlVariable) {
		t.Errorf("%v: %s", err, out)
	}
}
