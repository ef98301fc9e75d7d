// What pages are made of: headings, tables, badges, moments, states.

import { fill, freshId, h } from "./dom.js";

const UNITS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function fromNow(moment) {
  const seconds = (moment - Date.now()) / 1000;
  // Days up to a year: "in 90 days" says more than "in 3 months" where keys expire.
  for (const [unit, length] of UNITS) {
    const least = unit === "month" || unit === "year" ? 400 * 86_400 : length;
    // What is past is not rounded up: nothing was used before it was made.
    if (seconds <= -least) return relative.format(Math.ceil(seconds / length), unit);
    if (seconds >= least) return relative.format(Math.round(seconds / length), unit);
  }
  return seconds > 0 ? "in a moment" : "just now";
}

/** A moment: how far off, and below it when in UTC. */
export function when(text, never = "Never") {
  if (!text) return h("span", { class: "muted" }, never);
  const moment = new Date(text);
  return h(
    "time",
    { datetime: text, class: "when" },
    h("span", {}, fromNow(moment.getTime())),
    " ",
    h("span", { class: "when-utc" }, h("span", {}, text.slice(0, 10)), " ", h("span", {}, `${text.slice(11, 16)} UTC`)),
  );
}

/** A word with a colour and a sign, so that the colour is never the only one. */
export function badge(kind, text) {
  const sign = { good: "●", warn: "▲", bad: "■", off: "○" }[kind] ?? "";
  return h("span", { class: `badge badge-${kind}` }, h("span", { "aria-hidden": "true" }, sign), text);
}

export function button(label, onClick, { kind = "plain", small = false, describe } = {}) {
  const hidden = describe ? h("span", { class: "unseen" }, ` ${describe}`) : null;
  const look = `button button-${kind}${small ? " button-small" : ""}`;
  let busy = false;
  const click = async () => {
    // What it opens or asks for, a second click would once more.
    if (busy) return;
    busy = true;
    made.setAttribute("aria-disabled", "true");
    try {
      await onClick();
    } catch (error) {
      tell(error);
    } finally {
      busy = false;
      made.removeAttribute("aria-disabled");
    }
  };
  const made = h("button", { type: "button", class: look, on: { click } }, label, hidden);
  return made;
}

/** Goes to another page of the console. */
export const go = (href) => document.dispatchEvent(new CustomEvent("kedge:go", { detail: href }));

/** The head of a page: its only h1, and what can be done. */
export function heading(title, { lead, actions = [], back } = {}) {
  return h(
    "header",
    { class: "page-head" },
    back ? h("p", { class: "back" }, h("a", { href: back.href }, `← ${back.label}`)) : null,
    h(
      "div",
      { class: "page-title" },
      h("h1", { tabindex: "-1" }, title),
      actions.length ? h("div", { class: "actions" }, actions) : null,
    ),
    lead ? h("p", { class: "lead" }, lead) : null,
  );
}

/** Calls the tab by what a page shows, unless the page is left. */
export function titled(main, ...names) {
  if (main.isConnected) document.title = [...names, "Kedge"].join(" · ");
}

/** A section with a heading. */
export function section(title, { lead, actions = [] } = {}, ...children) {
  const id = freshId();
  return h(
    "section",
    { class: "card", "aria-labelledby": id },
    h(
      "div",
      { class: "card-head" },
      h("h2", { id }, title),
      actions.length ? h("div", { class: "actions" }, actions) : null,
    ),
    lead ? h("p", { class: "muted" }, lead) : null,
    children,
  );
}

/** What went wrong, in the words of whoever refused. */
export function alert(text, again, lead = "That did not work. ") {
  return h(
    "div",
    { class: "notice notice-bad", role: "alert" },
    h("p", {}, lead ? h("strong", {}, lead) : null, text),
    again ? button("Try again", again, { small: true }) : null,
  );
}

/** A description; of a long one, three lines until all of it is asked for. */
export function description(text) {
  if (text.length <= 120) return h("span", { class: "description" }, text);
  return h("details", { class: "description long" }, h("summary", {}, h("span", {}, text)));
}

/** So much of a name that a sentence can be read around it. */
export function short(name) {
  const characters = [...name];
  return characters.length > 28 ? `${characters.slice(0, 27).join("")}…` : name;
}

// How much of a key's id is shown of it.
export const HINT = 4;
/** Of the value of a key that somebody pastes, no more than its hint: the rest may not get into an address. */
export const hinted = (text) => text.trim().replace(/(kedge_.{4})(?=.*[0-9A-Za-z]{16}).*/s, "$1");

export function empty(title, text, action) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", {}, text), action ?? null);
}

/**
 * A table whose rows become cards where the page is narrow. A column is { label, cell(row), kind? }; the first one
 * names its row.
 */
export function table(caption, columns, rows) {
  const head = columns.map(({ label, kind }) =>
    h("th", { scope: "col", role: "columnheader", class: kind }, kind === "row-actions" ? h("span", { class: "unseen" }, label) : label),
  );
  const cell = ({ label, cell: content, kind }, row, first) =>
    h(
      first ? "th" : "td",
      first
        ? { scope: "row", role: "rowheader", class: kind }
        : { role: "cell", class: kind, "data-label": kind === "row-actions" ? null : label },
      h("div", {}, content(row)),
    );
  return h(
    "table",
    { class: "table", role: "table" },
    h("caption", { class: "unseen" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) => h("tr", { role: "row" }, columns.map((column, index) => cell(column, row, index === 0)))),
    ),
  );
}

/** What each place waits for. */
const latest = new WeakMap();

/**
 * Fills `place` with what `read` answers; says that it is loading, and what went wrong. Where it is asked for again
 * meanwhile, only the last answer counts.
 */
export async function loaded(place, read) {
  const mine = {};
  latest.set(place, mine);
  place.setAttribute("aria-busy", "true");
  const put = (nodes, height = "") => {
    if (latest.get(place) !== mine) return;
    place.style.minHeight = height;
    replace(place, nodes);
  };
  // As high as what it takes the place of: the page stays where it is scrolled to.
  const loading = () => put(h("p", { class: "loading", role: "status" }, "Loading…"), `${place.offsetHeight}px`);
  const waiting = setTimeout(loading, 150);
  try {
    put(await read());
  } catch (error) {
    if (error.status === undefined) console.error(error);
    // What is refused will be again.
    const again = error.status === 403 ? null : () => loaded(place, read);
    put(error.status === 404 ? h("div", { role: "alert" }, empty("Nothing here", error.message)) : alert(error.message, again));
  } finally {
    clearTimeout(waiting);
    if (latest.get(place) === mine) place.removeAttribute("aria-busy");
  }
}

/** Fills a place; the focus that was on something in it stays there, and does not go to the top of the page. */
function replace(place, nodes) {
  const focused = place.contains(document.activeElement);
  fill(place, nodes);
  if (!focused) return;
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

const PAGE = 50;
/**
 * A list that is searched and paged by the server: `read({ search, page, limit })` answers the rows of a page that has
 * so many, `show(rows, search)` makes the nodes. `also` stands beside the search. What is asked for is kept with the
 * page's entry in the history, and is there again after Back and after a reload.
 */
export function searched(label, read, show, { also = [] } = {}) {
  const place = h("div", {});
  const input = h("input", { type: "search", id: freshId(), autocomplete: "off", class: "search-input" });
  const bar = h("div", { class: "toolbar" }, h("label", { class: "search", for: input.id }, h("span", {}, label), input), also);
  const controls = [...bar.querySelectorAll("input, select")];
  const holds = ({ type }) => (type === "checkbox" ? "checked" : "value");
  const left = window.history.state?.[label];
  left?.held.forEach((value, index) => { controls[index][holds(controls[index])] = value; });
  let page = left?.page ?? 1;
  const keep = () => {
    if (!bar.isConnected) return;
    const held = controls.map((control) => (control.type === "checkbox" ? control.checked : hinted(control.value)));
    window.history.replaceState({ ...window.history.state, [label]: { page, held } }, "");
  };
  const reload = () => {
    keep();
    return loaded(place, async () => {
      const search = hinted(input.value);
      let rows = await read({ search, page, limit: PAGE });
      // The last row of the last page is gone.
      while (rows.length === 0 && page > 1) rows = await read({ search, page: --page, limit: PAGE });
      // The row after this page is a page of its own, where pages have one row.
      const more = rows.length === PAGE && (await read({ search, page: page * PAGE + 1, limit: 1 })).length > 0;
      return [show(rows, search), pager(page, more, bar, (to) => { page = to; return reload(); })];
    });
  };
  let typed;
  input.addEventListener("input", () => {
    page = 1;
    keep();
    clearTimeout(typed);
    typed = setTimeout(reload, 200);
  });
  reload();
  return { node: h("div", {}, bar, place), reload, first: () => { page = 1; reload(); } };
}

/** Goes from page to page, each from its start; nothing where there is but one. */
export function pager(page, more, start, go, [back, on] = ["Previous", "Next"]) {
  if (page === 1 && !more) return null;
  const step = (label, to, there) => {
    const made = button(label, async () => {
      await go(to);
      start.scrollIntoView();
    }, { small: true });
    made.disabled = !there;
    return made;
  };
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    step(back, page - 1, page > 1),
    h("span", { "aria-live": "polite" }, `Page ${page}`),
    step(on, page + 1, more),
  );
}

/** The query of a list that is searched and paged. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}` : "";
}

/** Pairs of a term and what it is. */
export function facts(...pairs) {
  return h("dl", { class: "facts" }, pairs.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value ?? "–"))));
}

const live = h("div", { class: "unseen", "aria-live": "polite", role: "status" });
let shown;
/** Says that something was done, to eyes and to screen readers: a text, or texts and nodes. */
export function say(said) {
  // What is outside of an open dialog is neither seen nor read out.
  const place = document.querySelector("dialog[open]") ?? document.body;
  if (live.parentNode !== place) place.append(live);
  hush();
  const toast = h("div", { class: "toast", "aria-hidden": "true" }, said);
  requestAnimationFrame(() => { if (toast.isConnected) live.textContent = toast.textContent; });
  place.append(toast);
  clearTimeout(shown);
  shown = setTimeout(() => toast.remove(), 5000);
}

/** Takes back what was said. */
export function hush() {
  live.textContent = "";
  document.querySelector(".toast")?.remove();
}

/** Says what went wrong, where no other place can. */
export function tell(error) {
  if (error.status === undefined) console.error(error);
  // That the session has ended, the sign-in says.
  if (error.status !== 401) say(error.message);
}

/** Copies a text, and says whether that came about. */
export async function copy(text) {
  say((await copied(text)) ? "Copied" : "The browser did not copy it. Select the text and copy it yourself.");
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedFromPage(text);
  }
}

/** Copies it where the browser has no clipboard for the page, as without TLS. */
function copiedFromPage(text) {
  const before = document.activeElement;
  const holder = h("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1", value: text });
  (document.querySelector("dialog[open]") ?? document.body).append(holder);
  holder.select();
  const done = document.execCommand("copy");
  holder.remove();
  before?.focus();
  return done;
}

