package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of the stream, as far as it matters here.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Output     string
}

// sums counts test results, subtests included. A package that failed outside its tests
// counts as one failed test.
type sums struct{ passed, failed, skipped int }

// ok tells whether the run may pass.
func (s sums) ok() bool { return s.failed == 0 && s.passed > 0 }

// String is the closing line.
func (s sums) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", s.passed, s.failed, s.skipped)
}

// key names a test; the test is empty for what a package says outside its tests.
type key struct{ pkg, test string }

// String is how a test is named in lists.
func (k key) String() string { return strings.TrimSpace(k.pkg + " " + k.test) }

// reporter follows one stream.
type reporter struct {
	out    io.Writer
	sums   sums
	output map[key]*strings.Builder // of the tests and packages that are under way
	broken map[string]bool          // packages with a failed test
	failed []string
	skips  []string
}

// report reads a stream to its end, writes the report and returns the sums.
func report(in io.Reader, out io.Writer) (sums, error) {
	w := bufio.NewWriter(out)
	r := &reporter{out: w, output: map[key]*strings.Builder{}, broken: map[string]bool{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			r.line(line)
		}
		if err := w.Flush(); err != nil { // at once: a run takes minutes and people watch
			return r.sums, fmt.Errorf("write the report: %w", err)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r.sums, fmt.Errorf("read the events: %w", err)
		}
	}
	r.finish()
	return r.sums, w.Flush()
}

// line handles one line. What is no event (a message of the go command) is passed on.
func (r *reporter) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		fmt.Fprintf(r.out, "%s\n", bytes.TrimRight(line, "\r\n"))
		return
	}
	k := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "start", "run":
		r.output[k] = &strings.Builder{}
	case "output":
		r.collect(k, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e.Package, e.Action == "fail")
		} else {
			r.endTest(k, e.Action)
		}
	}
}

// collect keeps a piece of output until it is known whether anyone needs it. The line
// with which a package ends is printed at once.
func (r *reporter) collect(k key, output string) {
	for _, frame := range []string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME "} {
		if strings.HasPrefix(output, frame) {
			return
		}
	}
	if k.test == "" {
		switch word, _, _ := strings.Cut(output, "\t"); word {
		case "PASS\n", "FAIL\n":
			return
		case "ok  ", "FAIL", "?   ":
			fmt.Fprint(r.out, output)
			return
		}
	}
	if r.output[k] == nil {
		r.output[k] = &strings.Builder{}
	}
	r.output[k].WriteString(output)
}

// take returns and forgets the output collected for k.
func (r *reporter) take(k key) string {
	b := r.output[k]
	delete(r.output, k)
	if b == nil {
		return ""
	}
	return b.String()
}

// endTest counts a test's result and prints what a failed one said.
func (r *reporter) endTest(k key, action string) {
	output := r.take(k)
	switch action {
	case "pass":
		r.sums.passed++
	case "skip":
		r.sums.skipped++
		r.skips = append(r.skips, k.String()+": "+reason(output))
	case "fail":
		r.fail(k, output)
		r.broken[k.pkg] = true
	}
}

// endPackage closes a package. Tests of it that never ended failed: the process died.
func (r *reporter) endPackage(pkg string, failed bool) {
	for _, k := range slices.SortedFunc(maps.Keys(r.output), func(a, b key) int { return strings.Compare(a.test, b.test) }) {
		if k.pkg == pkg && k.test != "" {
			r.fail(k, r.take(k)+"    did not come to its end\n")
			r.broken[pkg] = true
		}
	}
	output := r.take(key{pkg: pkg})
	switch {
	case failed && !r.broken[pkg]:
		r.fail(key{pkg: pkg}, output)
	case failed:
		fmt.Fprint(r.out, output)
	}
}

// fail counts and prints one failure.
func (r *reporter) fail(k key, output string) {
	r.sums.failed++
	r.failed = append(r.failed, k.String())
	fmt.Fprintf(r.out, "FAIL: %s\n%s", k, output)
}

// finish closes packages that the stream left open and prints the lists and the sums.
func (r *reporter) finish() {
	for _, k := range slices.SortedFunc(maps.Keys(r.output), func(a, b key) int { return strings.Compare(a.pkg, b.pkg) }) {
		if k.test == "" {
			r.endPackage(k.pkg, true)
		}
	}
	list := func(title string, items []string) {
		if len(items) > 0 {
			slices.Sort(items)
			fmt.Fprintf(r.out, "\n%s:\n\t%s\n", title, strings.Join(items, "\n\t"))
		}
	}
	list("skipped", r.skips)
	list("failed", r.failed)
	if r.sums.passed == 0 && r.sums.failed == 0 {
		fmt.Fprintln(r.out, "\nno test passed: nothing was checked")
	}
	fmt.Fprintf(r.out, "\n%s\n", r.sums)
}

// reason makes one line of what a skipped test said.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "--- SKIP: ") {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
