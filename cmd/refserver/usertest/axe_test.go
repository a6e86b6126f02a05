package usertest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeSource is axe-core 4.14.1 (npm axe-core, axe.min.js), unchanged.
var axeSource = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile("testdata/axe.min.js")
	return string(b), err
})

// What judges the pages is what its makers published.
func TestAxeIsThatOfItsPackage(t *testing.T) {
	source, err := axeSource()
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("testdata/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x  axe.min.js\n", sha256.Sum256([]byte(source))); got != string(sums) {
		t.Errorf("axe.min.js is\n%swant\n%s", got, sums)
	}
}

// Rules of axe-core: all of WCAG 2.0 to 2.2, A and AA, and best practices; or those that a page
// can fail in one colour scheme only.
const (
	axeAll    = `{resultTypes: ["violations", "incomplete"]}`
	axeColors = `{resultTypes: ["violations", "incomplete"], runOnly: ["color-contrast", "link-in-text-block"]}`
)

// unfold opens what is folded, for axe looks at nothing that is not shown. Of the menus of a list
// only the first: they would cover each other, and axe says nothing of what is covered.
const unfold = `[...document.querySelectorAll("details:not([open])")].filter(d => !d.matches(".menu") || d === document.querySelector(".menu")).map(d => { d.open = true; d.dataset.unfolded = ""; }).length`

// invisible leaves, of what axe is not sure about, the words in the colour of what is behind them.
// It does not call them wrong, since somebody may hide words so.
const invisible = `v => ({...v, nodes: v.nodes.filter(n => n.any.some(c => c.data?.messageKey === "equalRatio"))})`

// accessible runs axe-core over the page, with everything that folds open, and folds it again.
func (b *tab) accessible(rules string) {
	b.t.Helper()
	eval[int64](b, unfold)
	defer eval[int64](b, `document.querySelectorAll("details[data-unfolded]").forEach(d => { d.open = false; delete d.dataset.unfolded; }), 0`)
	source, err := axeSource()
	if err != nil {
		b.t.Fatal(err)
	}
	// By the debugger, so that the page's content policy stays as strict as it is.
	if !eval[bool](b, `typeof axe === "object"`) {
		b.do(void(chromedp.Evaluate[chromedp.Void](source)))
	}
	found := evalAsync(b, `axe.run(document, `+rules+`).then(r => JSON.stringify([...r.violations, ...r.incomplete.map(`+invisible+`).filter(v => v.nodes.length)].map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 5).map(n => n.html.slice(0, 300) + " — " + (n.failureSummary ?? ""))}))))`)
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		b.t.Errorf("%s: axe %s: %s", b.path(), v.ID, v.Help)
		for _, n := range v.Nodes {
			b.t.Logf("    %s", n)
		}
	}
}

func void(a chromedp.Action[chromedp.Void]) chromedp.Action[chromedp.Void] { return a }

// evalAsync runs an expression that is a promise of a string.
func evalAsync(b *tab, expression string) string {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression, func(p *runtime.EvaluateParams) { wait := true; p.AwaitPromise = &wait }))
	if err != nil {
		b.t.Fatal(fmt.Errorf("%s: %w", b.path(), err))
	}
	return v
}
