//go:build !race

package backupsched_test

const raceDetector = false
