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

// The viewer's zone is told to the server once, which then shows times in it.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { zone: shown, zonePath } = document.body.dataset;
  if (!zone || !zonePath || zone === shown || sessionStorage.getItem("tb_zone") === zone || localStorage.getItem("tb_zone_chosen")) return;
  sessionStorage.setItem("tb_zone", zone);
  fetch(zonePath, { method: "POST", body: new URLSearchParams({ zone }), redirect: "manual" }).then(() => location.reload(), () => {});
})();

// What was sent is not sent again by a second click. A download leaves the page as it is, so this is
// for some seconds only.
const sent = new WeakSet();
document.addEventListener("submit", (e) => {
  const form = e.target;
  if ((e.submitter?.formMethod || form.method) !== "post" || e.defaultPrevented) return;
  if (sent.has(form)) {
    e.preventDefault();
    return;
  }
  sent.add(form);
  setTimeout(() => sent.delete(form), 4000);
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

// All or none of a group of policy types.
for (const legend of document.querySelectorAll("fieldset.types legend")) {
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

// What was chosen for a bulk is not chosen any more when somebody goes back to the list.
window.addEventListener("pageshow", () => {
  for (const box of document.querySelectorAll('input[form="bulk"], input[data-check="ids"]')) box.checked = false;
});
