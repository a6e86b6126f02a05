package usertest

import (
	"fmt"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// key presses a key.
func (b *tab) key(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// tabTo presses the tabulator until an element has the focus, as somebody without a mouse does.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	for range 150 {
		b.key(kb.Tab)
		if eval[bool](b, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
			return
		}
	}
	b.t.Fatalf("at %s the tabulator never reaches %s", b.path(), selector)
}

// enter presses Enter on what has the focus, which leads to another page.
func (b *tab) enter() {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, chromedp.KeyEvent(kb.Enter)); err != nil {
		b.t.Fatalf("Enter at %s: %v", b.path(), err)
	}
}

// follow goes with the tabulator to a link or a button, presses Enter, and is on another page.
func (b *tab) follow(selector string) {
	b.t.Helper()
	b.tabTo(selector)
	b.enter()
}
