package usertest

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

var screenshots = flag.String("screenshots", "", "folder for pictures of all pages; none by default")

// workDir is where the binary's files are while it runs.
var workDir string

// chrome is the one browser of the binary.
var (
	chrome      context.Context
	startChrome sync.Mutex
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	var err error
	if workDir, err = os.MkdirTemp("", "usertest-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(workDir)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(filepath.Join(workDir, "profile")),
		chromedp.Flag("disable-features", "Translate,BackForwardCache"), // chromedp waits for ever for pages that come from it
	)...)
	defer stop()
	var end context.CancelFunc
	chrome, end = chromedp.NewContext(alloc)
	defer end()
	return m.Run()
}

// needBrowser ends the test where there is no Chromium.
func needBrowser(t testing.TB) {
	t.Helper()
	found := false
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if _, err := exec.LookPath(name); err == nil {
			found = true
		}
	}
	testenv.Need(t, "browser", found, "install chromium (Debian: apt-get install chromium)")
}

// look is how a tab shows pages.
type look struct {
	width int64
	dark  bool
}

var wide = look{width: 1400}

// tab is a tab with cookies of its own. When its test ends, it must have seen no error on the
// console, no violation of the content policy, and no request to another origin.
type tab struct {
	t    testing.TB
	base string
	ctx  context.Context

	mu       sync.Mutex
	trouble  []string
	expected []string                     // ends of what is no trouble
	asked    map[network.RequestID]string // paths of pages that are on their way
	opened   []string                     // paths of pages that were got, and that led elsewhere
}

// open opens a tab on a server.
func (s server) open(t testing.TB, l look) *tab {
	t.Helper()
	needBrowser(t)
	startChrome.Lock()
	err := chromedp.Do(chrome) // starts it, which several tests at once may not
	startChrome.Unlock()
	if err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	ctx, end := chromedp.NewContext(chrome, chromedp.WithNewBrowserContext())
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	b := &tab{t: t, base: s.base, ctx: ctx, asked: map[network.RequestID]string{}}
	t.Cleanup(func() {
		cancel()
		end()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, x := range b.trouble {
			t.Error(x)
		}
	})
	// With the tab's own context, with which it ends.
	if err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
		return err
	})); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		t.Fatal(err)
	}
	b.look(l)
	return b
}

// look changes how pages are shown. The scheme is set before navigating: a page that changes it
// later has transitions under way, in which colours are no colours of either scheme.
func (b *tab) look(l look) {
	b.t.Helper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	b.do(chromedp.EmulateViewport(l.width, 900), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// heard notes what must not happen.
func (b *tab) heard(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.base+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "about:") {
			b.note("a request leaves the server: %s", u)
		}
		if e.Type == network.ResourceTypeDocument {
			b.went(e)
		}
	case *network.EventResponseReceived:
		if e.Response.Status == http.StatusOK {
			b.got(e.RequestID)
		}
		if e.Response.Status >= 500 {
			b.note("%s answers %d", e.Response.URL, e.Response.Status)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning || e.Entry.Source == log.EntrySourceSecurity {
			b.note("the console says: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.note("a script says on the console: %s", e.Type)
		}
	case *runtime.EventExceptionThrown:
		b.note("a script fails: %s", e.ExceptionDetails.Text)
	}
}

// went notes that a page is asked for, and which one led there.
func (b *tab) went(e *network.EventRequestWillBeSent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if from, ok := b.asked[e.RequestID]; ok && e.RedirectResponse != nil {
		b.opened = append(b.opened, from)
	}
	delete(b.asked, e.RequestID)
	if u, err := url.Parse(e.Request.URL); err == nil && e.Request.Method == http.MethodGet {
		b.asked[e.RequestID] = u.Path
	}
}

// got notes that a page was got.
func (b *tab) got(id network.RequestID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if path, ok := b.asked[id]; ok {
		b.opened = append(b.opened, path)
		delete(b.asked, id)
	}
}

func (b *tab) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	for _, part := range b.expected {
		if strings.HasSuffix(text, part) {
			return
		}
	}
	b.trouble = append(b.trouble, text)
}

// expectStatus lets the browser say on the console that an address answers with a status, as it
// does of those of errors.
func (b *tab) expectStatus(status int64, path string) {
	if status < http.StatusBadRequest {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, fmt.Sprintf("the server responded with a status of %d (%s) (%s%s)", status, http.StatusText(int(status)), b.base, path),
		fmt.Sprintf("%s%s answers %d", b.base, path, status))
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("the browser at %s: %v\n%s", b.path(), err, b.words("main"))
	}
}

// signIn signs in as a demo user on the sign-in page.
func (b *tab) signIn(user string) {
	b.t.Helper()
	b.visit("/signin")
	b.press(fmt.Sprintf(`button[name="user"][value=%q]`, user))
}

// visit goes to a page and returns its status.
func (b *tab) visit(path string) int64 {
	b.t.Helper()
	res, err := chromedp.Run(b.ctx, chromedp.NavigateResponse(b.base+path))
	if err != nil {
		b.t.Fatalf("%s: %v", path, err)
	}
	return res.Status
}

// press clicks on something that leads to another page, waits for that, and returns its status.
// A page that changes its own address meanwhile, as a search does, has not led anywhere: what was
// there is known by a mark that another page does not have.
func (b *tab) press(selector string) int64 {
	b.t.Helper()
	eval[bool](b, `window.pressed = true`)
	b.do(chromedp.Click(chromedp.CSS(selector)))
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	for {
		// What is asked of a page as it is left has no answer: the next one is asked.
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](`!window.pressed && document.readyState === "complete"`, chromedp.WithPollingInterval(20*time.Millisecond)))
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			b.t.Fatalf("pressing %s leads nowhere from %s: %v\n%s", selector, b.path(), err, b.words("main"))
		}
	}
	return eval[int64](b, `performance.getEntriesByType("navigation")[0].responseStatus`)
}

// path is where the tab is.
func (b *tab) path() string {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimPrefix(at, b.base)
}

// eval runs an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s at %s: %v", expression, b.path(), err)
	}
	return v
}

// words are the text of the first element of a selector, empty when there is none.
func (b *tab) words(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

// has tells whether the page has an element.
func (b *tab) has(selector string) bool {
	b.t.Helper()
	return eval[bool](b, fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
}

// until waits for an expression to be true, as a person waits for a page to go on by itself.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 60*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(100*time.Millisecond))); err != nil {
		b.t.Fatalf("waiting at %s for %s: %v\n%s", b.path(), expression, err, b.words("main"))
	}
}

// shoot keeps a picture of the whole page when -screenshots asks for pictures.
func (b *tab) shoot(name string) {
	b.t.Helper()
	if *screenshots != "" {
		b.keepPicture(filepath.Join(*screenshots, name+".jpg"))
	}
}

// keepPicture writes a picture of the whole page, a JPEG.
func (b *tab) keepPicture(path string) {
	b.t.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(80))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
