package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOneProcessWorksOnASQLiteFile: two would have two queues and two clocks for one file.
func TestOneProcessWorksOnASQLiteFile(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	first := startProcess(t, "-data", data, "-addr", "127.0.0.1:0")
	for _, folder := range []string{data, link} {
		second := launch(t, "-data", folder, "-addr", "127.0.0.1:0")
		var err error
		select {
		case err = <-second.ended:
		case <-second.output.started:
			t.Fatalf("a second server serves %s", folder)
		}
		want := fmt.Sprintf("another refserver (process %d) works on", first.cmd.Process.Pid)
		if err == nil || !strings.Contains(second.output.String(), want) {
			t.Errorf("a second server ends with %v and does not say %q: %s", err, want, second.output)
		}
	}
	for _, command := range []string{"check", "dispatch", "migrate"} { // what is safe beside it
		if code, out, errOut := call(t, command, "-data", data); code != exitOK {
			t.Errorf("%s beside a server: exit code %d: %s%s", command, code, out, errOut)
		}
	}
	if code := first.do(t, "GET", "/readyz", "", "", nil); code != 200 {
		t.Errorf("the first server answers %d", code)
	}
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	third := startProcess(t, "-data", data, "-addr", "127.0.0.1:0") // nothing is left of the first
	third.stop(t)
	startProcess(t, "-data", data, "-addr", "127.0.0.1:0").stop(t)
}

func TestNobodyMigratesAFileThatAnotherProcessWorksOn(t *testing.T) {
	for _, command := range []string{"migrate", "dispatch"} {
		data := t.TempDir()
		if err := os.WriteFile(databasePath(data), nil, 0o600); err != nil { // without tables
			t.Fatal(err)
		}
		s := source{data: data}
		held, err := s.alone()
		if err != nil {
			t.Fatal(err)
		}
		if code, out, errOut := call(t, command, "-data", data); code != exitFailed || !strings.Contains(errOut, "another refserver") {
			t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
		}
		if err := held.release(); err != nil {
			t.Fatal(err)
		}
		if code, _, errOut := call(t, command, "-data", data); code != exitOK {
			t.Errorf("%s once it has ended: exit code %d: %s", command, code, errOut)
		}
	}
}
