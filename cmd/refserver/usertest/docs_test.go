package usertest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
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
	text     string   // as it stands
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
			b := block{file: filepath.Base(file), text: m[1]}
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
	"time.md: go test ./backupsched -run 'Walk":               "takes hours; TestGoTestsOfTheDocumentsExist looks at its names",
	"time.md: go test ./backupsched -run '^$' -bench":         "measures; TestGoTestsOfTheDocumentsExist looks at its names",
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
	curl := []block{take(t, "README.md: T="), take(t, "README.md: run()"), take(t, "README.md: LOOK=")}
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
				launch(t, nil, onItsOwn(t, args...)...)
			}
		}
	})
	t.Run("by curl", func(t *testing.T) { server{base: launch(t, nil, onItsOwn(t)...)}.paste(t, curl) })
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
		data := t.TempDir()
		elsewhere := func(command, folder string) []string {
			return append(append([]string{"serve"}, program(t, strings.ReplaceAll(command, "http://127.0.0.1:9000", graph))...), "-addr", "127.0.0.1:0", "-data", filepath.Join(data, folder))
		}
		launch(t, env, append(elsewhere(azure.commands[2], "real"), "-graph-url", graph)...)
		for i, c := range []string{fake.commands[1], fake.commands[2]} {
			launch(t, nil, elsewhere(c, strconv.Itoa(i))...)
		}
	})
	t.Run("Postgres", func(t *testing.T) {
		url := pgtest.Server(t).Database(t)
		for _, c := range postgres.commands[1:4] {
			launch(t, []string{"DATABASE_URL=" + url}, append(append([]string{"serve"}, program(t, c)...), "-addr", "127.0.0.1:0")...)
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

// paste gives blocks of commands to one bash, as they stand but for the address, and expects that
// each answer is one and no problem. What they promise to bring back is brought back.
func (s server) paste(t *testing.T, blocks []block) {
	t.Helper()
	var text strings.Builder
	for _, b := range blocks {
		text.WriteString(strings.ReplaceAll(b.text, "http://127.0.0.1:8080", s.base))
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute) // a loop of theirs that never ends
	defer stop()
	cmd := exec.CommandContext(ctx, "bash", "-u")
	cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(text.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var created, changed, brought float64
	sound := false
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var answer map[string]any
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			t.Fatalf("%v:\n%s", err, line)
		}
		if _, problem := answer["title"]; problem || answer["status"] == "failed" || answer["status"] == "partial" {
			t.Errorf("an answer is\n%s", line)
		}
		switch summary, _ := answer["summary"].(map[string]any); {
		case answer["kind"] == "restore.execute":
			created, changed = summary["created"].(float64), summary["changed"].(float64)
		case answer["sound"] != nil:
			sound = answer["sound"] == true
		case created+changed > 0:
			items, _ := answer["items"].([]any)
			brought = float64(len(items))
		}
	}
	if created < 1 || changed < 1 || brought != created+changed || !sound {
		t.Errorf("%v policies were made and %v changed, %v are listed as brought back, and the audit log is sound: %v\n%s", created, changed, brought, sound, out)
	}
}

// Servers that somebody may start one beside the other have an address and a database of their own.
func TestTheServersOfTheREADMEDoNotCollide(t *testing.T) {
	address, folder := regexp.MustCompile(`-addr (\S+)`), regexp.MustCompile(`-data (\S+)`)
	usual := func(re *regexp.Regexp, command, value string) string {
		if m := re.FindStringSubmatch(command); m != nil {
			return m[1]
		}
		return value
	}
	addresses, folders := map[string]string{}, map[string]string{}
	for _, b := range shellBlocks(t) {
		for _, c := range b.commands {
			rest, ok := strings.CutPrefix(words(c), "go run ./cmd/refserver")
			if rest = strings.TrimSpace(rest); b.file != "README.md" || !ok || rest != "" && !strings.HasPrefix(rest, "-") || strings.Contains(rest, "-role dispatcher") || strings.Contains(rest, "-role worker") {
				continue // not one that listens
			}
			if at := usual(address, c, "127.0.0.1:8080"); addresses[at] != "" {
				t.Errorf("%q and %q listen on %s", addresses[at], c, at)
			} else {
				addresses[at] = c
			}
			if in := usual(folder, c, "data"); !strings.Contains(rest, "-role") && folders[in] != "" {
				t.Errorf("%q and %q have their database in %s", folders[in], c, in)
			} else if !strings.Contains(rest, "-role") { // those are on Postgres
				folders[in] = c
			}
		}
	}
	if len(addresses) < 5 || len(folders) < 4 {
		t.Errorf("the README starts %d servers, %d of them on SQLite: adapt this test", len(addresses), len(folders))
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
