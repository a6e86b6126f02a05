package backupset_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func TestAHashFromBeforeIdsOfRoleAssignmentsWereLeftOutStillMatches(t *testing.T) {
	const before = "35f9c06a8bfaf984dcf4db89ca8728eae151974e3237e4f66f1a7cee0cf7c638"
	p := graph.Policy{Type: "roleDefinition", ID: "r", Raw: []byte(`{"displayName":"Helpdesk"}`), Parts: []graph.Part{
		{Name: "roleAssignments", Raw: []byte(`[{"id":"b","displayName":"Bonn"},{"id":"a","displayName":"Aachen"}]`)},
	}}
	canon := backupset.NewCanonicalizer(graph.Catalog)
	stored, err := backupset.ParseHash(before)
	if err != nil {
		t.Fatal(err)
	}
	now, err := canon.Hash(&p)
	if err != nil || now == stored {
		t.Fatalf("hash %s, error %v: the ids count as content", now, err)
	}
	for name, c := range map[string]struct {
		stored backupset.Hash
		change string
		want   bool
	}{
		"of before":                {stored, "", true},
		"of now":                   {now, "", true},
		"of before, and an edit":   {stored, `[{"id":"b","displayName":"Berlin"}]`, false},
		"of before, and a new id":  {stored, `[{"id":"c","displayName":"Bonn"},{"id":"a","displayName":"Aachen"}]`, false},
		"of now, and another edit": {now, `[]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			q := p
			if c.change != "" {
				q.Parts = []graph.Part{{Name: "roleAssignments", Raw: []byte(c.change)}}
			}
			if got, err := canon.Matches(&q, c.stored); err != nil || got != c.want {
				t.Errorf("matches is %t, error %v", got, err)
			}
		})
	}
}
