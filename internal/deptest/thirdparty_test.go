package deptest

import (
	"fmt"
	"strings"
	"testing"
)

// allowance lets packages import third-party code.
type allowance struct {
	where    string // the package, or the folder of packages
	packages string // an import path; what lies below it is allowed too
	why      string
}

// production lists what non-test files may import. Everything else is refused, so a new
// dependency is a decision that is written down here.
var production = []allowance{
	{"store/bunstore", "github.com/uptrace/bun", "builds the SQL of both dialects"},
	{"store/bunstore", "github.com/klauspost/compress/zstd", "payloads are stored compressed; the standard library has no zstd"},
	{"store/sqlitestore", "github.com/uptrace/bun", "hands bunstore its database"},
	{"store/sqlitestore", "modernc.org/sqlite", "SQLite without cgo, so that a host needs nothing but Go"},
	{"store/pgstore", "github.com/uptrace/bun", "hands bunstore its database and drives Postgres"},
	{"runs/guequeue", "github.com/vgarvardt/gue", "the queue it adapts"},
	{"runs/guequeue", "github.com/oklog/ulid/v2", "the type of that queue's ids"},
	{"runs/guequeue", "github.com/uptrace/bun", "listens through pgdriver"},
	{"graph/msgraph", "golang.org/x/time/rate", "Graph's limits are rates"},
	{"graph/azauth", "github.com/Azure/azure-sdk-for-go/sdk", "the credentials it adapts"},
	{"runs/runsotel", "go.opentelemetry.io/otel", "the telemetry it adapts to"},
	{"cmd/refserver", "go.opentelemetry.io/otel", "the providers that a host brings for telemetry"},
	{"cmd/refserver", "github.com/prometheus/client_golang/prometheus", "answers /metrics in Prometheus' text format"},
	{"cmd/refserver", "github.com/danielgtaylor/huma/v2", "JSON API with problem details and OpenAPI; a host brings its own"},
	{"cmd/refserver/product", "golang.org/x/crypto", "argon2id and bcrypt, which the standard library has not"},
	{"cmd/refserver", "github.com/benbjohnson/clock", "the demonstration runs in virtual time"},
	{"examples/dstclock", "github.com/benbjohnson/clock", "shows that its clocks fit"},
	{"internal/rig", "github.com/benbjohnson/clock", "the clock of the tests"},
	{"internal/pgtest", "github.com/jackc/pgx/v5/pgconn", "creates databases for tests"},
	{"examples/oidc", "github.com/coreos/go-oidc/v3/oidc", "checks ID tokens: nobody should write that anew"},
	{"examples/oidc", "golang.org/x/oauth2", "the flow below OpenID Connect"},
	{"examples/postgres", "github.com/uptrace/bun", "shows a host that shares its database"},
}

// tests lists what test files may import besides.
var tests = []allowance{
	{"", "github.com/google/go-cmp", "readable differences"},
	{"", "pgregory.net/rapid", "properties"},
	{"", "go.uber.org/goleak", "no goroutine left behind"},
	{"", "github.com/benbjohnson/clock", "a clock that jumps"},
	{"backupsched", "github.com/robfig/cron/v3", "what the benchmarks compare with"},
	{"runs/guequeue", "github.com/jackc/pgx/v5", "the other driver it runs on"},
	{"store/bunstore", "github.com/jackc/pgx/v5/stdlib", "looks at a database behind the store's back"},
	{"store/pgstore", "github.com/jackc/pgx/v5", "the other driver it runs on"},
	{"cmd/refserver/pages", "github.com/go-chi/chi/v5", "the other router that the pages are mounted in"},
	{"cmd/refserver/usertest", "github.com/chromedp", "drives the browser"},
	{"cmd/refserver", "modernc.org/sqlite", "damages a database behind the store's back"},
	{"runs/capture", "modernc.org/sqlite", "damages a database behind the store's back"},
}

// testOnly must never be linked into a host's program, whatever production says.
var testOnly = []string{
	"github.com/google/go-cmp", "pgregory.net/rapid", "go.uber.org/goleak", "github.com/robfig/cron/v3",
}

// allowed tells whether a list lets the package dir import importPath.
func allowed(list []allowance, dir, importPath string) bool {
	for _, a := range list {
		if (a.where == "" || under(dir, a.where)) && under(importPath, a.packages) {
			return true
		}
	}
	return false
}

// thirdParty checks every import of code that is neither ours nor the standard library's.
func thirdParty(tr tree) (findings []string) {
	for _, s := range tr.sources {
		for _, imp := range s.imports() {
			if _, ours := own(imp); ours || standard(imp) {
				continue
			}
			switch ok := allowed(production, s.dir, imp); {
			case s.test && (ok || allowed(tests, s.dir, imp)):
			case s.test:
				findings = append(findings, fmt.Sprintf("%s imports %s: tests may import what is listed in tests, with the reason", s.path, imp))
			case allowed(asAllowances(testOnly), s.dir, imp):
				findings = append(findings, fmt.Sprintf("%s imports %s: for tests only, it must not reach a host's program", s.path, imp))
			case layers[s.dir].core:
				findings = append(findings, fmt.Sprintf("%s imports %s: core packages use the standard library and this module only", s.path, imp))
			case !ok:
				findings = append(findings, fmt.Sprintf("%s imports %s: list it in production, with the reason", s.path, imp))
			}
		}
	}
	return findings
}

func asAllowances(paths []string) (list []allowance) {
	for _, p := range paths {
		list = append(list, allowance{packages: p})
	}
	return list
}

func TestThirdPartyCodeStandsWhereItIsListed(t *testing.T) { holds(t, thirdParty) }

func TestThirdPartyCodeStandsWhereItIsListedCatches(t *testing.T) {
	imports := func(pkg, path string) string { return "package " + pkg + "\nimport _ \"" + path + "\"\n" }
	const bun, cmp, cron, clock = "github.com/uptrace/bun", "github.com/google/go-cmp/cmp", "github.com/robfig/cron/v3", "github.com/benbjohnson/clock"
	catches(t, thirdParty, []breach{
		{"core", map[string]string{"retention/a.go": imports("retention", bun)}, []string{"core packages"}},
		{"core, a clock", map[string]string{"runs/memqueue/a.go": imports("memqueue", clock)}, []string{"core packages"}},
		{"listed", map[string]string{"store/bunstore/a.go": imports("bunstore", bun+"/dialect/sqlitedialect")}, nil},
		{"a path that only begins alike", map[string]string{"store/bunstore/a.go": imports("bunstore", bun+"extra")}, []string{"list it in production"}},
		{"not listed", map[string]string{"cmd/refserver/main.go": imports("main", "github.com/spf13/cobra")}, []string{"list it in production"}},
		{"test-only in a program", map[string]string{"cmd/refserver/main.go": imports("main", cmp)}, []string{"for tests only"}},
		{"test-only in a suite", map[string]string{"store/storetest/a.go": imports("storetest", "pgregory.net/rapid")}, []string{"for tests only"}},
		{"in tests", map[string]string{"graph/a_test.go": imports("graph", cmp), "backupsched/b_test.go": imports("backupsched", cron)}, nil},
		{"cron in another package's tests", map[string]string{"runs/a_test.go": imports("runs", cron)}, []string{"tests may import"}},
		{"an unknown module in tests", map[string]string{"runs/a_test.go": imports("runs", "github.com/stretchr/testify")}, []string{"tests may import"}},
		{"the standard library", map[string]string{"graph/a.go": imports("graph", "net/http")}, nil},
	})
}

// testingPackage checks that only suites import the package testing, which registers
// flags and is of no use to a host.
func testingPackage(tr tree) (findings []string) {
	for _, s := range tr.sources {
		for _, imp := range s.imports() {
			if !s.test && under(imp, "testing") && !layers[s.dir].suite && !strings.HasSuffix(s.dir, "test") {
				findings = append(findings, fmt.Sprintf("%s imports %s: only packages of tests do", s.path, imp))
			}
		}
	}
	return findings
}

func TestOnlySuitesImportTesting(t *testing.T) { holds(t, testingPackage) }

func TestOnlySuitesImportTestingCatches(t *testing.T) {
	catches(t, testingPackage, []breach{
		{"production", map[string]string{"runs/a.go": "package runs\nimport _ \"testing\""}, []string{"runs/a.go imports testing"}},
		{"a package below", map[string]string{"cmd/refserver/a.go": "package main\nimport _ \"testing/fstest\""}, []string{"imports testing/fstest"}},
		{"a suite", map[string]string{"runs/queuetest/a.go": "package queuetest\nimport _ \"testing\""}, nil},
		{"a test", map[string]string{"runs/a_test.go": "package runs\nimport _ \"testing\""}, nil},
	})
}
