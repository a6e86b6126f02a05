package graph

import "testing"

// A rule under a misspelt key would never be noticed otherwise.
func TestRulesAreOfTypesThatExist(t *testing.T) {
	for key := range refRules {
		if _, ok := Catalog.Lookup(key); !ok {
			t.Errorf("refRules has a row for %q, which is no type", key)
		}
	}
	for key := range writeRules {
		if info, ok := Catalog.Lookup(key); !ok || info.Support != Restorable {
			t.Errorf("writeRules has a row for %q, which is no type that can be restored", key)
		}
	}
	for key := range readRules {
		if _, ok := Catalog.Lookup(key); !ok {
			t.Errorf("readRules has a row for %q, which is no type", key)
		}
	}
	for key := range permissions {
		if _, ok := Catalog.Lookup(key); !ok {
			t.Errorf("permissions has a row for %q, which is no type", key)
		}
	}
	for _, info := range Catalog.All() {
		if _, ok := readRules[info.Key]; !ok {
			t.Errorf("%s has no rules for reading it", info.Key)
		}
		if _, ok := writeRules[info.Key]; !ok && info.Support == Restorable {
			t.Errorf("%s can be restored and has no rules for writing it", info.Key)
		}
		for _, r := range info.Refs {
			if _, ok := Catalog.Lookup(r.Type); !ok && r.Type != "" {
				t.Errorf("%s refers to the type %q, which does not exist", info.Key, r.Type)
			}
		}
	}
}
