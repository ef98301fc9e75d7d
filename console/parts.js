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
  return h("button", { type: "button", class: look, on: { click: onClick } }, label, hidden);
}

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

/** Fills `place` with what `read` answers; says that it is loading, and what went wrong. */
export async function loaded(place, read) {
  place.setAttribute("aria-busy", "true");
  const waiting = setTimeout(() => fill(place, h("p", { class: "loading", role: "status" }, "Loading…")), 150);
  try {
    const nodes = await read();
    clearTimeout(waiting);
    fill(place, nodes);
  } catch (error) {
    clearTimeout(waiting);
    if (error.status === undefined) console.error(error);
    // What is refused or not there will be again.
    const again = error.status === 403 || error.status === 404 ? null : () => loaded(place, read);
    fill(place, alert(error.message, again));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

const PAGE = 50;
/**
 * A list that is searched and paged by the server: `read({ search, page, limit })` answers one row more than the
 * page has where there is another page; `show(rows, search)` makes the nodes. `also` stands beside the search.
 */
export function searched(label, read, show, { also = [] } = {}) {
  const place = h("div", {});
  const input = h("input", { type: "search", id: freshId(), autocomplete: "off", class: "search-input" });
  let page = 1;
  let asked = 0;
  const reload = () => {
    const mine = ++asked;
    return loaded(place, async () => {
      const search = input.value.trim();
      let rows = await read({ search, page, limit: PAGE + 1 });
      // The last row of the last page is gone.
      while (rows.length === 0 && page > 1) rows = await read({ search, page: --page, limit: PAGE + 1 });
      if (mine !== asked) return [...place.childNodes];
      return [show(rows.slice(0, PAGE), search), pager(page, rows.length > PAGE, (to) => { page = to; reload(); })];
    });
  };
  let typed;
  input.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(() => { page = 1; reload(); }, 200);
  });
  const bar = h("div", { class: "toolbar" }, h("label", { class: "search", for: input.id }, h("span", {}, label), input), also);
  reload();
  return { node: h("div", {}, bar, place), reload, first: () => { page = 1; reload(); } };
}

function pager(page, more, go) {
  if (page === 1 && !more) return null;
  const step = (label, to, there) =>
    h("button", { type: "button", class: "button button-plain button-small", disabled: !there, on: { click: () => go(to) } }, label);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    step("Previous", page - 1, page > 1),
    h("span", { "aria-live": "polite" }, `Page ${page}`),
    step("Next", page + 1, more),
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
/** Says that something was done, to eyes and to screen readers. */
export function say(text) {
  // What is outside of an open dialog is neither seen nor read out.
  const place = document.querySelector("dialog[open]") ?? document.body;
  if (live.parentNode !== place) place.append(live);
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
  document.querySelector(".toast")?.remove();
  const toast = h("div", { class: "toast", "aria-hidden": "true" }, text);
  place.append(toast);
  clearTimeout(shown);
  shown = setTimeout(() => toast.remove(), 5000);
}

/** Copies a text, also where the browser has no clipboard for pages without TLS. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const holder = h("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    holder.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(holder);
    holder.select();
    document.execCommand("copy");
    holder.remove();
  }
  say("Copied");
}

