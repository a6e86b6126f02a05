package pages

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func TestAnInstantIsSaidCoarselyAndNeverTooEarly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "now", -time.Second: "now", -59 * time.Second: "now", -time.Minute: "1 min ago",
		time.Millisecond: "in less than a minute", 15 * time.Second: "in less than a minute", time.Minute: "in 1 min", 3 * time.Hour: "in 3 h",
	} {
		if got := away(d); got != want {
			t.Errorf("%v away is %q, want %q", d, got, want)
		}
	}
}

func TestASetIsEmptyInWordsOnlyWhenItsRunDidNotSucceed(t *testing.T) {
	for _, c := range []struct {
		status backupset.Status
		items  int
		want   string
	}{
		{backupset.Partial, 0, "empty"},
		{backupset.Partial, 1, "partial"},
		{backupset.Complete, 0, "complete"}, // of types of which the tenant has no policy
		{backupset.Building, 0, "building"},
	} {
		if got := setBadge(backupset.BackupSet{Status: c.status, ItemsCount: c.items}); got.Word != c.want {
			t.Errorf("%s with %d policies is %q, want %q", c.status, c.items, got.Word, c.want)
		}
	}
}
