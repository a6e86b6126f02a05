package product

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Fact is one line of a tenant's card on the home page: what somebody who looks after many
// tenants wants to know before opening one.
type Fact struct {
	Tone Tone
	Text string
	At   time.Time // when it was, shown as how long ago; zero for facts without a time
	Link string    // a path of this host where there is more, or empty
}

// Tone is how good or bad a fact is.
type Tone string

// The tones. An unknown one is shown as Quiet.
const (
	Good  Tone = "good"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
	Busy  Tone = "busy" // under way
	Quiet Tone = "quiet"
)

// Facts tells what stands in the card of a tenant, for somebody who has a role in it. When it
// fails the card says so and the other tenants are shown all the same.
type Facts func(ctx context.Context, tenant graph.TenantID, actor runs.Actor) ([]Fact, error)

// homeTenant is a card of the home page.
type homeTenant struct {
	Tenant
	May    string // what the role may do
	Link   string
	Facts  []homeFact
	Broken bool // the facts could not be read
}

// homeFact is a fact as a template shows it. A status is never told by colour alone.
type homeFact struct {
	Fact
	Icon string
	Ago  string
}

// Machine is the time for programs.
func (f homeFact) Machine() string { return f.At.UTC().Format(time.RFC3339) }

// Exact is the time for people. The product does not know their zones.
func (f homeFact) Exact() string { return f.At.UTC().Format("2006-01-02 15:04 UTC") }

var toneIcons = map[Tone]string{Good: "✓", Warn: "!", Bad: "✕", Busy: "↻", Quiet: "·"}

// facts fills in what is known of a tenant.
func (p *Product) facts(ctx context.Context, actor runs.Actor, row *homeTenant) {
	if p.cfg.Facts == nil {
		return
	}
	list, err := p.cfg.Facts(ctx, row.ID, actor)
	if err != nil {
		row.Broken = true
		p.cfg.Logger.ErrorContext(ctx, "the card of a tenant could not be filled", "tenant", row.ID, "error", err)
		return
	}
	for _, f := range list {
		if _, known := toneIcons[f.Tone]; !known {
			f.Tone = Quiet
		}
		shown := homeFact{Fact: f, Icon: toneIcons[f.Tone]}
		if !f.At.IsZero() {
			shown.Ago = ago(p.cfg.Clock.Now().Sub(f.At))
		}
		row.Facts = append(row.Facts, shown)
	}
}

// ago says how long something is past, as roughly as people do.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return plural(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour") + " ago"
	}
	return plural(int(d/(24*time.Hour)), "day") + " ago"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
