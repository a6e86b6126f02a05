package runs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

func TestErrorsOfTheHostAreRedactedInTheLog(t *testing.T) {
	const canary = "canary-4c1a"
	leak := errors.New("dial postgres://u:" + canary + "@db/x?password=" + canary)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	o := with(func(context.Context, *runs.Attempt) error { panic("client_secret=" + canary) })
	o.Runner.Logger, o.Runner.Retry.MaxUnknown = logger, 1
	o.Runner.AfterRun = func(context.Context, runs.Run) error { return leak }
	r := rig.New(t, o)
	starter, err := runs.NewStarter(runs.StarterConfig{
		Store: r.Store, Queue: r.Queue, Clock: r.Clock, Logger: logger,
		Authorizer: runs.RoleAuthorizer{RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil }},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Queue.Fail = leak
	if _, _, err := starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: kindTest, Key: "k"}); err != nil {
		t.Fatal(err)
	}
	r.Queue.Fail = nil
	r.Clock.Add(time.Hour)
	if _, err := r.Runner.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Drain()
	text := log.String()
	for _, want := range []string{"not queued", "panicked", "follows a run"} {
		if !strings.Contains(text, want) {
			t.Errorf("no line says %q, so this test shows nothing", want)
		}
	}
	if strings.Contains(text, canary) {
		t.Errorf("the log tells a secret:\n%s", text)
	}
}
