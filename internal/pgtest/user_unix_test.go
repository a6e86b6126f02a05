//go:build unix

package pgtest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestTheServerDoesNotRunAsRoot(t *testing.T) {
	server := Start(t, Options{})
	// The server has written it itself.
	info, err := os.Stat(filepath.Join(server.cluster.dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	uid := int(info.Sys().(*syscall.Stat_t).Uid)
	if uid == 0 {
		t.Error("the server runs as root")
	}
	if os.Geteuid() != 0 && uid != os.Geteuid() {
		t.Errorf("the server runs as user %d, the tests as %d", uid, os.Geteuid())
	}
}
