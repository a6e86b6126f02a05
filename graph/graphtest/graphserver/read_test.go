package graphserver_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

func TestEveryCollectionOfTheCatalogueIsListedWhole(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	byPath := map[string][]graph.PolicyType{}
	version := map[string]string{}
	for _, info := range graph.Catalog.All() {
		if info.Capturable() && info.Key != "deviceManagementSettings" {
			byPath[info.Path] = append(byPath[info.Path], info.Key)
			version[info.Path] = info.Version
		}
	}
	byPath["/deviceAppManagement/managedAppPolicies"] = append(byPath["/deviceAppManagement/managedAppPolicies"], "targetedManagedAppConfiguration")
	for path, types := range byPath {
		rows := flat(w.all("/" + version[path] + path))
		got := slices.Sorted(slices.Values(idsOf(t, rows)))
		want := slices.Sorted(maps.Keys(w.stored(types...)))
		if !slices.Equal(got, want) {
			t.Errorf("%s lists %d objects, the tenant has %d of %v", path, len(got), len(want), types)
		}
	}
}

func TestAnObjectByItsIDIsAsStored(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for _, typ := range []graph.PolicyType{"settingsCatalogPolicy", "deviceConfiguration", "softwareUpdateRing", "deviceManagementScript", "conditionalAccessPolicy"} {
		info, _ := graph.Catalog.Lookup(typ)
		p := w.one(typ, nil)
		r := w.ask("GET", "/"+info.Version+info.Path+"/"+p.ID, "", "Accept", "application/json;odata.metadata=full")
		if r.status != 200 || string(r.body) != string(p.Raw) {
			t.Errorf("%s: %d %s\nwant %s", typ, r.status, r.body, p.Raw)
		}
	}
}
