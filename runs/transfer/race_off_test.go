//go:build !race

package transfer_test

import "testing"

func slowUnderRace(*testing.T) {}
