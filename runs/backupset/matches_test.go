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

func TestWhatGraphSaysOfAnItemOfAPolicySetIsNoContent(t *testing.T) {
	canon := backupset.NewCanonicalizer(graph.Catalog)
	hash := func(p graph.Policy) backupset.Hash {
		t.Helper()
		h, err := canon.Hash(&p)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	set := func(item string) graph.Policy {
		return graph.Policy{Type: "policySet", ID: "p", Raw: []byte(`{"displayName":"Office","status":"success","items":[` + item + `]}`)}
	}
	was := hash(set(`{"id":"1","payloadId":"a","intent":"required","displayName":"App","status":"notAssigned","errorCode":"unauthorized"}`))
	for item, same := range map[string]bool{
		`{"id":"2","payloadId":"a","intent":"required","displayName":"Renamed","status":"success","errorCode":"noError"}`: true,
		`{"payloadId":"a","intent":"required"}`:  true,
		`{"payloadId":"a","intent":"available"}`: false,
		`{"payloadId":"b","intent":"required"}`:  false,
	} {
		if got := hash(set(item)) == was; got != same {
			t.Errorf("%s has the same hash: %t", item, got)
		}
	}
	// Another type's items are its own.
	thing := func(item string) graph.Policy {
		return graph.Policy{Type: "thing", Raw: []byte(`{"items":[` + item + `]}`)}
	}
	if hash(thing(`{"status":"on"}`)) == hash(thing(`{"status":"off"}`)) {
		t.Error("the status of an item of another type is left out")
	}
}

func TestHashesFromBeforeStatesOfItemsWereLeftOutStillMatch(t *testing.T) {
	const item = `{"id":"1","payloadId":"a","displayName":"App","status":"success","errorCode":"noError","itemType":"#microsoft.graph.mobileApp"}`
	set := func(items string) *graph.Policy {
		return &graph.Policy{Type: "policySet", ID: "p", Raw: []byte(`{"displayName":"Office","status":"success","items":[` + items + `]}`)}
	}
	canon := backupset.NewCanonicalizer(graph.Catalog)
	for name, before := range map[string]string{
		"states counted":         "51643ec23bc3ab0c7e2f9287b54e7462b29bb38c2eeb8fd66ab8901031c8cd79",
		"states and ids counted": "79e6fd716cbe2ec0e01384aaff41e06503dabc43a81b4d98ff430bd7e8ab55a4",
	} {
		stored, err := backupset.ParseHash(before)
		if err != nil {
			t.Fatal(err)
		}
		ring := `,{"id":"2","payloadId":"b","displayName":"Ring"}`
		if got, err := canon.Matches(set(item+ring), stored); err != nil || !got {
			t.Errorf("%s: it does not match (%v)", name, err)
		}
		for _, other := range []string{item, item + `,{"id":"2","payloadId":"b","displayName":"Renamed"}`} {
			if got, err := canon.Matches(set(other), stored); err != nil || got {
				t.Errorf("%s: what was changed matches (%v)", name, err)
			}
		}
	}
}
