package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPreflightTellsWhatIsMissing(t *testing.T) {
	f := fake(t, fakeOptions{granted: "DeviceManagementConfiguration.Read.All, Policy.Read.All"})
	at := []string{"-graph", "msgraph", "-graph-url", f.base}
	for _, tc := range []struct {
		name string
		args []string
		code int
		want string // a pattern of what is printed
	}{
		{"all types", nil, exitDamaged, `(?s)contoso: 2 permissions.*\nmobileApp +- +- +- +DeviceManagementApps.Read.All or .*\n\d+ of \d+ types: no backup\n$`},
		{"types that can be read", []string{"-types", "namedLocation,deviceConfiguration"}, exitOK, `(?m)^deviceConfiguration +yes +- +- *$`},
		{"their secrets", []string{"-types", "namedLocation,deviceConfiguration", "-need", "secrets"}, exitDamaged, `(?s)deviceConfiguration +yes +- +- +DeviceManagementConfiguration.ReadWrite.All\n.*1 of 2 types: no secrets`},
		{"to restore them", []string{"-types", "namedLocation", "-need", "restore"}, exitDamaged, `1 of 1 types: no restore`},
		{"what cannot be restored anyway", []string{"-types", "groupPolicyUploadedDefinitionFile", "-need", "restore"}, exitOK, `report only`},
		{"names only", []string{"-types", "groupReference"}, exitOK, `groupReference +- +- +lookup only +GroupMember.Read.All`},
		{"another tenant", []string{"-tenant", "fabrikam", "-types", "namedLocation"}, exitOK, `fabrikam: 2 permissions`},
	} {
		code, out, errOut := call(t, append(append([]string{"preflight"}, at...), tc.args...)...)
		if code != tc.code || !regexp.MustCompile(tc.want).MatchString(out) {
			t.Errorf("%s: exit code %d, want %d\n%s%s", tc.name, code, tc.code, out, errOut)
		}
	}
}

func TestPreflightThatCannotTell(t *testing.T) {
	f := fake(t, fakeOptions{})
	for _, args := range [][]string{
		{"-graph", "msgraph", "-graph-url", f.base, "-tenant", "contoso", "-types", "nope"},
		{"-graph", "msgraph", "-graph-url", "http://127.0.0.1:1"},
		{"-graph", "msgraph", "-graph-url", f.base, "-graph-tenants", "contoso=nobody"},
		{"-graph", "msgraph", "-graph-url", f.base, "-graph-tenants", "fabrikam=fabrikam"},
		{"-graph", "msgraph"}, // no directory
		{"-tenant", "nobody"},
		{"-need", "everything"},
		{"-graph", "azure"},
	} {
		code, _, errOut := call(t, append([]string{"preflight"}, args...)...)
		if code != exitNoCheck || !strings.Contains(errOut, "refserver preflight: ") {
			t.Errorf("%q: exit code %d, %q", args, code, errOut)
		}
	}
	if code, out, errOut := call(t, "preflight", "-need", "restore"); code != exitOK || !strings.Contains(out, "deviceConfiguration") {
		t.Errorf("the fake in memory: exit code %d\n%s%s", code, out, errOut)
	}
}

// firstWrite closes written once something is written to it.
type firstWrite struct {
	bytes.Buffer
	written chan struct{}
}

func (s *firstWrite) Write(b []byte) (int, error) {
	defer func() {
		if s.written != nil {
			close(s.written)
			s.written = nil
		}
	}()
	return s.Buffer.Write(b)
}

func TestTheFakeGraphServesUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	out := &firstWrite{written: make(chan struct{})}
	started, done := out.written, make(chan int, 1)
	var errOut bytes.Buffer
	go func() {
		done <- run(ctx, []string{"fakegraph", "-addr", "127.0.0.1:0", "-size", "3", "-fault", "server-error:status=500,path=/fabrikam/oauth2/v2.0/token,times=-1", "-latency", "1ms", "-limits"}, out, &errOut)
	}()
	<-started
	base := regexp.MustCompile(`http://[0-9.:]+`).FindString(out.String())
	if code, list, text := call(t, "preflight", "-graph", "msgraph", "-graph-url", base, "-types", "namedLocation"); code != exitOK {
		t.Errorf("exit code %d\n%s%s", code, list, text)
	}
	if code, _, text := call(t, "preflight", "-graph", "msgraph", "-graph-url", base, "-tenant", "fabrikam"); code != exitNoCheck || !strings.Contains(text, "500") {
		t.Errorf("with the fault: exit code %d\n%s", code, text)
	}
	stop()
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d\n%s", code, errOut.String())
	}
	for _, args := range [][]string{{"-addr", "127.0.0.1:999999"}, {"-size", "-1"}, {"-addr", "127.0.0.1:0", "-fault", "gone:type=policies"}} {
		if code, _, text := call(t, append([]string{"fakegraph"}, args...)...); code != exitFailed || text == "" {
			t.Errorf("%q: exit code %d, %q", args, code, text)
		}
	}
}
