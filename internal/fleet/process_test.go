package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
)

// processVar holds the config of a process, as JSON: it makes the test binary one.
const processVar = "TENANTBACKUP_TEST_PROCESS"

// beProcess is a process until its standard input ends, as it does when its parent stops
// it or is gone.
func beProcess(text string) error {
	var c config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	n, err := newNode(ctx, c)
	if err != nil {
		return err
	}
	defer n.close()
	if c.Role == "dispatcher" {
		return n.dispatch(ctx)
	}
	g, err := newGraph(c.GraphTakes)
	if err != nil {
		return err
	}
	r, err := n.runner(n.queue, g)
	if err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return r.Run(ctx)
}

// dispatch does for each time that it is told what Dispatcher.Run does when it starts, and
// says what came of it.
func (n *node) dispatch(ctx context.Context) error {
	clock := &shown{skew: n.Skew}
	d, err := n.dispatcher(clock)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		at, err := strconv.ParseInt(in.Text(), 10, 64)
		if err != nil {
			return err
		}
		clock.show(time.UnixMicro(at))
		if _, err := d.Recompute(ctx); err != nil {
			return err
		}
		report, err := d.Tick(ctx)
		if err != nil {
			return err
		}
		if err := out.Encode(report); err != nil {
			return err
		}
	}
	return nil
}

// process is a process as its parent sees it.
type process struct {
	config config
	cmd    *exec.Cmd
	in     io.WriteCloser
	ended  chan error
	ticks  chan backupsched.Report // of a dispatcher
}

func (c config) start(t testing.TB) *process {
	t.Helper()
	text := must(json.Marshal(c))(t)
	p := &process{config: c, cmd: exec.Command(must(os.Executable())(t)), ended: make(chan error, 1), ticks: make(chan backupsched.Report, 1000)}
	p.cmd.Env = append(os.Environ(), processVar+"="+string(text))
	p.cmd.Stderr = os.Stderr
	p.in = must(p.cmd.StdinPipe())(t)
	out := must(p.cmd.StdoutPipe())(t)
	ok(t, p.cmd.Start())
	go func() {
		in := json.NewDecoder(out)
		for {
			var r backupsched.Report
			if in.Decode(&r) != nil {
				break
			}
			p.ticks <- r
		}
		close(p.ticks)
		p.ended <- p.cmd.Wait()
	}()
	return p
}

// tell tells a dispatcher the time.
func (p *process) tell(at time.Time) {
	// One that was killed hears nothing.
	_, _ = io.WriteString(p.in, strconv.FormatInt(at.UnixMicro(), 10)+"\n")
}

// kill ends a process as a crash of its machine does.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := <-p.ended
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return nil
	}
	return fmt.Errorf("%s ended by itself: %v", p.config.Name, err)
}

// stop lets a process end as a deployment does.
func (p *process) stop() error {
	p.in.Close()
	select {
	case err := <-p.ended:
		if err != nil {
			return fmt.Errorf("%s: %w", p.config.Name, err)
		}
		return nil
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s did not stop within 30 s", p.config.Name)
	}
}

// fleet is many processes, which may be killed and come back at once.
type fleet struct {
	t testing.TB

	mu    sync.Mutex
	list  []*process
	now   time.Time // of the dispatchers
	kills map[string]int
}

func startFleet(t testing.TB, configs ...config) *fleet {
	t.Helper()
	f := &fleet{t: t, kills: map[string]int{}}
	t.Cleanup(func() {
		for _, p := range f.list {
			_ = p.cmd.Process.Kill()
			<-p.ended
			p.ended <- nil
		}
	})
	for _, c := range configs {
		f.list = append(f.list, c.start(t))
	}
	return f
}

// tell tells all dispatchers the time, so that they tick at once.
func (f *fleet) tell(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = at
	for _, p := range f.list {
		if p.config.Role == "dispatcher" {
			p.tell(at)
		}
	}
}

// kill kills a process and starts it again.
func (f *fleet) kill(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.list[i]
	if err := p.kill(); err != nil {
		f.t.Error(err)
	}
	p.in.Close()
	f.kills[p.config.Role]++
	f.list[i] = p.config.start(f.t)
	if p.config.Role == "dispatcher" && !f.now.IsZero() {
		f.list[i].tell(f.now)
	}
}

// stop stops all processes in good order, together.
func (f *fleet) stop() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.list {
		p.in.Close()
	}
	for _, p := range f.list {
		err := p.stop()
		p.ended <- nil // for the cleanup
		if err != nil {
			f.t.Error(err)
		}
	}
}

// killed says how many processes of each role were killed.
func (f *fleet) killed() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var parts []string
	for _, role := range []string{"dispatcher", "worker"} {
		parts = append(parts, fmt.Sprintf("%d of a %s", f.kills[role], role))
	}
	return strings.Join(parts, ", ")
}
