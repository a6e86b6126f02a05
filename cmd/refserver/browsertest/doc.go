// Package browsertest tries the reference server as people do: in a browser, against the program
// itself in a process of its own. It has no code beside its tests, which need Chromium.
//
//	go test ./cmd/refserver/browsertest -screenshots /tmp/shots   # keep pictures of every page
package browsertest
