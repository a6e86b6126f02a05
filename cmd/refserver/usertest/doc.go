// Package usertest tries the reference server as people do: in a browser, by plain forms, and by
// the commands of the documentation, always against the program itself in a process of its own. It
// has no code beside its tests; those in a browser need Chromium.
//
//	go test ./cmd/refserver/usertest -screenshots /tmp/shots   # keep pictures of every page
//	go test ./cmd/refserver/usertest -run README -update       # take the pictures of the README anew
package usertest
