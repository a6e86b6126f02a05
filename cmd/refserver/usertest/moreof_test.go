package usertest

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
)

// row is what the tests need of a schedule, a run or a backup set.
type row struct {
	ID, Kind, Name, Status string
	ScheduleID             string `json:"schedule_id"`
	ErrorCode              string `json:"error_code"`
	DeletedAt              string `json:"deleted_at"`
	Enabled                bool
	Holds                  []any
}

// api calls the API as the owner of a tenant.
func (s server) api(t testing.TB, method, tenant, path string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.base+"/api/v1/tenants/"+tenant+"/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer demo-owner-"+tenant)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode/100 != 2 {
		t.Fatalf("%s %s answers %d", method, path, res.StatusCode)
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatal(err)
		}
	}
}

func (s server) list(t *testing.T, tenant, path string) []row {
	t.Helper()
	var all struct{ Items []row }
	s.api(t, http.MethodGet, tenant, path, &all)
	return all.Items
}

// moreOf are pages of a tenant that look different although their addresses have one shape: runs
// of each kind and end, sets of each state, schedules that are disabled, and their plans.
func (s server) moreOf(t *testing.T, tenant string) (more []found) {
	t.Helper()
	seen := map[string]bool{}
	add := func(path, name string) {
		if !seen[name] {
			seen[name] = true
			more = append(more, found{path: "/backups/" + tenant + "/" + path, name: "y-" + name})
		}
	}
	for _, r := range s.list(t, tenant, "runs?limit=200") {
		add("runs/"+r.ID, "run-"+r.Kind+"-"+r.Status+"-"+r.ErrorCode)
		if r.Kind == "drift.report" {
			add("drift/"+r.ID, "drift-"+r.Status)
			add("drift/"+r.ID+"/restore", "drift-restore")
		}
	}
	for _, query := range []string{"limit=200", "limit=200&deleted=true"} {
		for _, set := range s.list(t, tenant, "backup-sets?"+query) {
			name := "set-" + set.Status
			if len(set.Holds) > 0 {
				name += "-held"
			}
			if set.DeletedAt != "" {
				name += "-deleted"
				add("sets/"+set.ID+"/purge", name+"-purge")
			}
			if set.ScheduleID == "" && set.Status == "complete" && set.DeletedAt == "" {
				add("sets/"+set.ID+"/add", "set-add")
			}
			add("sets/"+set.ID, name)
		}
	}
	add("sets?deleted=yes", "sets-deleted")
	for _, schedule := range s.list(t, tenant, "schedules") {
		if !schedule.Enabled {
			add("schedules/"+schedule.ID, "schedule-disabled")
		}
		add("schedules/"+schedule.ID, "schedule-"+schedule.ID)
		add("schedules/"+schedule.ID+"/retention", "plan-"+schedule.ID)
	}
	return more
}
