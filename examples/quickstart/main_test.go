package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The README shows this very program.
func TestReadmeShowsThisProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "<!-- quickstart:begin -->\n```go\n")
	shown, _, closed := strings.Cut(rest, "```\n<!-- quickstart:end -->")
	if !found || !closed {
		t.Fatal("the README has no quickstart between its marks")
	}
	if shown != string(program) {
		t.Error("the README's program is not examples/quickstart/main.go; copy the file between the marks")
	}
}

func TestTheWiringIsAtMostThirtyLines(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(program), "// The wiring.\n")
	wiring, _, closed := strings.Cut(rest, "\n\n\t// A person")
	if !found || !closed {
		t.Fatal("the program does not mark its wiring")
	}
	if n := strings.Count(wiring, "\n") + 1; n > 30 {
		t.Errorf("the wiring takes %d lines", n)
	}
}

func TestTheProgramBacksUp(t *testing.T) {
	if err := backUp(t.Context(), filepath.Join(t.TempDir(), "backups.db")); err != nil {
		t.Fatal(err)
	}
}
