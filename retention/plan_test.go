package retention_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// planNow is noon of day 31.
var planNow = dayAt(31, 12)

// sets reads one set per line: schedule ("-" for a manual set), day that it was scheduled
// for, state, number of items, and any of held, in-use, deleted, created=<day>.
func sets(t tb, lines string) (list []backupset.BackupSet) {
	t.Helper()
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		s := backupset.BackupSet{ID: runs.ID(fmt.Sprintf("set-%02d", len(list)+1)), TenantID: tenant, Status: backupset.Status(f[2])}
		if f[0] != "-" {
			s.ScheduleID = runs.ID(f[0])
		}
		s.ScheduledFor = dayAt(number(t, f[1]), 2)
		s.CreatedAt = s.ScheduledFor
		s.ItemsCount = number(t, f[3])
		for _, flag := range f[4:] {
			switch name, value, _ := strings.Cut(flag, "="); name {
			case "held":
				s.Holds = []backupset.Hold{{Name: "audit"}}
			case "in-use":
				s.InUse = true
			case "deleted":
				s.DeletedAt = planNow.Add(-time.Hour)
			case "created":
				s.CreatedAt = dayAt(number(t, value), 2)
			default:
				t.Fatalf("line %q: what is %q?", line, flag)
			}
		}
		list = append(list, s)
	}
	return list
}

func number(t tb, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// scenarios of Plan; what it decides is in testdata/plan, one file each.
var scenarios = []struct {
	name   string
	policy retention.Policy
	sets   string
}{
	{"an empty policy keeps everything", retention.Policy{}, `
		A 01 complete 100
		A 02 partial   90
		A 30 complete  10`},
	{"a negative keep-last is not obeyed", retention.Policy{KeepLast: -1}, `
		A 01 complete 100
		A 02 complete 100`},
	{"the newest complete ones stay", retention.Policy{KeepLast: 3}, `
		A 26 complete 100
		A 27 complete 100
		A 28 complete 100
		A 29 complete 100
		A 30 complete 100`},
	{"partial ones never push a complete one out", retention.Policy{KeepLast: 2}, `
		A 20 complete 100
		A 21 complete 100
		A 22 complete 100
		A 23 partial   90
		A 24 partial   90
		A 25 partial   90
		A 26 partial   90`},
	{"partial ones older than the last complete one that stays go", retention.Policy{KeepLast: 2}, `
		A 20 partial   90
		A 21 complete 100
		A 22 partial   90
		A 23 complete 100
		A 24 partial   90
		A 25 complete 100`},
	{"a schedule without a complete set does not grow for ever", retention.Policy{KeepLast: 2}, `
		A 20 partial 90
		A 21 partial 90
		A 22 partial 90
		A 23 partial 90`},
	{"each schedule is a group and manual sets are none", retention.Policy{KeepLast: 1}, `
		A 20 complete 100
		B 21 complete 100
		- 01 complete 100
		A 22 complete 100
		B 23 complete 100
		- 02 partial   10`},
	{"held ones are neither counted nor touched", retention.Policy{KeepLast: 2}, `
		A 20 complete 100
		A 21 complete 100 held
		A 22 complete 100
		A 23 complete 100
		A 24 partial   90 held
		A 25 complete 100 held`},
	{"future ones are neither counted nor touched", retention.Policy{KeepLast: 1}, `
		A 20 complete 100
		A 21 complete 100
		A 22 complete 100 created=40
		A 40 complete 100`},
	{"young and used ones stay wherever they stand", retention.Policy{KeepLast: 1, MinAge: 48 * time.Hour}, `
		A 10 complete 100 in-use
		A 11 complete 100 created=30
		A 12 complete 100
		A 13 partial   90 in-use
		A 14 partial   90 created=31
		A 30 complete 100
		A 31 complete 100`},
	{"building and deleted ones are not looked at", retention.Policy{KeepLast: 1}, `
		A 20 complete 100
		A 21 complete 100
		A 22 complete 100 deleted
		A 23 building   3
		A 24 restored  50`},
	{"a newest set that shrank stops its own group only", retention.Policy{KeepLast: 1}, `
		A 20 complete 100
		A 21 complete 100 held
		A 22 complete 100
		A 23 complete  49
		A 24 building   0
		B 20 complete 100
		B 21 complete 100
		B 22 complete  50`},
	{"a partial set that shrank stops the group as well", retention.Policy{KeepLast: 1}, `
		A 20 complete 100
		A 21 complete 100
		A 22 partial    7`},
	{"the order is by slot and then by id, whatever order they come in", retention.Policy{KeepLast: 2}, `
		A 25 complete 100
		A 20 complete 100
		A 22 complete 100
		A 25 complete 100
		A 25 complete 100`},
}

func TestPlanSaysWhatStaysAndWhy(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			list := sets(t, sc.sets)
			decisions := retention.Plan(list, sc.policy, planNow)
			if len(decisions) != len(list) {
				t.Fatalf("%d decisions for %d sets", len(decisions), len(list))
			}
			var b strings.Builder
			fmt.Fprintf(&b, "%s\nkeep last %d, min age %s, on day 31\n\n", sc.name, sc.policy.KeepLast, sc.policy.MinAge)
			table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
			fields := strings.FieldsFunc(sc.sets, func(r rune) bool { return r == '\n' })
			for i, line := range fields {
				verdict := "drop"
				if decisions[i].Keep {
					verdict = "keep"
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", decisions[i].SetID, strings.Join(strings.Fields(line), " "), verdict, decisions[i].Reason)
			}
			table.Flush()
			golden(t, sc.name, b.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "plan", strings.ReplaceAll(name, " ", "-")+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run go test ./retention -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", path, diff)
	}
}

func TestEveryGoldenFileBelongsToAScenario(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "plan", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(scenarios) {
		t.Errorf("%d golden files for %d scenarios; remove what is left over", len(files), len(scenarios))
	}
}

func TestAgeProtectsUntilExactlyMinAge(t *testing.T) {
	list := sets(t, "A 10 complete 100\n A 30 complete 100")
	for _, tt := range []struct {
		name string
		age  time.Duration
		keep bool
	}{
		{"one microsecond younger", time.Hour - time.Microsecond, true},
		{"as old", time.Hour, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list[0].CreatedAt = planNow.Add(-tt.age)
			got := retention.Plan(list, retention.Policy{KeepLast: 1, MinAge: time.Hour}, planNow)[0]
			if got.Keep != tt.keep {
				t.Errorf("keep = %v (%s), want %v", got.Keep, got.Reason, tt.keep)
			}
		})
	}
}

func TestAPolicyNamesWhatIsWrongWithIt(t *testing.T) {
	err := retention.Policy{KeepLast: -1, MinAge: -1}.Validate()
	var invalid *runs.InvalidError
	if !asInvalid(err, &invalid) {
		t.Fatalf("got %v, want an InvalidError", err)
	}
	var got []string
	for _, f := range invalid.Fields {
		got = append(got, f.Field+" "+f.Code)
	}
	if diff := cmp.Diff([]string{"retention_keep_last retention_keep_last_range", "min_age min_age_range"}, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if err := (retention.Policy{}).Validate(); err != nil {
		t.Errorf("the zero policy is invalid: %v", err)
	}
}

// Ten years of daily backups of one schedule.
func BenchmarkPlanOf3650Sets(b *testing.B) {
	list := make([]backupset.BackupSet, 3650)
	for i := range list {
		at := planNow.AddDate(0, 0, i-len(list))
		list[i] = backupset.BackupSet{
			ID: runs.ID(fmt.Sprintf("set-%04d", i)), TenantID: tenant, ScheduleID: "A",
			Status: backupset.Complete, ItemsCount: 500, ScheduledFor: at, CreatedAt: at,
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		retention.Plan(list, retention.Policy{KeepLast: 30, MinAge: 24 * time.Hour}, planNow)
	}
}
