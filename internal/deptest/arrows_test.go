package deptest

import (
	"fmt"
	"testing"
)

// layer is a public package's place in the order of the module: it imports packages of
// its own level and of lower ones.
type layer struct {
	level int
	core  bool   // the standard library and this module only
	suite bool   // a fake or a conformance suite, for tests, examples and demonstrations
	why   string // its place
}

// layers lists every package that others may import. A package of internal/ that is not
// listed lies below all of them.
var layers = map[string]layer{
	"graph":                       {level: 0, core: true, why: "the seam to Graph knows nothing of schedules, runs or storage"},
	"graph/graphtest":             {level: 1, core: true, suite: true, why: "a fake needs the seam only"},
	"graph/graphtest/graphserver": {level: 2, core: true, suite: true, why: "a fake behind HTTP needs the fake only"},

	"graph/msgraph": {level: 1, why: "the real client needs the seam, and the clock of runs"},
	"graph/azauth":  {level: 2, why: "sign-in for the real client"},

	"runs":           {level: 1, core: true, why: "a run is the same whatever it does"},
	"runs/memqueue":  {level: 2, core: true, why: "a queue carries ids of runs"},
	"runs/guequeue":  {level: 2, why: "a queue carries ids of runs"},
	"runs/queuetest": {level: 3, core: true, suite: true, why: "runs any queue"},
	"runs/backupset": {level: 2, core: true, why: "what runs produce"},
	"runs/capture":   {level: 2, core: true, why: "what runs do"},
	"runs/restore":   {level: 2, core: true, why: "what runs do"},
	"runs/transfer":  {level: 2, core: true, why: "what runs do"},
	"backupsched":    {level: 2, core: true, why: "when runs start"},
	"retention":      {level: 2, core: true, why: "which results of runs stay"},

	"store":             {level: 3, core: true, why: "the roles of the domain packages, composed"},
	"store/storetest":   {level: 4, core: true, suite: true, why: "runs any store"},
	"runs/runsotel":     {level: 4, why: "adapts the observers of graph, runs, backupsched and store"},
	"store/bunstore":    {level: 4, why: "one implementation of the roles"},
	"store/sqlitestore": {level: 5, why: "opens bunstore"},
	"store/pgstore":     {level: 5, why: "opens bunstore"},

	"internal/testenv": {level: -1, core: true, suite: true, why: "tells tests what the machine has"},

	"internal/rig": {level: 6, suite: true, why: "puts the whole module together for tests"},

	"internal/pgtest": {level: 7, suite: true, why: "starts servers for test files, which alone import it"},
}

// arrows checks that imports between packages of this module point downwards.
func arrows(tr tree) (findings []string) {
	for _, s := range tr.sources {
		if s.test || program(s.dir) || s.dir == "" {
			continue
		}
		from, listed := layers[s.dir]
		if !listed {
			if !internalDir(s.dir) {
				findings = append(findings, fmt.Sprintf("%s: package %s has no place in the order of packages: give it one in layers, with the reason", s.path, s.dir))
				continue
			}
			from = layer{level: -1, why: "internal packages lie below all others unless they are listed"}
		}
		for _, imp := range s.imports() {
			dir, ok := own(imp)
			if !ok {
				continue
			}
			to, listed := layers[dir]
			if !listed && internalDir(dir) {
				to.level = -1
			}
			switch {
			case program(dir) || dir == "":
				findings = append(findings, fmt.Sprintf("%s imports %q, which is not for importing", s.path, dir))
			case to.level > from.level:
				findings = append(findings, fmt.Sprintf("%s imports %s from above: %s", s.path, dir, from.why))
			case to.suite && !from.suite:
				findings = append(findings, fmt.Sprintf("%s imports %s: suites and fakes stay out of what hosts link", s.path, dir))
			}
		}
	}
	return findings
}

func TestImportsPointDownwards(t *testing.T) { holds(t, arrows) }

func TestImportsPointDownwardsCatches(t *testing.T) {
	imports := func(pkg, dir string) string { return "package " + pkg + "\nimport _ \"" + module + "/" + dir + "\"\n" }
	catches(t, arrows, []breach{
		{"upwards", map[string]string{"graph/a.go": imports("graph", "runs")}, []string{"graph/a.go imports runs from above: the seam to Graph"}},
		{"two levels up", map[string]string{"runs/a.go": imports("runs", "store/bunstore")}, []string{"imports store/bunstore from above"}},
		{"into a parent's child", map[string]string{"runs/a.go": imports("runs", "runs/capture")}, []string{"imports runs/capture from above"}},
		{"downwards", map[string]string{"retention/a.go": imports("retention", "runs")}, nil},
		{"beside", map[string]string{"runs/capture/a.go": imports("capture", "runs/backupset")}, nil},
		{"in a test", map[string]string{"runs/a_test.go": imports("runs_test", "store/sqlitestore")}, nil},
		{"internal from below", map[string]string{"graph/a.go": imports("graph", "internal/redact")}, nil},
		{"internal upwards", map[string]string{"internal/x/a.go": imports("x", "graph")}, []string{"imports graph from above"}},
		{"a suite in production", map[string]string{"store/bunstore/a.go": imports("bunstore", "store/storetest")}, []string{"imports store/storetest: suites"}},
		{"a server of tests in a suite", map[string]string{"store/storetest/a.go": imports("storetest", "internal/pgtest")}, []string{"imports internal/pgtest from above"}},
		{"a server of tests in a test", map[string]string{"store/pgstore/a_test.go": imports("pgstore", "internal/pgtest")}, nil},
		{"the need of a test in production", map[string]string{"runs/a.go": imports("runs", "internal/testenv")}, []string{"imports internal/testenv: suites"}},
		{"the need of a test in a suite", map[string]string{"store/storetest/a.go": imports("storetest", "internal/testenv")}, nil},
		{"a suite in a suite", map[string]string{"store/storetest/a.go": imports("storetest", "graph/graphtest")}, nil},
		{"a command", map[string]string{"runs/a.go": imports("runs", "cmd/refserver/api")}, []string{"not for importing"}},
		{"a package without a place", map[string]string{"runs/extra/a.go": "package extra"}, []string{"runs/extra has no place"}},
	})
}

// embeds lists what a program may take from another one: the API of the reference server is for
// hosts to take over, which an example has to show.
var embeds = map[string]string{"examples/oidc": "cmd/refserver/api"}

// publicOnly checks that programs show what an embedder can do too.
func publicOnly(tr tree) (findings []string) {
	for _, s := range tr.sources {
		if !program(s.dir) {
			continue
		}
		for _, imp := range s.imports() {
			dir, ok := own(imp)
			switch {
			case !ok:
			case s.test && (dir == "internal/testenv" || dir == "internal/pgtest"): // what a suite needs to run; ships with nothing
			case internalDir(dir) && !sameProgram(s.dir, dir):
				findings = append(findings, fmt.Sprintf("%s imports %s: commands and examples use public packages only, as an embedder must", s.path, dir))
			case program(dir) && !sameProgram(s.dir, dir) && embeds[s.dir] != dir:
				findings = append(findings, fmt.Sprintf("%s imports %s: programs stand alone", s.path, dir))
			}
		}
	}
	return findings
}

func TestProgramsImportPublicPackagesOnly(t *testing.T) { holds(t, publicOnly) }

func TestProgramsImportPublicPackagesOnlyCatches(t *testing.T) {
	imports := func(dir string) string { return "package main\nimport _ \"" + module + "/" + dir + "\"\n" }
	catches(t, publicOnly, []breach{
		{"internal in a command", map[string]string{"cmd/refserver/main.go": imports("internal/redact")}, []string{"cmd/refserver/main.go imports internal/redact"}},
		{"internal in an example", map[string]string{"examples/quickstart/main.go": imports("internal/uuidv7")}, []string{"imports internal/uuidv7"}},
		{"internal in an example's test", map[string]string{"examples/quickstart/main_test.go": imports("internal/uuidv7")}, []string{"imports internal/uuidv7"}},
		{"internal below a public package", map[string]string{"cmd/refserver/main.go": imports("store/bunstore/internal/sql")}, []string{"imports store/bunstore/internal/sql"}},
		{"its own internal", map[string]string{"cmd/refserver/main.go": imports("cmd/refserver/internal/api")}, nil},
		{"its own internal, from below", map[string]string{"cmd/refserver/internal/api/a.go": imports("cmd/refserver/internal/auth")}, nil},
		{"another program", map[string]string{"examples/quickstart/main.go": imports("cmd/refserver/api")}, []string{"programs stand alone"}},
		{"what it may embed", map[string]string{"examples/oidc/main.go": imports("cmd/refserver/api")}, nil},
		{"more than it may embed", map[string]string{"examples/oidc/main.go": imports("cmd/refserver/product")}, []string{"programs stand alone"}},
		{"public", map[string]string{"cmd/refserver/main.go": imports("store/sqlitestore")}, nil},
		{"the need of a test", map[string]string{"cmd/refserver/a_test.go": imports("internal/testenv")}, nil},
		{"the server of a test", map[string]string{"cmd/refserver/a_test.go": imports("internal/pgtest")}, nil},
		{"the server of a test in a command", map[string]string{"cmd/refserver/main.go": imports("internal/pgtest")}, []string{"imports internal/pgtest"}},
	})
}
