package pages

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"testing"
)

// The files of others are those that their packages have, byte by byte, and each has a sum.
func TestTheFilesOfOthersAreThoseOfTheirPackages(t *testing.T) {
	sums, err := staticFiles.ReadFile("static/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]bool{}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		content, err := staticFiles.ReadFile(path.Join("static", name))
		if err != nil {
			t.Error(err)
		}
		if got := sha256.Sum256(content); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s is %x, want %s", name, got, sum)
		}
		held[name] = true
	}
	others, err := fs.Glob(staticFiles, "static/*.min.*")
	if err != nil || len(others) == 0 {
		t.Fatalf("the files of others are %q, error %v", others, err)
	}
	for _, name := range others {
		if !held[path.Base(name)] {
			t.Errorf("%s has no sum in static/SHA256SUMS", name)
		}
	}
}
