package retention

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
)

func TestAPlanTokenChangesWithEveryFieldButNotWithTheOrderOfTheSets(t *testing.T) {
	token := planToken("contoso", "s1", 3, false, []runs.ID{"a", "b"})
	for name, other := range map[string]string{
		"tenant":                    planToken("fabrikam", "s1", 3, false, []runs.ID{"a", "b"}),
		"schedule":                  planToken("contoso", "s2", 3, false, []runs.ID{"a", "b"}),
		"keep last":                 planToken("contoso", "s1", 2, false, []runs.ID{"a", "b"}),
		"deleting":                  planToken("contoso", "s1", 3, true, []runs.ID{"a", "b"}),
		"one set less":              planToken("contoso", "s1", 3, false, []runs.ID{"a"}),
		"another set":               planToken("contoso", "s1", 3, false, []runs.ID{"a", "c"}),
		"the same letters, one set": planToken("contoso", "s1", 3, false, []runs.ID{"ab"}),
	} {
		if other == token {
			t.Errorf("%s: the same token", name)
		}
	}
	if again := planToken("contoso", "s1", 3, false, []runs.ID{"b", "a"}); again != token {
		t.Error("the order of the sets changed the token")
	}
}
