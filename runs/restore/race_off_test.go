//go:build !race

package restore_test

import "testing"

const raceDetector = false

func slowUnderRace(*testing.T) {}
