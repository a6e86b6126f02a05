// Package pgtest gives tests a Postgres of their own.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		url := pgtest.Server(t).Database(t) // a new, empty database
//
// [Server] is one server for all tests of a test binary; it starts when the first test
// asks. [Start] is a server for one test alone, which may crash it with
// [Instance.Restart] or measure it with [Options].Durable. Both listen on 127.0.0.1
// only, lie in a folder of the temporary one, and are gone with it when their owner
// ends, also when the process panics or is killed. No goroutine is left running.
//
// Where no Postgres is installed the tests are skipped, or fail where
// TENANTBACKUP_TEST_REQUIRE lists "postgres", see package testenv.
//
// Only test files import this package.
package pgtest
