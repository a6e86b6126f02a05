package graphtest_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

func TestTheGraphInMemoryIsAClientAsAnyOther(t *testing.T) {
	testenv.SlowUnderRace(t)
	graphtest.Run(t, func(_ testing.TB, g *graphtest.Graph) graphtest.Subject { return graphtest.Subject{Client: g} })
}
