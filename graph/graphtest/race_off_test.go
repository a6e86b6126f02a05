//go:build !race

package graphtest_test

import "testing"

func slowUnderRace(*testing.T) {}
