//go:build !race

package capture_test

import "testing"

const raceDetector = false

func slowUnderRace(*testing.T) {}
