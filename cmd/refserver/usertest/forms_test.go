package usertest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const save = `.schedule-form .actions button[type="submit"]`

// typed is what the form of a schedule has in the browser.
const typed = `[document.querySelector("#name").value, document.querySelector('[name="frequency"]:checked')?.value, [...document.querySelectorAll('[name="policy_types"]:checked')].map(e => e.value).join("+"),
	document.querySelector("#retention_keep_last").value, document.querySelector('.schedule-form [name="id"]').value].join(" ")`

// fill fills in a new schedule, without days, and returns what the form then has.
func (b *tab) fill(name string) string {
	b.t.Helper()
	b.visit(contoso + "/schedules/new")
	b.do(chromedp.SendKeys(chromedp.CSS("#name"), name), chromedp.Click(chromedp.CSS(`input[value="weekly"]`)),
		chromedp.Click(chromedp.CSS(`input[value="settingsCatalogPolicy"]`)), chromedp.SetValue(chromedp.CSS("#retention_keep_last"), "7"))
	return eval[string](b, typed)
}

// signOut ends the session behind the page's back.
func (b *tab) signOut() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
}

// signInBeside signs in as another tab of the browser does.
func (b *tab) signInBeside(user string) {
	b.t.Helper()
	eval[bool](b, `fetch("/signin", {method: "POST", body: new URLSearchParams({user: "`+user+`"})}).then(() => { window.signedIn = true }) && true`)
	b.until(`window.signedIn === true`)
}

// What somebody has filled in stays: when the form has faults, when the session has ended, and when he
// or she goes away and Back. A double click makes one schedule.
func TestWhatWasFilledInIsNotLost(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	s := start(t, "-demo=false")
	b := s.open(t, wide)
	b.signIn("owner-contoso")
	same := func(when, want string) {
		t.Helper()
		if got := eval[string](b, typed); got != want {
			t.Errorf("%s the form has %q, want %q", when, got, want)
		}
	}
	b.visit(contoso + "/schedules")
	was := b.fill("Typed")
	if at := b.path(); at != contoso+"/schedules/new" || !strings.HasPrefix(was, "Typed weekly settingsCatalogPolicy 7 0") {
		t.Fatalf("at %s the form has %q", at, was)
	}
	b.press(".crumbs a")
	b.back(contoso + "/schedules/new")
	same("after Back", was)

	// Faults are said in the page; Back leads out of it, and again to what was typed.
	b.pressRefused(http.StatusUnprocessableEntity, save)
	same("with a fault", was)
	if says := b.words(".errors"); !strings.Contains(says, "Days of the week") || !eval[bool](b, `document.activeElement.matches(".errors") && document.title.startsWith("Error: ")`) {
		t.Errorf("the form says %q, the title is %q", says, eval[string](b, `document.title`))
	}
	b.shoot("form-fault")

	// What is typed while the server thinks stays, and nothing is sent twice however long it takes.
	eval[bool](b, `(() => { const real = fetch, wait = setTimeout; window.posts = 0;
		window.setTimeout = (f, ms) => wait(f, ms === 4000 ? 0 : ms);
		window.fetch = async (url, init) => { if (init?.method !== "POST") return real(url, init); window.posts++; const got = await real(url, init); await new Promise(go => { window.go = go; }); window.fetch = real; window.setTimeout = wait; return got; };
		return true; })()`)
	b.do(chromedp.Click(chromedp.CSS(save)))
	b.until(`window.go !== undefined`)
	compliance := `input[name="policy_types"][value="deviceCompliancePolicy"]`
	b.do(chromedp.SetValue(chromedp.CSS("#name"), "Typed on"), chromedp.Click(chromedp.CSS(compliance)), chromedp.Click(chromedp.CSS(`input[value="daily"]`)), chromedp.Click(chromedp.CSS(save)))
	eval[bool](b, `(() => { document.querySelector("main").pressed = true; window.go(); return true; })()`)
	b.until(`document.querySelector("main").pressed === undefined`)
	if got := eval[string](b, typed); !strings.HasPrefix(got, "Typed on daily ") || !strings.Contains(got, "deviceCompliancePolicy") || eval[int](b, `window.posts`) != 1 {
		t.Errorf("what was typed while the form was sent %d times is %q", eval[int](b, `window.posts`), got)
	}
	b.do(chromedp.SetValue(chromedp.CSS("#name"), "Typed"), chromedp.Click(chromedp.CSS(compliance)), chromedp.Click(chromedp.CSS(`input[value="weekly"]`)))
	same("with that taken back", was)

	b.do(chromedp.Click(chromedp.CSS(`fieldset.types legend .types-tools button`))) // which an answer has, too
	b.do(chromedp.Click(chromedp.CSS(`fieldset.types legend .types-tools button:last-child`)), chromedp.Click(chromedp.CSS(`input[value="settingsCatalogPolicy"]`)))
	b.press(".crumbs a")
	b.back(contoso + "/schedules/new")
	same("after a fault and Back", was)

	// The session ends.
	b.do(chromedp.Click(chromedp.CSS(`input[name="days_of_week"][value="2"]`)))
	b.until(`document.querySelector("#preview").innerText.includes("Tue ")`) // or the question for that would come too late
	b.signOut()
	b.expectStatus(http.StatusUnauthorized, contoso+"/live")
	// What polls meanwhile leads nowhere.
	eval[bool](b, `document.addEventListener("htmx:finally:request", () => { window.polled = true }) === undefined && document.dispatchEvent(new Event("visibilitychange"))`)
	b.until(`window.polled === true`)
	same("after a poll", was)
	b.pressRefused(http.StatusUnauthorized, save)
	same("signed out", was)
	if says := b.words(".errors"); !strings.Contains(says, "Nothing was done. You are not signed in any more.") || !b.has(`.errors a[target="_blank"][href$="/schedules/new"]`) {
		t.Errorf("the form says %q", says)
	}
	b.shoot("form-signed-out")
	b.signInBeside("readonly-contoso")
	b.pressRefused(http.StatusForbidden, save)
	same("refused", was)
	if says := b.words(".errors"); !strings.HasPrefix(says, "Not allowed. Your role does not allow this.") || !strings.HasSuffix(says, "Everything is as you filled it in.") {
		t.Errorf("the form says %q", says)
	}
	b.signInBeside("owner-contoso")

	// What stands before the server answers, as it likes.
	for _, tt := range []struct{ answer, says string }{
		{"<h1>504 Gateway Time-out</h1>", "Nothing tells whether this was done. Something between here and the server has answered instead of it (504)."},
		{"", "Nothing tells whether this was done. Something between here and the server has answered instead of it (504)."},
		{"<main>Wait.</main>", "This was refused (504). Everything is"},
	} {
		eval[bool](b, fmt.Sprintf(`(() => { const real = fetch; window.fetch = async () => { window.fetch = real; return new Response(%q, {status: 504}); }; return true; })()`, tt.answer))
		b.pressStaying(save)
		same("answered by "+tt.answer, was)
		if says := b.words(".errors"); !strings.HasPrefix(says, tt.says) || !strings.Contains(says, "Everything is as you filled it in") {
			t.Errorf("answered by %q, the form says %q", tt.answer, says)
		}
	}

	eval[bool](b, `(() => { const save = document.querySelector('`+save+`'); save.addEventListener("click", () => queueMicrotask(() => save.click()), {once: true}); return true; })()`)
	if status := b.press(save); status != http.StatusOK || b.words("#notice") != "The schedule is saved." {
		t.Errorf("signed in again, saving leads to %s, %d", b.path(), status)
	}
	var made []string
	for _, x := range s.list(t, "contoso", "schedules") {
		if x.Name == "Typed" {
			made = append(made, x.ID)
		}
	}
	if len(made) != 1 {
		t.Fatalf("a double click made %q", made)
	}
	b.do(chromedp.NavigateBack())
	same("after saving and Back", was)

	// Somebody else saves meanwhile: what is typed stays, and saving again is a decision.
	edit := contoso + "/schedules/" + made[0] + "/edit"
	b.visit(edit)
	opened := eval[string](b, `document.querySelector('[name="if_updated_at"]').value`)
	c := s.client(t, "manager-contoso")
	theirs := url.Values{"if_updated_at": {opened}, "name": {"Theirs"}, "enabled": {"yes"}, "frequency": {"weekly"}, "days_of_week": {"2"}, "time_of_day": {"05:00"},
		"timezone": {"Europe/Berlin"}, "policy_types": {"settingsCatalogPolicy"}, "include_foundations": {"yes"}, "retention_keep_last": {"9"}}
	c.post(edit, theirs)
	b.do(chromedp.SetValue(chromedp.CSS("#name"), "Mine"))
	b.pressRefused(http.StatusConflict, save)
	if says := b.words(".errors"); !strings.Contains(says, "Time of day: now 05:00") || b.words("#retention_keep_last-now") != "Now 9" || eval[string](b, `document.querySelector("#name").value`) != "Mine" {
		t.Errorf("changed by somebody else, the form says %q", says)
	}
	b.shoot("form-conflict")
	if status := b.press(save); status != http.StatusOK || b.words("h1") != "Mine" {
		t.Errorf("saving again leads to %s, %d", b.path(), status)
	}

	// A reload shows what is saved now, and is no older than that.
	b.visit(edit)
	opened = eval[string](b, `document.querySelector('[name="if_updated_at"]').value`)
	theirs.Set("if_updated_at", opened)
	c.post(edit, theirs)
	b.reload()
	if name, now := eval[string](b, `document.querySelector("#name").value`), eval[string](b, `document.querySelector('[name="if_updated_at"]').value`); name != "Theirs" || now == opened {
		t.Errorf("after a reload the form has %q and was opened at %s, before at %s", name, now, opened)
	} else if status := b.press(save); status != http.StatusOK || b.words("h1") != "Theirs" {
		t.Errorf("after a reload, saving leads to %s, %d", b.path(), status)
	}

	// Without scripts, Back from the page that says so.
	b.scripts(false)
	b.visit(contoso + "/schedules/new")
	b.do(chromedp.SendKeys(chromedp.CSS("#name"), "No scripts"))
	b.signOut()
	b.expectStatus(http.StatusUnauthorized, contoso+"/schedules/new")
	if status := b.press(save); status != http.StatusUnauthorized || b.words("h1") != "Not signed in" {
		t.Errorf("without scripts a form that comes too late leads to %q, %d", b.words("h1"), status)
	}
	b.shoot("signed-out")
	b.scripts(true) // of the other tab
	b.signInBeside("owner-contoso")
	b.scripts(false)
	b.do(chromedp.NavigateBack())
	if got := eval[string](b, `document.querySelector("#name").value`); got != "No scripts" {
		t.Errorf("without scripts, Back shows %q", got)
	}
}

// scripts turns the scripts of pages on or off.
func (b *tab) scripts(on bool) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	}))
}
