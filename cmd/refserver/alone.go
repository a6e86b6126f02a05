package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// hold is the lock on a SQLite file of the process that works on its runs. The queue is in
// that process's memory and its clock judges the leases: a second one would not know of the
// jobs of the first, and take its runs away where its clock is ahead.
//
// The system gives the lock back when the process ends, however it ends. It is on a file of
// its own: closing any other descriptor of the database would drop the locks of SQLite.
type hold struct{ file *os.File }

// errHeld is what lock returns when another process has the lock.
var errHeld = errors.New("locked by another process")

// holdAlone takes the lock of a database file, whose folder exists, or says who has it.
func holdAlone(path string) (*hold, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // two links to one file are one database
	}
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lock of the database cannot be opened: %w", err)
	}
	if err = lock(f); err == nil {
		if err = f.Truncate(0); err == nil {
			_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
		}
	} else if errors.Is(err, errHeld) {
		err = fmt.Errorf("another refserver%s works on %s: stop it first. The SQLite file is for one process; on Postgres any number share the work", holder(f), path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &hold{f}, nil
}

// holder names the process that has the lock, if it has said so yet.
func holder(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return " (process " + pid + ")"
	}
	return ""
}

// release gives the lock back. The file stays: another process may have opened it already.
func (h *hold) release() error {
	if h == nil {
		return nil
	}
	return h.file.Close()
}
