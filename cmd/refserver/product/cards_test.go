package product_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// homeWith is the home page of the engineer, whose cards a function fills.
func homeWith(t *testing.T, mock *clock.Mock, facts product.Facts) page {
	t.Helper()
	b := open(t, made(t, product.Config{Facts: facts, Clock: mock, Backups: "/backups"}))
	b.post("/signin", as("engineer"))
	return b.get("/")
}

func TestACardTellsEachFactByWordsIconAgeAndLink(t *testing.T) {
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC))
	home := homeWith(t, mock, func(_ context.Context, tenant graph.TenantID, actor runs.Actor) ([]product.Fact, error) {
		if actor.ID != "engineer" || tenant != "fabrikam" {
			return nil, nil
		}
		return []product.Fact{
			{Tone: product.Bad, Text: "Failed: 2 schedules", At: mock.Now().Add(-5 * time.Hour), Link: "/backups/fabrikam/schedules?enabled=yes&status=failed"},
			{Tone: "loud", Text: "<b>bold</b>", At: mock.Now().Add(-30 * time.Second)},
			{Tone: product.Good, Text: "x", At: mock.Now().Add(-time.Minute)},
			{Tone: product.Good, Text: "y", At: mock.Now().Add(-80 * time.Hour)},
		}, nil
	})
	for _, want := range []string{
		`<li class="bad"><span class="product-icon" aria-hidden="true">✕</span> <span><a href="/backups/fabrikam/schedules?enabled=yes&amp;status=failed">Failed: 2 schedules</a>` +
			` <time datetime="2026-11-22T03:00:00Z" title="2026-11-22 03:00 UTC">5 hours ago</time>`,
		`<li class="quiet"><span class="product-icon" aria-hidden="true">·</span> <span>&lt;b&gt;bold&lt;/b&gt; <time`, ">just now<", ">1 minute ago<", ">3 days ago<",
	} {
		if !strings.Contains(home.text, want) {
			t.Errorf("the home page lacks %s", want)
		}
	}
	if contoso, _, _ := strings.Cut(home.text, "<h2>Fabrikam"); strings.Contains(contoso, "product-facts") {
		t.Error("the card of a tenant without facts has a list of them")
	}
}

func TestATenantWhoseStateCannotBeReadIsShownAndHidesNoOther(t *testing.T) {
	home := homeWith(t, clock.NewMock(), func(_ context.Context, tenant graph.TenantID, _ runs.Actor) ([]product.Fact, error) {
		if tenant == "contoso" {
			return nil, errors.New("secret cause")
		}
		return []product.Fact{{Tone: product.Good, Text: "All is well"}}, nil
	})
	if home.StatusCode != http.StatusOK || strings.Contains(home.text, "secret cause") {
		t.Fatalf("answers %d\n%s", home.StatusCode, home.text)
	}
	contoso, fabrikam, _ := strings.Cut(home.text, "<h2>Fabrikam")
	if !strings.Contains(contoso, "could not be read") || !strings.Contains(contoso, `href="/backups/contoso/schedules"`) || !strings.Contains(fabrikam, "All is well") || strings.Contains(fabrikam, "could not be read") {
		t.Errorf("the home page is\n%s", home.text)
	}
}

func TestOnlyTheCardsOfOnesOwnTenantsAreFilled(t *testing.T) {
	var asked []graph.TenantID
	facts := func(_ context.Context, tenant graph.TenantID, _ runs.Actor) ([]product.Fact, error) {
		asked = append(asked, tenant)
		return nil, nil
	}
	for user, want := range map[string][]graph.TenantID{
		"readonly-fabrikam": {"fabrikam"}, "stranger": nil, "engineer": {"contoso", "fabrikam"},
	} {
		asked = nil
		b := open(t, made(t, product.Config{Facts: facts}))
		b.post("/signin", as(user))
		b.get("/")
		if !slices.Equal(asked, want) {
			t.Errorf("for %s the cards of %v are filled, want %v", user, asked, want)
		}
	}
}

func TestTheEngineerOwnsEveryTenantAndStandsFirstInTheChoice(t *testing.T) {
	p := made(t, product.Config{})
	actor, ok := p.Principal(bearing("Bearer demo-engineer"))
	list, err := p.Tenants(t.Context(), actor)
	if !ok || err != nil || len(list) != 2 || list[0].Role != runs.RoleOwner || list[1].Role != runs.RoleOwner {
		t.Errorf("the engineer has %+v, %v", list, err)
	}
	form := open(t, p).get("/signin").text
	if n := strings.Count(form, `value="engineer"`); n != 1 || strings.Index(form, `value="engineer"`) > strings.Index(form, `value="owner-contoso"`) {
		t.Errorf("the engineer stands %d times in the choice, not first\n%s", n, form)
	}
	// Whoever plays the history of a tenant is its own owner, not the engineer.
	if who, _ := product.DemoUsers().Person("fabrikam", runs.RoleOwner); who.ID != "owner-fabrikam" {
		t.Errorf("the owner of fabrikam is %s", who.ID)
	}
}
