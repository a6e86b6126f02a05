package usertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	serverCommands = regexp.MustCompile("`(?:go run ./cmd/refserver|refserver)((?: [^`]*)?)`")
	testCommands   = regexp.MustCompile("`(?:[A-Z_]+=\\S+ )*go test ([^`]*)`")
	testBlocks     = regexp.MustCompile(`(?m)^\s*go test ([^#\n]*)`)
	flags          = regexp.MustCompile(`(?:^| )-([a-z][a-z-]*)`)
)

// documents are the texts that people read.
func documents(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range append(files, root+"/README.md", root+"/CONTRIBUTING.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = string(raw)
	}
	return all
}

// A command of the reference server within a sentence exists, and so does each of its flags.
func TestCommandsWithinSentencesExist(t *testing.T) {
	path := must(build())(t)
	help := map[string]string{}
	for file, text := range documents(t) {
		for _, m := range serverCommands.FindAllStringSubmatch(text, -1) {
			command, rest := "serve", strings.TrimSpace(m[1])
			if name, after, _ := strings.Cut(rest, " "); name != "" && !strings.HasPrefix(name, "-") {
				command, rest = name, after
			}
			if help[command] == "" {
				out, err := exec.Command(path, command, "-h").CombinedOutput()
				if err != nil {
					t.Errorf("%s: %s: there is no command %s: %v", file, m[0], command, err)
					continue
				}
				help[command] = string(out)
			}
			for _, f := range flags.FindAllStringSubmatch(rest, -1) {
				if f[1] != "h" && !regexp.MustCompile(`(?m)^  -`+f[1]+`\b`).MatchString(help[command]) {
					t.Errorf("%s: %s: %s has no flag -%s", file, m[0], command, f[1])
				}
			}
		}
	}
}

// A go test within a sentence or a block names packages that exist, and benchmarks, tests and flags
// that stand in them.
func TestGoTestsOfTheDocumentsExist(t *testing.T) {
	for file, text := range documents(t) {
		for _, m := range append(testCommands.FindAllStringSubmatch(text, -1), testBlocks.FindAllStringSubmatch(text, -1)...) {
			sources := ""
			words := strings.Fields(m[1])
			for _, w := range words {
				if !strings.HasPrefix(w, "./") || w == "./..." {
					continue
				}
				tests, err := filepath.Glob(filepath.Join(root, w, "*_test.go"))
				if err != nil || len(tests) == 0 {
					t.Errorf("%s: %s: %s has no tests", file, m[0], w)
				}
				for _, path := range tests {
					raw, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					sources += string(raw)
				}
			}
			for i, w := range words {
				if (w != "-run" && w != "-bench") || i+1 == len(words) {
					continue
				}
				kind, name := "Test", strings.ReplaceAll(strings.Trim(words[i+1], "'^$"), `\|`, "|")
				if w == "-bench" {
					kind = "Benchmark"
				}
				if name == "" || name == "." {
					continue
				}
				name, _, _ = strings.Cut(name, "/")
				like, err := regexp.Compile(name)
				if err != nil {
					t.Errorf("%s: %s: %v", file, m[0], err)
					continue
				}
				if !slices.ContainsFunc(regexp.MustCompile(`(?m)^func (`+kind+`\w*)`).FindAllString(sources, -1), like.MatchString) {
					t.Errorf("%s: %s: no %s is called like %s", file, m[0], strings.ToLower(kind), name)
				}
			}
			for _, own := range []string{"campaign", "update", "update-zones", "screenshots"} {
				if strings.Contains(m[1]+" ", " -"+own+" ") && !strings.Contains(sources, `"`+own+`"`) {
					t.Errorf("%s: %s: the package has no flag -%s", file, m[0], own)
				}
			}
		}
	}
}
