package usertest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fence is a block of a document between fences.
type fence struct {
	language string // "", or what follows the fence
	text     string
	indented bool
}

// fences splits a document into its blocks and the lines around them.
func fences(text string) (blocks []fence, prose []string) {
	var open *fence
	for line := range strings.Lines(text) {
		language, fenced := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case open != nil && fenced:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.text += line
		case fenced:
			open = &fence{language: language, indented: !strings.HasPrefix(line, "```")}
		default:
			prose = append(prose, line)
		}
	}
	if open != nil {
		blocks = append(blocks, fence{language: "a fence that is never closed"})
	}
	return blocks, prose
}

// command begins a line that somebody could paste into a shell.
var command = regexp.MustCompile(`(?m)^\s*(\$ |(go|git|curl|docker|refserver|export|psql|sudo|npm|make|sqlite3|systemctl)\s)`)

// untried lists what of a document looks like commands, or code, that no test tries.
func untried(text string) (found []string) {
	blocks, prose := fences(text)
	for _, b := range blocks {
		switch {
		case b.language == "json", !b.indented && slices.Contains([]string{"sh", "go", "sql"}, b.language):
		case b.language == "" && !command.MatchString(b.text):
		default:
			found = append(found, fmt.Sprintf("a block of %q, which nobody runs: make it sh, at the beginning of the line", b.language))
		}
	}
	for _, line := range prose {
		if strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t") {
			found = append(found, fmt.Sprintf("an indented block, which nobody runs: %q; make it sh", strings.TrimSpace(line)))
		}
	}
	return found
}

// What a document shows for a shell stands where TestTheCommandsOfTheDocumentsWork finds it.
func TestAllCommandsOfTheDocumentsAreFoundByTheirTest(t *testing.T) {
	for name, text := range documents(t) {
		for _, x := range untried(text) {
			t.Errorf("%s: %s", name, x)
		}
	}
}

func TestCommandsThatNobodyWouldRunAreNoticed(t *testing.T) {
	for text, want := range map[string]int{
		"```sh\ncurl x\n```\n":                0,
		"```go\nf()\n```\n":                   0,
		"```\na --> b\n```\n":                 0,
		"- a list\n  that goes on\n":          0,
		"```bash\ncurl x\n```\n":              1,
		"```shell\ncurl x\n```\n":             1,
		"```console\n$ curl x\n```\n":         1,
		"```\n$ ls\n```\n":                    1,
		"```\ngo run ./cmd/refserver\n```\n":  1,
		"Run\n\n    go test ./...\n":          1,
		"Run\n\n\tgo test ./...\n":            1,
		"```sh\ncurl x\n":                     1,
		"- a\n\n  ```bash\n  curl x\n  ```\n": 1,
		"- a\n\n  ```sh\n  curl x\n  ```\n":   1,
	} {
		if got := untried(text); len(got) != want {
			t.Errorf("%q: %q, want %d", text, got, want)
		}
	}
}

// goAround makes a file of the Go block of a document: what the text leaves to the host, and a use
// of what the block leaves to the reader.
var goAround = map[string]struct{ imports, before, after string }{
	"embedding.md": {`"context"; "github.com/tenantatlas/tenantbackup/runs"`, "func f() runs.Observer {", "return observer }"},
	"restore.md": {
		`"context"; "github.com/tenantatlas/tenantbackup/graph"; "github.com/tenantatlas/tenantbackup/runs"; "github.com/tenantatlas/tenantbackup/runs/restore"`,
		"func f(ctx context.Context, starter *runs.Starter, service *restore.Service, target graph.TenantID, actor runs.Actor, set runs.ID, items []runs.ID) {",
		"_, _, _ = page, run, err }",
	},
}

// The Go blocks of the documents compile. That of the README is held by examples/quickstart.
func TestTheGoOfTheDocumentsCompiles(t *testing.T) {
	replace, dir := map[string]string{}, t.TempDir()
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	var packages []string
	for name, text := range documents(t) {
		blocks, _ := fences(text)
		for i, b := range slices.DeleteFunc(blocks, func(b fence) bool { return b.language != "go" }) {
			around, ok := goAround[name]
			switch {
			case name == "README.md":
				continue
			case !ok:
				t.Errorf("nobody compiles the Go of %s: tell in goAround what it leaves out", name)
				continue
			}
			// A package that is there for this build only.
			pkg, file := fmt.Sprintf("cmd/refserver/usertest/block%d%s", i, strings.TrimSuffix(name, ".md")), filepath.Join(dir, fmt.Sprint(name, i, ".go"))
			source := "package block\nimport (" + around.imports + ")\n" + around.before + "\n//line " + name + ":1\n" + b.text + "\n" + around.after + "\n"
			if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			replace[filepath.Join(top, pkg, "block.go")] = file
			packages = append(packages, "./"+pkg)
		}
	}
	if len(packages) != len(goAround) {
		t.Errorf("%d blocks are compiled, %d are known", len(packages), len(goAround))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", append([]string{"build", "-overlay", file}, packages...)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
