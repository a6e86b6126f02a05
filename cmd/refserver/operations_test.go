package main

import (
	"testing"
	"time"
)

type startedRun struct {
	ID, Status  string
	BackupSetID string `json:"backup_set_id"`
	ErrorCode   string `json:"error_code"`
	Summary     struct {
		Types map[string]struct {
			Captured  int
			Forbidden bool
			Complete  bool
		} `json:"type_breakdown"`
	}
}

// begin starts a run and returns it when it has ended well.
func (s server) begin(t *testing.T, path, body string) (run startedRun) {
	t.Helper()
	if run = s.finish(t, path, body); run.Status != "success" {
		t.Fatalf("%s: %+v", path, run)
	}
	return run
}

// finish starts a run and returns it when it has ended.
func (s server) finish(t *testing.T, path, body string) (run startedRun) {
	t.Helper()
	if code := s.do(t, "POST", contoso+path, owner, body, &run); code != 202 {
		t.Fatalf("%s: %d", path, code)
	}
	deadline := time.Now().Add(30 * time.Second)
	for run.Status == "queued" || run.Status == "running" {
		if time.Now().After(deadline) {
			t.Fatalf("%s is still %s after 30 s", path, run.Status)
		}
		s.do(t, "GET", contoso+"/runs/"+run.ID, owner, "", &run)
	}
	return run
}

// Whatever the API starts has somebody who does it: the server knows every kind of run.
func TestTheServerDoesWhatItsAPIStarts(t *testing.T) {
	s := startServer(t, t.TempDir())
	s.begin(t, "/policies/sync", `{"policy_types":["deviceCompliancePolicy"]}`)
	var inventory listed
	s.do(t, "GET", contoso+"/policies", owner, "", &inventory)
	s.begin(t, "/policies/"+inventory.Items[0].ID+"/snapshots", "")
	set := s.begin(t, "/backup-sets", `{"name":"By hand","policy_types":["deviceConfiguration"]}`).BackupSetID
	s.begin(t, "/backup-sets/"+set+"/policies", `{"policy_ids":["`+inventory.Items[0].ID+`"]}`)
	s.begin(t, "/backup-sets/"+set+"/verify", "")
	s.begin(t, "/backup-sets/"+set+"/drift", "")
	preview := s.begin(t, "/backup-sets/"+set+"/restore-previews", `{"options":{"existing":"overwrite"}}`)
	s.begin(t, "/restores", `{"preview_run_id":"`+preview.ID+`","reason":"to try it"}`)
	s.begin(t, "/backup-sets/import?name=From+a+file", s.download(t, contoso+"/backup-sets/"+set+"/export"))
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}
