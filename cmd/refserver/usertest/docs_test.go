package usertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

// root is the module's, seen from this package.
const root = "../../.."

// block is a block of commands of a document.
type block struct {
	file     string
	commands []string // whole ones, comments included
}

// name is how TestTheCommandsOfTheDocumentsWork knows a block.
func (b block) name() string { return b.file + ": " + b.commands[0] }

// shellBlocks finds all blocks of commands in the documents.
func shellBlocks(t *testing.T) (found []block) {
	t.Helper()
	files, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, root+"/README.md", root+"/CONTRIBUTING.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(raw), -1) {
			b := block{file: filepath.Base(file)}
			open := ""
			for line := range strings.Lines(m[1]) {
				open += line
				if strings.Count(open, "'")%2 == 0 && !strings.HasSuffix(line, "\\\n") {
					b.commands = append(b.commands, strings.TrimSpace(open))
					open = ""
				}
			}
			found = append(found, b)
		}
	}
	return found
}

// notRun are blocks that this test leaves out, with the reason.
var notRun = map[string]string{
	"README.md: go get github.com/tenantatlas/tenantbackup":   "fetches a published version",
	"README.md: go test ./...":                                "is what runs this test",
	"CONTRIBUTING.md: go test ./...   # needs nothing but Go": "is what runs this test",
}

// Every command that a document shows does what it says there.
func TestTheCommandsOfTheDocumentsWork(t *testing.T) {
	byName := map[string]block{}
	for _, b := range shellBlocks(t) {
		byName[b.name()] = b
	}
	take := func(t *testing.T, start string) block {
		t.Helper()
		for name, b := range byName {
			if strings.HasPrefix(name, start) {
				delete(byName, name)
				return b
			}
		}
		t.Fatalf("no document has a block that begins with %q", start)
		return block{}
	}
	for name := range notRun {
		take(t, name)
	}
	try := take(t, "README.md: go run ./cmd/refserver        # a pretend")
	first, onDemand := take(t, "README.md: T="), take(t, "README.md: api()")
	azure, fake := take(t, "README.md: export AZURE"), take(t, "README.md: go run ./cmd/refserver fakegraph")
	postgres := take(t, "README.md: export DATABASE_URL")
	for name := range byName {
		t.Errorf("nobody runs the block %q: run it here, or say in notRun why not", name)
	}

	t.Run("try it", func(t *testing.T) {
		for _, c := range try.commands {
			if args := program(t, c); len(args) > 0 && args[0] == "demo" {
				if out, err := exec.Command(must(build())(t), args...).CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", c, err, out)
				}
			} else {
				start(t, args...)
			}
		}
	})
	t.Run("by curl", func(t *testing.T) { start(t).follow(t, append(first.commands, onDemand.commands...)) })
	t.Run("Microsoft Graph", func(t *testing.T) {
		// Nobody can sign in to the real one here: the fake one of the next block stands in.
		if len(fake.commands) != 3 || len(azure.commands) != 3 {
			t.Fatal("the blocks have changed: adapt this test")
		}
		graph := launch(t, nil, append(program(t, fake.commands[0]), "-addr", "127.0.0.1:0")...)
		env := strings.Fields(strings.NewReplacer("...", "11111111-2222-3333-4444-555555555555").Replace(strings.TrimPrefix(words(azure.commands[0]), "export ")))
		preflight := exec.Command(must(build())(t), append(program(t, azure.commands[1]), "-graph-url", graph)...)
		preflight.Env = append(os.Environ(), env...)
		if out, err := preflight.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("conditionalAccessPolicy")) {
			t.Errorf("%s: %v\n%s", azure.commands[1], err, out)
		}
		data := filepath.Join(t.TempDir(), "real")
		launch(t, env, append(append([]string{"serve", "-addr", "127.0.0.1:0"}, program(t, strings.ReplaceAll(azure.commands[2], "data/real", data))...), "-graph-url", graph)...)
		for _, c := range []string{fake.commands[1], fake.commands[2]} {
			start(t, program(t, strings.ReplaceAll(c, "http://127.0.0.1:9000", graph))...)
		}
	})
	t.Run("Postgres", func(t *testing.T) {
		url := pgtest.Server(t).Database(t)
		for _, c := range postgres.commands[1:4] {
			launch(t, []string{"DATABASE_URL=" + url}, append([]string{"serve", "-addr", "127.0.0.1:0"}, program(t, c)...)...)
		}
		cmd := exec.Command("bash", "-c", words(postgres.commands[4]))
		cmd.Dir, cmd.Env = root, append(os.Environ(), "DATABASE_URL="+url)
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("success")) {
			t.Errorf("%s: %v\n%s", postgres.commands[4], err, out)
		}
	})
}

// words is a command without its comment.
func words(command string) string {
	return strings.TrimSpace(regexp.MustCompile(`(?m)\s+#.*$`).ReplaceAllString(command, ""))
}

// program are the arguments of a command that runs the reference server.
func program(t *testing.T, command string) []string {
	t.Helper()
	rest, ok := strings.CutPrefix(words(command), "go run ./cmd/refserver")
	if !ok {
		t.Fatalf("%q does not run the reference server", command)
	}
	return strings.Fields(rest)
}

var (
	namesKey = regexp.MustCompile(`# ([A-Z]+) is (?:its|the) ([a-z_]+)`)
	theirIDs = regexp.MustCompile(`# their ids`)
)

// follow runs commands one after the other in one folder, as a person does who puts what the
// answers have in place of the words in capitals.
func (s server) follow(t *testing.T, commands []string) {
	t.Helper()
	dir, prelude, values := t.TempDir(), "set -e -o pipefail\n", map[string]string{}
	var answer map[string]any
	for _, command := range commands {
		line := strings.ReplaceAll(command, "http://127.0.0.1:8080", s.base)
		if strings.HasPrefix(line, "T=") || strings.HasPrefix(line, "api()") {
			prelude += line + "\n"
			continue
		}
		names := namesKey.FindStringSubmatch(command)
		if names != nil && regexp.MustCompile(`\b`+names[1]+`\b`).MatchString(words(command)) {
			values[names[1]] = fmt.Sprint(answer[names[2]]) // of the command before
		}
		line = words(line)
		for name, value := range values {
			line = regexp.MustCompile(`\b`+name+`\b`).ReplaceAllString(line, value)
		}
		cmd := exec.Command("bash", "-c", prelude+line)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		answer = nil
		if err := json.Unmarshal(out, &answer); err != nil && len(out) > 0 {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		if _, problem := answer["code"]; problem && answer["status"] != nil && answer["title"] != nil {
			t.Fatalf("%s:\n%s", command, out)
		}
		if names != nil && values[names[1]] == "" {
			values[names[1]] = fmt.Sprint(answer[names[2]])
		}
		if theirIDs.MatchString(command) {
			values["ID"] = fmt.Sprint(answer["items"].([]any)[0].(map[string]any)["id"])
		}
		s.settled(t)
	}
}

// settled waits until no run of contoso is under way.
func (s server) settled(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		out, err := exec.Command("curl", "-s", "-H", "Authorization: Bearer demo-readonly-contoso", s.base+"/api/v1/tenants/contoso/runs/active").Output()
		if err != nil {
			t.Fatal(err)
		}
		var active struct{ Items []any }
		if err := json.Unmarshal(out, &active); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if len(active.Items) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("runs do not end:\n%s", out)
		}
		<-time.After(100 * time.Millisecond)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}
