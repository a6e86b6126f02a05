//go:build race

package restore_test

const raceDetector = true
