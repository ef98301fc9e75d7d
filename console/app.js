// The console: finds the page for a path, and what stands around it.

import { resume, signOut, whenEnded } from "./client.js";
import { fill, h } from "./dom.js";
import { alert, button, empty, heading, hush, titled } from "./parts.js";
import { accountsWith, clear, current, load, may } from "./session.js";
import { show as signInPage } from "./sign-in.js";

const root = document.getElementById("app");

// Each page: its path, its title, the module that fills the main part, which is loaded when it is gone to, and by what.
const PAGES = [
  [/^\/console\/(?:keys)?$/, "My API keys", () => import("./keys.js"), "myKeys"],
  [/^\/console\/profile$/, "My account", () => import("./password.js"), "profile"],
  [/^\/console\/accounts$/, "Accounts", () => import("./accounts.js"), "accounts"],
  [/^\/console\/accounts\/([^/]+)$/, "Account", () => import("./accounts.js"), "account"],
  [/^\/console\/accounts\/([^/]+)\/users\/([^/]+)$/, "User", () => import("./users.js"), "user"],
  [/^\/console\/roles$/, "Roles", () => import("./roles.js"), "roles"],
  [/^\/console\/roles\/([^/]+)$/, "Role", () => import("./roles.js"), "role"],
  [/^\/console\/groups$/, "Groups", () => import("./groups.js"), "groups"],
  [/^\/console\/groups\/([^/]+)$/, "Group", () => import("./groups.js"), "group"],
  [/^\/console\/single-sign-on$/, "Single sign-on", () => import("./single-sign-on.js"), "providers"],
  [/^\/console\/single-sign-on\/([^/]+)$/, "Identity provider", () => import("./single-sign-on.js"), "provider"],
  [/^\/console\/audit$/, "Audit", () => import("./audit.js"), "audit"],
];

// What the navigation offers, to whom.
const offered = () => [
  ["/console/", "My API keys", true],
  ["/console/accounts", "Accounts", current().isAdmin || accountsWith("listUsers").length > 0],
  ["/console/groups", "Groups", current().isAdmin],
  ["/console/roles", "Roles", may("listRoles", current().user.account_name) || accountsWith("listRoles").length > 0],
  ["/console/single-sign-on", "Single sign-on", current().isAdmin],
  ["/console/audit", "Audit", current().audit],
  ["/console/api", "API", true],
];

function path() {
  const { pathname } = window.location;
  return pathname === "/console" ? "/console/" : pathname;
}

// A fragment in the address would be one more page to come back to.
function skip(event) {
  event.preventDefault();
  main.focus();
}

function frame() {
  const { user: me } = current();
  const place = h("main", { id: "main" });
  const menu = h("div", { class: "menu", id: "menu" });
  const toggle = button("Menu", () => {
    const open = toggle.getAttribute("aria-expanded") !== "true";
    toggle.setAttribute("aria-expanded", String(open));
    menu.classList.toggle("menu-open", open);
  });
  toggle.classList.add("menu-toggle");
  toggle.setAttribute("aria-expanded", "false");
  toggle.setAttribute("aria-controls", "menu");
  const link = ([href, label, there]) =>
    there ? h("li", {}, h("a", { href, "data-nav": href }, label)) : null;
  fill(
    menu,
    h("nav", { "aria-label": "Pages of the console" }, h("ul", {}, offered().map(link))),
    h(
      "div",
      { class: "who" },
      h("a", { href: "/console/profile", "data-nav": "/console/profile" }, h("span", { class: "who-name" }, me.username), h("span", { class: "who-account" }, me.account_name)),
      button("Sign out", leave, { kind: "plain", small: true }),
    ),
  );
  fill(
    root,
    h("a", { class: "skip", href: "#main", on: { click: skip } }, "Skip to the content"),
    h(
      "div",
      { class: "layout" },
      h("header", { class: "side" }, h("div", { class: "side-top" }, h("a", { class: "brand", href: "/console/" }, h("span", { class: "logo", "aria-hidden": "true" }), "Kedge"), toggle), menu),
      place,
    ),
  );
  return place;
}

let main = null;
let scrolled;

function render({ focus = false, top = 0 } = {}) {
  const here = path();
  main ??= frame();
  document.getElementById("menu").classList.remove("menu-open");
  document.querySelector(".menu-toggle").setAttribute("aria-expanded", "false");
  for (const link of document.querySelectorAll("[data-nav]")) {
    const target = link.dataset.nav;
    const inside = here === target || (target !== "/console/" && here.startsWith(`${target}/`));
    if (inside) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const found = PAGES.map(([pattern, ...page]) => [pattern.exec(here), ...page]).find(([match]) => match);
  // A page of its own for each path: what a page still loads when it is left, it puts where nobody looks.
  const fresh = h("main", { id: "main", tabindex: "-1" });
  main.replaceWith(fresh);
  main = fresh;
  scrollBack(main, top);
  if (!found) {
    titled(main, "Not found");
    fill(main, heading("There is no such page"), empty("Nothing here", "There is no page of the console at this address.", h("a", { class: "button button-plain", href: "/console/" }, "To my API keys")));
    focusOn(main, focus);
    return;
  }
  const [match, title, module, page] = found;
  if (offered().some(([href, , there]) => href === here && !there)) {
    titled(main, title);
    fill(main, heading(title), alert("You hold no role that lets you see this page.", null, null));
    focusOn(main, focus);
    return;
  }
  const names = match.slice(1).map(decoded);
  titled(main, ...[...names].reverse(), title);
  const place = main;
  place.setAttribute("aria-busy", "true");
  module().then(
    (pages) => {
      place.removeAttribute("aria-busy");
      pages[page](place, ...names);
      focusOn(place, focus);
    },
    () => {
      place.removeAttribute("aria-busy");
      fill(
        place,
        heading(title, { actions: [button("Reload", () => window.location.reload(), { kind: "primary" })] }),
        alert("The page could not be loaded. The server may have been updated in the meantime: reload the page.", null, null),
      );
      focusOn(place, focus);
    },
  );
}

/** Watches a page that has to grow before one can go to where it was left. */
let growing = null;

function stopGrowing() {
  growing?.disconnect();
  growing = null;
}

/** Goes to where a page was left, once it is that high, unless its user goes elsewhere meanwhile. */
function scrollBack(place, top) {
  clearTimeout(scrolled);
  stopGrowing();
  window.scrollTo(0, top);
  if (top === 0) return;
  growing = new ResizeObserver(() => {
    window.scrollTo(0, top);
    if (window.scrollY >= top - 1) stopGrowing();
  });
  growing.observe(place);
}

/** Notes where the page stands; where it has yet to be shown, or to come back to its place, that place stays noted. */
function keepTop() {
  clearTimeout(scrolled);
  if (main !== null && growing === null) window.history.replaceState({ ...window.history.state, top: window.scrollY }, "");
}

function focusOn(place, wanted) {
  if (wanted) place.querySelector("h1")?.focus({ preventScroll: true });
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Goes to another page of the console. */
export function go(href) {
  keepTop();
  window.history.pushState(null, "", href);
  render({ focus: true });
}

async function leave() {
  try {
    await signOut();
    window.history.replaceState(null, "", "/console/");
  } catch (error) {
    fill(main, alert(`You are still signed in. ${error.message}`));
  }
}

async function enter() {
  await load();
  main = null;
  render({ top: window.history.state?.top });
}

function ended({ refused = null, notice } = {}) {
  // What a dialog shows is not for whoever comes next.
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
  hush();
  stopGrowing();
  const had = current() !== null;
  clear();
  main = null;
  signInPage(root, enter, { notice: notice ?? (had ? "Your session has ended. Sign in again to continue." : null), refused });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/console']");
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const href = link.getAttribute("href");
  if (href === "/console/api" || link.hasAttribute("download")) return;
  event.preventDefault();
  go(href);
});
document.addEventListener("kedge:go", (event) => go(event.detail));
window.addEventListener("popstate", () => {
  // What has to be stored is still to be seen; all else goes with the page that it was asked on.
  for (const dialog of document.querySelectorAll("dialog:not([data-firm])")) dialog.close();
  if (current()) render({ top: window.history.state?.top });
});
// Where a page was left is known before it has loaded: the browser would go there too early.
window.history.scrollRestoration = "manual";
window.addEventListener("scroll", () => {
  clearTimeout(scrolled);
  scrolled = setTimeout(keepTop, 150);
});
// By "pagehide" the entry is not written to any more.
window.addEventListener("beforeunload", keepTop);
for (const input of ["wheel", "pointerdown", "keydown"]) window.addEventListener(input, stopGrowing);
whenEnded((notice) => ended({ notice }));

async function start() {
  try {
    if (await resume()) await enter();
    else ended();
  } catch (error) {
    if (error.status === 401 || error.status === 403) {
      // Of a session whose account is disabled, the cookie stays: signing in replaces it.
      ended({ refused: error.status === 403 ? error.message : null });
      return;
    }
    fill(root, h("main", { class: "sign-in" }, h("h1", {}, "Kedge"), alert(error.message, start)));
  }
}
start();
