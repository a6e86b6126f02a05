//go:build !race

package pages_test

import "testing"

func slowUnderRace(*testing.T) {}
