package pgtest

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// debian is where Debian and Ubuntu put each major version; their PATH holds none.
const debian = "/usr/lib/postgresql/*/bin"

// programs are the paths of what a server needs.
type programs struct{ initdb, postgres string }

// installed returns the programs of the Postgres on the PATH, else of the newest one
// whose folder matches pattern; ok is false when there is none.
func installed(pattern string) (p programs, ok bool) {
	if p, ok = inFolder(""); ok {
		return p, true
	}
	folders, _ := filepath.Glob(pattern) // fails for a malformed pattern only
	slices.SortFunc(folders, func(a, b string) int { return major(b) - major(a) })
	for _, folder := range folders {
		if p, ok = inFolder(folder); ok {
			return p, true
		}
	}
	return programs{}, false
}

// inFolder looks for both programs in a folder, or on the PATH when it is "".
func inFolder(folder string) (p programs, ok bool) {
	var errs [3]error
	p.initdb, errs[0] = exec.LookPath(filepath.Join(folder, "initdb"))
	p.postgres, errs[1] = exec.LookPath(filepath.Join(folder, "postgres"))
	_, errs[2] = exec.LookPath("sh") // see supervise
	return p, errs == [3]error{}
}

// major returns 15 for /usr/lib/postgresql/15/bin, and 0 where there is no number.
func major(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return n
}
