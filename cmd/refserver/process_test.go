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
	ended  chan error // how, then closed
}

// startProcess starts a server and waits until it is at work.
func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := launch(t, args...)
	p.serving(t)
	return p
}

// launch starts a server, on an empty database without a history and with a Graph that answers
// at once unless args say otherwise. What it prints is looked at when t ends.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], append([]string{"serve", "-demo=false", "-latency=0"}, args...)...), output: &output{started: make(chan struct{})}, ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), mainVariable+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // unless it has ended
		<-p.ended
		if strings.Contains(p.output.String(), password) {
			t.Errorf("a process prints the password: %s", p.output)
		}
		if t.Failed() {
			t.Logf("%q:\n%s", args, p.output)
		}
	})
	return p
}

// serving waits until a process says that it serves.
func (p *process) serving(t *testing.T) {
	t.Helper()
	select {
	case <-p.output.started:
	case err := <-p.ended:
		t.Fatalf("%q ended: %v\n%s", p.cmd.Args[1:], err, p.output)
	}
	p.base = regexp.MustCompile(`http://[0-9.:]+|$`).FindString(p.output.String())
}

// stop stops a process as a service manager does.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.ended; err != nil {
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
