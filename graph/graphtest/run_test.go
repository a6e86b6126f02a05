package graphtest_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

func TestTheGraphInMemoryIsAClientAsAnyOther(t *testing.T) {
	slowUnderRace(t)
	graphtest.Run(t, func(_ testing.TB, g *graphtest.Graph) graphtest.Subject { return graphtest.Subject{Client: g} })
}
