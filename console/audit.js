// What happened: the events that the API keeps, by account, user, key, kind and time.

import { get } from "./client.js";
import { field, values } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { badge, button, empty, heading, loaded, query, table, when } from "./parts.js";
import { accountsWith, current } from "./session.js";

const PAGE = 50;
const ABOUT = [
  ["", "Anything"],
  ["account", "An account"],
  ["user", "A user"],
  ["api_key", "An API key"],
  ["role_member", "Who holds a role"],
  ["user_group", "A group"],
  ["identity_provider", "An identity provider"],
];

/** The events, the newest first. */
export function audit(main) {
  const { isAdmin } = current();
  const place = h("div", {});
  let page = 1;
  const account = isAdmin
    ? field({ name: "account", label: "Account", autocomplete: "off", unmarked: true })
    : field({ name: "account", label: "Account", options: accountsWith("listEvents").map((name) => [name, name]) });
  const form = h(
    "form",
    { class: "filters", "aria-label": "Filter" },
    account,
    field({ name: "resource_type", label: "About", options: ABOUT }),
    field({ name: "resource_id", label: "Its name", autocomplete: "off", unmarked: true }),
    field({ name: "level", label: "Level", options: [["", "Any"], ["info", "Info"], ["error", "Error"]] }),
    field({ name: "since", label: "Since", type: "date", unmarked: true }),
    field({ name: "before", label: "Before", type: "date", unmarked: true }),
    h("div", { class: "filters-go" }, h("button", { type: "submit", class: "button button-primary" }, "Filter"), button("Clear", () => { form.reset(); page = 1; read(); })),
  );
  const read = () =>
    loaded(place, async () => {
      const { account: where, since, before, ...rest } = values(form);
      const day = (text) => (text ? `${text}T00:00:00Z` : "");
      const found = await get(`/v2/events${query({ ...rest, since: day(since), before: day(before), page, limit: PAGE })}`, { account: where || undefined });
      if (!found.results.length) return empty("No event", page > 1 ? "There are no more." : "Nothing of that kind happened.");
      return [
        table("Events", columns, found.results),
        h(
          "nav",
          { class: "pager", "aria-label": "Pages" },
          h("button", { type: "button", class: "button button-plain button-small", disabled: page === 1, on: { click: () => { page -= 1; read(); } } }, "Newer"),
          h("span", { "aria-live": "polite" }, `Page ${page}`),
          h("button", { type: "button", class: "button button-plain button-small", disabled: !found.next_page, on: { click: () => { page += 1; read(); } } }, "Older"),
        ),
      ];
    });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    page = 1;
    read();
  });
  fill(main, heading("Audit", { lead: "Who did what, and how it ended." }), form, place);
  read();
}

const columns = [
  { label: "What", cell: ({ event }) => [h("span", { class: "name" }, event.message), h("span", { class: "description" }, event.type)] },
  { label: "Level", cell: ({ event }) => badge(event.level.toLowerCase() === "error" ? "bad" : "good", event.level) },
  { label: "About", cell: ({ event }) => about(event.resource) },
  { label: "When", cell: ({ event, created_at: at }) => when(event.timestamp ?? at) },
  { label: "Details", cell: ({ event }) => details(event) },
];

function about({ type, id, account_name: account } = {}) {
  const what = [type?.replaceAll("_", " "), id].filter(Boolean).join(" ");
  return [what || h("span", { class: "muted" }, "–"), account ? h("span", { class: "description" }, `in ${account}`) : null];
}

function details(event) {
  const pairs = Object.entries({ ...event.details, request: event.source?.request_id }).filter(([, value]) => value !== undefined && value !== null);
  return h(
    "details",
    { class: "more" },
    h("summary", {}, "Show", h("span", { class: "unseen" }, ` the details of ${event.message}`)),
    h("dl", { class: "pairs" }, pairs.map(([key, value]) => h("div", {}, h("dt", {}, key.replaceAll("_", " ")), h("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))))),
  );
}
