package graph

import (
	"slices"
	"strings"
)

// Catalog is the built-in table of policy types. It never changes; an embedder that
// needs more types takes Catalog.With(...) and passes the result on.
var Catalog = mustCatalogue(withRules(slices.Concat(
	configurationTypes(),
	scriptTypes(),
	enrollmentTypes(),
	appTypes(),
	updateTypes(),
	entraTypes(),
	foundationTypes(),
	referenceTypes(),
)))

// mustCatalogue builds the table of types written in this package. A mistake in it is a
// mistake of the program, not of its input, so it stops the program at start, as
// regexp.MustCompile does; the tests build it first.
func mustCatalogue(types []TypeInfo) *Catalogue {
	c, err := NewCatalogue(types...)
	if err != nil {
		panic(err)
	}
	return c
}

// The API versions. The version is a property of the type: v1.0 has no settings catalog,
// no scripts and no filters at all, and leaves scope tags and filter ids out of the
// types that it has.
const (
	beta = "beta"
	v1   = "v1.0"
)

// Restore order, lower first: whatever others refer to comes before them. The numbers
// leave room between them for types of embedders.
const (
	orderReference    = 5 // groups and applications: made before anything is assigned to them, if at all
	orderScopeTag     = 10
	orderFilter       = 15
	orderRole         = 20
	orderNotification = 40
	orderADMX         = 45 // uploaded ADMX files, before policies bind to their definitions
	orderStrength     = 45
	orderAuthContext  = 46
	orderTerms        = 48 // terms of use, demanded by Conditional Access
	orderLocation     = 50
	orderAppCategory  = 55
	orderApp          = 60
	orderReusable     = 70
	orderComplScript  = 80
	orderDefault      = 100  // most policies refer to the types above only
	orderAccess       = 1000 // Conditional Access may demand a compliant device, so compliance exists first
	orderPolicySet    = 2000 // refers to any policy and app
)

// Paths that several types share: Graph tells those apart by "@odata.type".
const (
	pathConfigurations = "/deviceManagement/deviceConfigurations"
	pathCatalog        = "/deviceManagement/configurationPolicies"
	pathEnrollment     = "/deviceManagement/deviceEnrollmentConfigurations"
)

// workload is whose limits count for a type. Conditional Access has one of its own, by far
// the narrowest, under which its authentication contexts are counted too, to be safe.
func workload(t TypeInfo) Workload {
	switch {
	case strings.HasPrefix(t.Path, "/identity/conditionalAccess/"):
		return WorkloadAccess
	case t.Platform == "entra":
		return WorkloadDirectory
	}
	return WorkloadIntune
}
