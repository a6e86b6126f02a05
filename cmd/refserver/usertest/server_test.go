package usertest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// build makes the program, once.
var build = sync.OnceValues(func() (string, error) { return compile("refserver") })

func compile(name string, flags ...string) (string, error) {
	path := filepath.Join(workDir, name)
	out, err := exec.Command("go", append(append([]string{"build", "-buildvcs=false", "-o", path}, flags...), "..")...).CombinedOutput()
	if err != nil {
		return "", &buildError{string(out)}
	}
	return path, nil
}

type buildError struct{ output string }

func (e *buildError) Error() string { return "the program does not build:\n" + e.output }

// server is a reference server in a process of its own.
type server struct {
	base string // http://127.0.0.1:PORT
}

// start starts a server with a database of its own at the time -at, which ends with the test.
func start(t testing.TB, args ...string) server {
	t.Helper()
	return server{base: serve(t, must(buildAt())(t), nil, onItsOwn(t, args...)...)}
}

// onItsOwn are the arguments of a server with an address and a database of its own.
func onItsOwn(t testing.TB, args ...string) []string {
	return append([]string{"serve", "-addr", "127.0.0.1:0", "-data", filepath.Join(t.TempDir(), "data")}, args...)
}

// launch starts the program as everybody has it, with additional variables of the environment.
func launch(t testing.TB, env []string, args ...string) (base string) {
	t.Helper()
	return serve(t, must(build())(t), env, args...)
}

// serve starts a program, waits until it says where it listens, and returns that. It ends in
// peace with the test.
func serve(t testing.TB, path string, env []string, args ...string) (base string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	said := &output{ready: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-said.ready:
	case err := <-ended:
		t.Fatalf("%q ended: %v\n%s", args, err, said)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("%q does not stop in peace: %v", args, err)
		}
		if strings.Contains(said.String(), "level=ERROR") {
			t.Errorf("%q logs errors", args)
		}
		if t.Failed() {
			t.Logf("%q says:\n%s", args, said)
		}
	})
	return regexp.MustCompile(`http://127\.0\.0\.1:\d+|$`).FindString(said.String())
}

// readyWords are what the program says last before it answers.
var readyWords = regexp.MustCompile(`msg=serving|(?m)^A fake Microsoft Graph .*\n`)

// output keeps what the server prints.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	ready  chan struct{} // closed once it serves
	closed bool
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.buffer.Write(b)
	if !o.closed && readyWords.MatchString(o.buffer.String()) {
		o.closed = true
		close(o.ready)
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// client asks without a browser, signed in as a demo user: as a browser does without JavaScript.
type client struct {
	t    testing.TB
	base string
	http *http.Client
}

// client signs in; user is the id of a demo user, "manager-contoso".
func (s server) client(t testing.TB, user string) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, base: s.base, http: &http.Client{Jar: jar, Timeout: time.Minute}}
	if got := c.post("/signin", url.Values{"user": {user}}); got.status != http.StatusOK {
		t.Fatalf("%s cannot sign in: %d", user, got.status)
	}
	return c
}

// response is what a client got after all redirects.
type response struct {
	status int
	url    *url.URL
	body   string
}

func (c *client) get(path string) response { c.t.Helper(); return c.do(http.MethodGet, path, nil) }

func (c *client) post(path string, form url.Values) response {
	c.t.Helper()
	return c.do(http.MethodPost, path, form)
}

func (c *client) do(method, path string, form url.Values) response {
	c.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response{status: res.StatusCode, url: res.Request.URL, body: string(body)}
}
