package usertest

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// at is when the servers of these tests start. Pages show thirty days up to then, so that a test
// would find other pages every day. At the default a clock has been put back in those days, and
// nothing is due for hours.
var at = flag.String("at", "2026-11-18T09:12:40Z", "when servers start, RFC 3339")

// buildAt makes the program with another clock, once: its services have the one of
// testdata/clock.go. Everything else is as in the program of build.
var buildAt = sync.OnceValues(func() (string, error) {
	app, err := os.ReadFile("../app.go")
	if err != nil {
		return "", err
	}
	const chosen = "o.clock = runs.SystemClock{}"
	if strings.Count(string(app), chosen) != 1 {
		return "", errors.New("../app.go does not choose its clock as it did: adapt buildAt")
	}
	changed := filepath.Join(workDir, "app.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(app), chosen, "o.clock = clockOfTests{}", 1)), 0o600); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, by := range map[string]string{"../app.go": changed, "../clock.go": "testdata/clock.go"} {
		if file, err = filepath.Abs(file); err != nil {
			return "", err
		}
		if replace[file], err = filepath.Abs(by); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(workDir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return "", err
	}
	return compile("refserver-at", "-overlay", file, "-ldflags", "-X main.startAt="+*at)
})
