//go:build !race

package msgraph_test

const raceDetector = false
