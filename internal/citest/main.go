// Command citest turns the event stream of "go test -json" into what a person wants to
// read: a line for each package, the full output of each failed test, each skipped test
// with its reason, and a closing line with the sums.
//
//	go test -json ./... | go run ./internal/citest
//
// It exits with 1 when anything failed: a test, a build, a package outside its tests
// (TestMain, a leak check), a package that never came to its end. It also fails when no
// test passed at all, because a run that checks nothing must not look like success.
//
// The events are those of https://pkg.go.dev/cmd/test2json, with the build events of
// "go help buildjson" among them.
package main

import (
	"fmt"
	"os"
)

func main() {
	sums, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "citest:", err)
		os.Exit(1)
	}
	if !sums.ok() {
		os.Exit(1)
	}
}
