//go:build !race

package msgraph_test

import "testing"

const raceDetector = false

func slowUnderRace(*testing.T) {}
