package runs_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
)

func TestTheRedactingHandlerLetsNoSecretThroughAndEverythingElse(t *testing.T) {
	const canary = "canary-8e3d"
	secret := "client_secret=" + canary
	var out bytes.Buffer
	log := slog.New(runs.RedactingHandler(slog.NewTextHandler(&out, nil)))
	log.With("with", secret).WithGroup("g").Error(secret, "text", secret, "error", errors.New(secret), "any", struct{ S string }{secret},
		slog.Group("inner", "deep", secret), "count", 42, "tenant", "contoso")
	if strings.Contains(out.String(), canary) {
		t.Errorf("the log tells a secret: %s", out.String())
	}
	for _, want := range []string{"g.count=42", "g.tenant=contoso", "g.inner.deep=", "with=", "level=ERROR"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing: %s", want, out.String())
		}
	}
}
