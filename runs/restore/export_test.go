package restore

// For tests of the package from outside.
var (
	TestTypes     = testTypes
	TestCatalogue = testCatalogue
)
