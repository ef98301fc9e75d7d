// What happened: the events that the API keeps, by account, user, key, kind and time. What is asked for stands in the
// address, so that it can be linked to.

import { get } from "./client.js";
import { field, values } from "./dialogs.js";
import { fill, h, parted } from "./dom.js";
import { HINT, alert, badge, button, empty, heading, hinted, loaded, pager, query, table, when } from "./parts.js";
import { accountsWith, current } from "./session.js";

const PAGE = 50;
const ABOUT = [
  ["", "Anything"],
  ["account", "An account"],
  ["user", "A user"],
  ["api_key", "An API key"],
  ["role_member", "Who holds a role"],
  ["credential", "A password"],
  ["session", "A sign-in"],
  ["user_group", "A group"],
  ["identity_provider", "An identity provider"],
];

/** The events, the newest first. */
export function audit(main) {
  const { isAdmin } = current();
  const place = h("div", {});
  const sent = new URLSearchParams(window.location.search);
  const page = () => Math.max(1, Number.parseInt(sent.get("page"), 10) || 1);
  const account = isAdmin
    ? field({ name: "account", label: "Account", autocomplete: "off", unmarked: true })
    : field({ name: "account", label: "Account", options: accountsWith("listEvents").map((name) => [name, name]) });
  const form = h(
    "form",
    { class: "filters", "aria-label": "Filter" },
    account,
    field({ name: "user", label: "By user", autocomplete: "off", autocapitalize: "none", unmarked: true }),
    field({ name: "key_hint", label: "By key", placeholder: "kedge_abcd…", autocomplete: "off", autocapitalize: "none", unmarked: true }),
    field({ name: "resource_type", label: "About", options: ABOUT }),
    field({ name: "resource_id", label: "Its name", autocomplete: "off", unmarked: true }),
    field({ name: "resource_user", label: "Key of user", autocomplete: "off", autocapitalize: "none", unmarked: true }),
    field({ name: "level", label: "Level", options: [["", "Any"], ["info", "Info"], ["error", "Error"]] }),
    field({ name: "since", label: "Since", type: "date", unmarked: true }),
    field({ name: "before", label: "Before", type: "date", unmarked: true }),
    h("div", { class: "filters-go" }, h("button", { type: "submit", class: "button button-primary" }, "Filter"), button("Clear", () => { form.reset(); return ask(); })),
  );
  for (const [name, value] of sent) {
    const input = form.elements.namedItem(name);
    if (input && (input.tagName !== "SELECT" || [...input.options].some((option) => option.value === value))) input.value = value;
  }
  const asked = () => {
    const held = Object.fromEntries(Object.entries(values(form)).map(([name, value]) => [name, hinted(value)]));
    held.key_hint = held.key_hint.replace(/^kedge_/, "").slice(0, HINT);
    form.elements.key_hint.value = held.key_hint;
    return held;
  };
  const read = () =>
    loaded(place, async () => {
      const { account: where, since, before, ...rest } = asked();
      const day = (text) => (text ? `${text}T00:00:00Z` : "");
      const found = await get(`/v2/events${query({ ...rest, since: day(since), before: day(before), page: page(), limit: PAGE })}`, { account: where || undefined });
      if (!found.results.length) return empty("No event", page() > 1 ? "There are no more." : "No event matches.");
      return [
        table("Events", columns, found.results),
        pager(page(), Boolean(found.next_page), place, ask, ["Newer", "Older"]),
      ];
    });
  const ask = (to = 1) => {
    sent.set("page", to);
    window.history.replaceState(window.history.state, "", `/console/audit${query({ ...asked(), page: to > 1 ? to : null })}`);
    return read();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  fill(main, heading("Audit", { lead: "Who did what, and how it ended." }), form, place);
  const wanted = sent.get("account");
  if (wanted && values(form).account !== wanted) fill(place, alert(`You may not see the events of the account ${wanted}.`, null, null));
  else read();
}

const columns = [
  { label: "What", cell: ({ event }) => [h("span", { class: "name" }, what(event)), h("span", { class: "description" }, parted(event.type))] },
  { label: "By", cell: ({ event }) => by(event.details) },
  { label: "About", cell: ({ event }) => about(event.resource, event.details?.resource_user) },
  { label: "When", cell: ({ event, created_at: at }) => when(event.timestamp ?? at) },
  { label: "Details", cell: ({ event }) => details(event) },
];

/** What was done, in words: "patch_api_key" and "sign_in_failed" are what the type ends with. */
function what({ type, details, level }) {
  const words = type.split(".").at(-1).replaceAll("_", " ").replace("api key", "API key");
  const many = details.count > 1 ? ` (${details.count} times)` : "";
  return [words[0].toUpperCase() + words.slice(1) + many, level === "error" ? [" ", badge("bad", "Refused")] : null];
}

function by({ user, user_account: account, signed_in_by: means, key_hint: hint, address }) {
  const how = { password: "by password", token: "by token", saml: "by single sign-on", refresh_token: "by refresh token", api_key: `by key kedge_${hint ?? ""}…` }[means] ?? means;
  const from = [account && `of ${account}`, how, address && `from ${address}`].filter(Boolean).join(", ");
  return [h("span", { class: "name" }, user ?? "–"), h("span", { class: "description" }, from)];
}

function about({ type, id, account_name: account } = {}, owner) {
  const what = [type?.replaceAll("_", " ").replace("api key", "API key"), id].filter(Boolean).join(" ");
  return [h("span", { class: what ? null : "muted" }, what || "–"), account ? h("span", { class: "description" }, `${owner ? `of ${owner} ` : ""}in ${account}`) : null];
}

const said = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function details(event) {
  const { method, path, operation, outcome, names, changes, why } = event.details;
  const pairs = Object.entries({
    request: [method, path].filter(Boolean).join(" ") || operation,
    outcome: outcome ?? why,
    names: names?.join(", "),
    changes: Object.entries(changes ?? {}).map(([name, value]) => `${name}: ${said(value)}`).join(", "),
    "request id": event.source?.request_id,
  }).filter(([, value]) => value);
  return h(
    "details",
    { class: "more" },
    h("summary", {}, "Show", h("span", { class: "unseen" }, ` the details of ${event.message}`)),
    h("dl", { class: "pairs" }, pairs.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, value)))),
  );
}
