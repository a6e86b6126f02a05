// What makes the pages smoother. Without it everything works by links and forms.
"use strict";

// Polls wait while nobody looks, and what is not a success never replaces a part of a page.
document.addEventListener("htmx:before:request", (e) => {
  if (document.visibilityState === "hidden") e.preventDefault();
});
document.addEventListener("htmx:before:swap", (e) => {
  const response = e.detail?.ctx?.response;
  if (response && response.status >= 400) e.preventDefault();
});

// A search field asks as one types. Its change, which a click elsewhere causes, asks nothing more:
// the answer would replace what is being clicked on, and the click would be lost.
document.addEventListener("change", (e) => {
  if (e.target.type === "search") e.stopPropagation();
}, true);

// A poll that is led to the sign-in does not take away what somebody is filling in.
const changed = (form) => [...form.elements].some((field) => field.checked !== field.defaultChecked || ("defaultValue" in field && field.value !== field.defaultValue));
const filling = () => [...document.querySelectorAll('form[method="post"]')].some((form) => form.previousElementSibling?.matches(".errors") || changed(form));
document.addEventListener("htmx:after:request", (e) => {
  if (e.detail?.ctx?.response?.status === 401 && filling()) e.preventDefault();
});

// The viewer's zone is told to the server once, which then shows times in it.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { zone: shown, zonePath } = document.body.dataset;
  if (!zone || !zonePath || zone === shown || sessionStorage.getItem("tb_zone") === zone || localStorage.getItem("tb_zone_chosen")) return;
  sessionStorage.setItem("tb_zone", zone);
  fetch(zonePath, { method: "POST", body: new URLSearchParams({ zone }), redirect: "manual" }).then(() => location.reload(), () => {});
})();

// What was sent is not sent again by a second click. A download leaves the page as it is, so this is
// for some seconds only; a form that stays is sent again when it has its answer.
const sent = new WeakSet();
document.addEventListener("submit", (e) => {
  const form = e.target;
  if ((e.submitter?.formMethod || form.method) !== "post" || e.defaultPrevented) return;
  if (sent.has(form)) {
    e.preventDefault();
    return;
  }
  sent.add(form);
  if (!form.matches("form[data-stays]")) setTimeout(() => sent.delete(form), 4000);
});

// A zone that was chosen by hand stays, until the browser's is asked for again.
document.addEventListener("submit", (e) => {
  if (!e.target.matches("form[data-zone-form]")) return;
  sessionStorage.removeItem("tb_zone");
  if (e.submitter?.name === "browser") localStorage.removeItem("tb_zone_chosen");
  else localStorage.setItem("tb_zone_chosen", "yes");
});

// A notice is said once: a reload or a copied address does not repeat it.
(() => {
  const url = new URL(location.href);
  if (!url.searchParams.has("notice")) return;
  url.searchParams.delete("notice");
  history.replaceState(null, "", url);
})();

// An open menu closes with Escape or a click beside it.
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  for (const d of document.querySelectorAll("details.dropdown[open]")) {
    d.open = false;
    d.querySelector("summary")?.focus();
  }
});
document.addEventListener("click", (e) => {
  for (const d of document.querySelectorAll("details.dropdown[open]")) if (!d.contains(e.target)) d.open = false;
});

// What only works here is shown: CSS hides it from others.
document.documentElement.classList.add("js");

// One tick for all boxes of a name.
document.addEventListener("change", (e) => {
  const name = e.target.dataset?.check;
  if (!name) return;
  for (const box of document.querySelectorAll(`input[type="checkbox"][name="${name}"]`)) box.checked = e.target.checked;
});

// What a part of a page gets beside its HTML.
const dress = (root) => {
  // All or none of a group of policy types.
  for (const legend of root.querySelectorAll("fieldset.types legend")) {
    const group = legend.parentElement;
    const tools = document.createElement("span");
    tools.className = "types-tools";
    for (const [word, on] of [["all", true], ["none", false]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "link";
      button.textContent = word;
      button.setAttribute("aria-label", `${word}: ${legend.textContent.trim()}`);
      button.addEventListener("click", () => {
        for (const box of group.querySelectorAll('input[type="checkbox"]')) box.checked = on;
      });
      tools.append(button);
    }
    legend.append(tools);
  }
  // Next runs are shown as one types. Hidden, the button would still be what Enter presses.
  root.querySelector('button[name="show"]')?.remove();
};
dress(document);

// What a form was opened with comes back with what was typed when somebody goes Back: browsers put back
// what people typed, not what is hidden. A reload shows what is saved now, unless the browser keeps what
// was typed. htmx leaves states alone that say "htmx".
const keepOpened = () => {
  const field = document.querySelector('.schedule-form input[type="hidden"]');
  if (field) history.replaceState({ htmx: true, opened: field.value }, "");
};
const opened = document.querySelector('.schedule-form input[type="hidden"]');
const fresh = () => performance.getEntriesByType("navigation")[0]?.type === "reload" && !changed(opened.form);
if (opened && history.state?.opened && !fresh()) opened.value = history.state.opened;
keepOpened();

// What a browser has put back into a form is not what the server showed the next runs of.
window.addEventListener("pageshow", (e) => {
  const again = e.persisted || performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  if (again) document.getElementById("recurrence")?.dispatchEvent(new Event("change", { bubbles: true }));
});

// An answer that asks for the form again comes into the page that the form is on: what was typed stays,
// and Back leads out of the form, not to a page that the browser would have to send again.
const tell = (form, first, words, ...more) => {
  const box = document.createElement("div");
  box.className = "errors";
  box.tabIndex = -1;
  box.setAttribute("role", "alert");
  const p = document.createElement("p");
  const strong = document.createElement("strong");
  strong.textContent = first;
  p.append(strong, " ", words, ...more);
  box.append(p);
  if (form.previousElementSibling?.classList.contains("errors")) form.previousElementSibling.remove();
  form.before(box);
  box.focus();
  sent.delete(form); // it can be sent again at once
};
const state = (field) => ["checkbox", "radio"].includes(field.type) ? field.checked : field.value;
document.addEventListener("submit", async (e) => {
  const form = e.target;
  if (e.defaultPrevented || !form.matches("form[data-stays]") || e.submitter?.formMethod === "get") return;
  e.preventDefault();
  const before = new Map([...form.elements].map((field) => [field, state(field)]));
  let answer, page;
  try {
    answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    tell(form, "Nothing tells whether this was done.", "The server cannot be reached. Everything is as you filled it in: try again in a moment.");
    return;
  }
  if (answer.redirected || answer.status === 200) setTimeout(() => sent.delete(form), 4000); // for who comes back to this page
  if (answer.redirected) return location.assign(answer.url);
  if (answer.status === 200) return form.submit(); // a page of its own, which asks before anything is done
  const signIn = page.querySelector('main a[target="_blank"]');
  if (answer.status === 401 && signIn) {
    signIn.removeAttribute("role");
    tell(form, "Nothing was done.", "You are not signed in any more. Everything is as you filled it in. ", document.adoptNode(signIn), ", then send it again here.");
    return;
  }
  if (!page.querySelector("main")) { // of what stands before the server: a proxy that has waited too long, or asks for its own sign-in
    tell(form, "Nothing tells whether this was done.", `Something between here and the server has answered instead of it (${answer.status}). Everything is as you filled it in: try again in a moment.`);
    return;
  }
  const main = document.adoptNode(page.querySelector("main"));
  if (!main.querySelector("form[data-stays]")) { // an error page, on which everything would be gone
    const words = (selector) => main.querySelector(selector)?.textContent.trim() ?? "";
    tell(form, `${words("h1") || `This was refused (${answer.status})`}.`, `${words("h1 ~ p")} Everything is as you filled it in.`);
    return;
  }
  for (const field of main.querySelectorAll("form[data-stays] [name]")) {
    const first = form.elements[field.name]?.defaultValue;
    if (first === undefined || ["hidden", "checkbox", "radio"].includes(field.type)) continue;
    const value = field.value; // is what was typed, which browsers put back only where it is not the default
    field.defaultValue = first;
    field.value = value;
  }
  document.querySelector("main").replaceWith(main);
  document.title = page.title;
  dress(main);
  keepOpened();
  htmx.process(main);
  // What was typed while the answer was under way is not in it.
  for (const [field, was] of before) {
    if (state(field) === was || !field.name || field.type === "hidden") continue;
    const again = [...main.querySelector("form[data-stays]").elements].find((f) => f.name === field.name && f.type === field.type && (typeof was === "string" || f.value === field.value));
    if (!again) continue;
    again[typeof was === "string" ? "value" : "checked"] = state(field);
    again.dispatchEvent(new Event("change", { bubbles: true }));
  }
  (main.querySelector("[autofocus]") ?? main).focus();
});

// What was chosen for a bulk is not chosen any more when somebody goes back to the list.
window.addEventListener("pageshow", () => {
  for (const box of document.querySelectorAll('input[form="bulk"], input[data-check="ids"]')) box.checked = false;
});
