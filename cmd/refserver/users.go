package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
)

// readUsers reads the file of -users; nil without one.
func readUsers(path string) (*product.Users, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("-users: %w", err)
	}
	defer f.Close()
	users, err := product.ReadUsers(f)
	if err != nil {
		return nil, fmt.Errorf("-users %s: %w", path, err)
	}
	return users, nil
}

func hashTokenCommand(_ context.Context, args []string, out, errOut io.Writer) int {
	fs := flag.NewFlagSet("hash-token", flag.ContinueOnError)
	explain(fs, "It reads a token from the standard input and prints its hash, for token_hash in a file of users, such as\n"+
		"  openssl rand -hex 24 >token; refserver hash-token <token", nil)
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	hash, err := hashToken(os.Stdin)
	if err != nil {
		return fail(errOut, "hash-token", err)
	}
	fmt.Fprintln(out, hash)
	return exitOK
}

// hashToken hashes the one line of in.
func hashToken(in io.Reader) (string, error) {
	r := bufio.NewReader(io.LimitReader(in, 64<<10))
	line, err := r.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		return "", errors.New("a token is one line")
	}
	return product.HashToken(strings.TrimRight(line, "\r\n"))
}
