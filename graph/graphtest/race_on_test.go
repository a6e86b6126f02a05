//go:build race

package graphtest_test

import "testing"

// slowUnderRace skips a test that takes many times as long with the race detector. .ci/run runs
// it by its name without.
func slowUnderRace(t *testing.T) {
	t.Helper()
	t.Skip("takes many times as long with the race detector; .ci/run runs it without")
}
