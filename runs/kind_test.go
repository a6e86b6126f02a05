package runs

import (
	"fmt"
	"strings"
	"testing"
)

func TestStateMachineIsTheDocumentedOne(t *testing.T) {
	var b strings.Builder
	for _, from := range Statuses() {
		for _, to := range Statuses() {
			if from.CanBecome(to) {
				fmt.Fprintf(&b, "%s -> %s\n", from, to)
			}
		}
	}
	golden(t, "transitions.golden", b.String())
}

func TestTerminalStatesNeverChange(t *testing.T) {
	for _, from := range Statuses() {
		if from.Terminal() == from.Active() {
			t.Errorf("%s is both or neither of terminal and active", from)
		}
		for _, to := range Statuses() {
			if from.Terminal() && from.CanBecome(to) {
				t.Errorf("%s may become %s", from, to)
			}
		}
	}
}

func TestOnlyPeopleAreNotified(t *testing.T) {
	for trigger, want := range map[Trigger]bool{TriggerManual: true, TriggerRetry: true, TriggerSchedule: false, TriggerSystem: false} {
		if trigger.Interactive() != want {
			t.Errorf("%s interactive = %v", trigger, !want)
		}
	}
}
