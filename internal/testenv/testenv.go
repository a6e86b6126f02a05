// Package testenv tells tests what the machine they run on has to offer.
//
// A suite that needs more than Go (real exports, a database server, a browser) asks
// here. Where the need is not met the test is skipped under its own name, with what to
// do about it; where the environment variable TENANTBACKUP_TEST_REQUIRE lists the need,
// it fails instead, so that a machine which is meant to run everything cannot pass by
// skipping. Here they also learn whether the race detector makes them slow.
//
// Only test files and test suites import this package.
package testenv

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The environment variables that this package reads.
const (
	// DataVar names the folder of real exports, see [Data].
	DataVar = "TENANTBACKUP_TEST_DATA"

	// RequireVar lists the needs that must be met, separated by commas, see [Need].
	RequireVar = "TENANTBACKUP_TEST_REQUIRE"
)

// Data returns the absolute path of the folder of real exports that
// TENANTBACKUP_TEST_DATA names. Its need is called "data". A variable that names no
// folder is a mistake of whoever set it, so that fails whether required or not.
func Data(t testing.TB) string {
	t.Helper()
	dir := os.Getenv(DataVar)
	Need(t, "data", dir != "", "set "+DataVar+" to a folder with real-tenant/<policyType>/*.json")
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatalf("data: %s: %v", DataVar, err)
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		t.Fatalf("data: %s is set but names no folder", DataVar)
	}
	return abs
}

// Need ends the test unless available: it fails when TENANTBACKUP_TEST_REQUIRE lists
// name, and is skipped otherwise. how tells what to do to have it. Like t.Skip it must
// be called from the goroutine of the test.
func Need(t testing.TB, name string, available bool, how string) {
	t.Helper()
	switch {
	case available:
	case required(name):
		t.Fatalf("%s: required by %s but missing: %s", name, RequireVar, how)
	default:
		t.Skipf("%s: %s", name, how)
	}
}

// RaceDetector tells whether the tests are built with the race detector, for those that do less
// with it. .ci/run names them, and those of [SlowUnderRace], and runs them without.
const RaceDetector = raceDetector

// SlowUnderRace skips a test that takes many times as long with the race detector. Like t.Skip
// it must be called from the goroutine of the test.
func SlowUnderRace(t testing.TB) {
	t.Helper()
	if RaceDetector {
		t.Skip("takes many times as long with the race detector; .ci/run runs it without")
	}
}

// required tells whether TENANTBACKUP_TEST_REQUIRE lists name.
func required(name string) bool {
	return slices.ContainsFunc(strings.Split(os.Getenv(RequireVar), ","), func(s string) bool {
		return strings.TrimSpace(s) == name
	})
}
