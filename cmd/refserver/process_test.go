package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// mainVariable makes the test binary behave as the command.
const mainVariable = "REFSERVER_TEST_MAIN"

// process is a reference server in a process of its own.
type process struct {
	server
	cmd    *exec.Cmd
	output *output
}

// startProcess starts a server and waits until it is at work.
func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], append([]string{"serve"}, args...)...), output: &output{started: make(chan struct{})}}
	p.cmd.Env = append(os.Environ(), mainVariable+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait(); close(ended) }()
	p.server.stop = func() error { return <-ended }
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // unless it has ended
		<-ended
		if strings.Contains(p.output.String(), password) {
			t.Errorf("a process prints the password: %s", p.output)
		}
		if t.Failed() {
			t.Logf("%q:\n%s", args, p.output)
		}
	})
	select {
	case <-p.output.started:
	case err := <-ended:
		t.Fatalf("%q ended: %v\n%s", args, err, p.output)
	}
	if found := regexp.MustCompile(`http://[0-9.:]+`).FindString(p.output.String()); found != "" {
		p.base = found
	}
	return p
}

// stop stops a process as a service manager does.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.server.stop(); err != nil {
		t.Errorf("%q does not stop in peace: %v", p.cmd.Args, err)
	}
}

// output keeps what a process prints.
type output struct {
	mu      sync.Mutex
	buffer  bytes.Buffer
	started chan struct{} // closed once the server says that it serves
	closed  bool
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.buffer.Write(b)
	if !o.closed && strings.Contains(o.buffer.String(), "msg=serving") {
		o.closed = true
		close(o.started)
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ask(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
		<-time.After(20 * time.Millisecond) // each question costs the processes under test something too
	}
}
