// The keys of one user: one's own, or another's for those who may. The same list serves both.

import { Refusal, allowed, del, get, patch, post } from "./client.js";
import { confirm, field, form, open, whileHere } from "./dialogs.js";
import { fill, freshId, h, segment } from "./dom.js";
import { badge, button, copy, description, empty, heading, query, say, searched, short, table, when } from "./parts.js";
import { current, may } from "./session.js";

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;
const PRESETS = [30, 60, 90, 365];
const OFF = "API keys of users who sign in with single sign-on are disabled in this deployment.";
const OVERLAPS = [
  ["0", "None: the old key stops at once"],
  ["15", "15 minutes"],
  ["60", "1 hour"],
  ["360", "6 hours"],
  ["1440", "24 hours"],
  ["10080", "7 days"],
];

const moment = (ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const day = (ms) => new Date(ms).toISOString().slice(0, 10);

/** Whether a user's keys are refused, and new ones too, by the deployment's configuration. */
export const keysAreOff = ({ type }) => type === "saml" && !allowed().keysOfSsoUsers;

/** My keys. */
export function myKeys(main) {
  const { user } = current();
  const off = keysAreOff(user);
  const list = keyList("/v2/user/api-keys", { account: user.account_name, username: user.username, off });
  fill(
    main,
    heading("My API keys", {
      lead: off ? null : "A key signs in to the API as you, from a script or a pipeline. It cannot make other keys.",
      actions: [list.create].filter(Boolean),
    }),
    list.node,
  );
}

/**
 * The list with its tools. `account` and `username` say who signs in by the keys, `whose` names them where it is another;
 * `off`, that the deployment refuses them; `can`, what the caller may do to the keys.
 */
export function keyList(base, { account, username, whose, off = false, can = { create: true, update: true, remove: true } }) {
  const creates = can.create && !off;
  const active = h("input", { type: "checkbox", id: freshId(), checked: true });
  // Whether there are keys that the list does not show.
  let others = false;

  const ask = async (parameters) => (await get(`${base}${query(parameters)}`)).items;
  const list = searched(
    "Search keys",
    async ({ search, page, limit }) => {
      const found = await ask({ search, page, limit, status: active.checked ? "active" : null });
      others = page === 1 && found.length === 0 && (search !== "" || active.checked) && (await ask({ limit: 1 })).length > 0;
      return found;
    },
    rows,
    { also: [h("label", { class: "toggle", for: active.id }, active, h("span", {}, "Show only active API keys"))] },
  );
  active.addEventListener("change", list.first);

  const path = (key) => `${base}/${segment(key.name)}`;
  const of = whose ? ` of ${whose}` : "";

  function rows(found) {
    if (found.length > 0) return [off ? h("p", { class: "notice notice-warn" }, OFF) : null, table(`API keys${of}`, columns, found)];
    if (others) {
      return empty("Nothing to show", active.checked ? "No active key matches. Expired and revoked keys are hidden." : "No key matches.");
    }
    if (off) return empty("No API keys", OFF);
    const first = creates ? button("Create API key", create, { kind: "primary" }) : null;
    return empty("No API keys yet", whose ? `${whose} has no key.` : "Create one to call the API from a script or a pipeline.", first);
  }

  const columns = [
    { label: "Name", cell: name },
    { label: "Status", cell: status },
    { label: "Created", cell: (key) => when(key.created_at) },
    { label: "Expires", cell: (key) => when(key.expires_at) },
    // It is known to the minute, which may have begun before the key was made.
    { label: "Last used", cell: (key) => when(key.last_used_at && (key.last_used_at > key.created_at ? key.last_used_at : key.created_at)) },
    { label: "Actions", kind: "row-actions", cell: actions },
  ];

  function actions(key) {
    const small = { small: true, describe: key.name };
    return h(
      "div",
      { class: "actions" },
      key.status === "active" && can.update && creates ? button("Rotate", () => rotate(key), small) : null,
      key.status === "active" && can.update ? button("Revoke", () => revoke(key), small) : null,
      // One that is in use is revoked first.
      key.status !== "active" && can.remove ? button("Delete", () => remove(key), { ...small, kind: "quiet" }) : null,
      may("listEvents", account) ? h("a", { class: "button button-plain button-small", href: history(key) }, "History", h("span", { class: "unseen" }, ` of ${key.name}`)) : null,
    );
  }

  const history = ({ name: id }) => `/console/audit${query({ account, resource_type: "api_key", resource_id: id, resource_user: username })}`;

  const done = (...said) => {
    say(said);
    return list.reload();
  };

  function revoke(key) {
    confirm(
      "Revoke API key",
      h("span", {}, "Whatever uses ", h("strong", {}, key.name), ` (kedge_${key.hint}…) is refused from now on. This cannot be undone.`),
      h("span", {}, "Revoke ", named(short(key.name))),
      async () => {
        await patch(path(key), { status: "revoked" });
        return () => done(named(short(key.name)), " is revoked");
      },
    );
  }

  function remove(key) {
    confirm(
      "Delete API key",
      h("span", {}, "The record of ", h("strong", {}, key.name), ` (kedge_${key.hint}…) is deleted, and its name is free again. This cannot be undone.`),
      h("span", {}, "Delete ", named(short(key.name))),
      async () => {
        await del(path(key));
        return () => done(named(short(key.name)), " is deleted");
      },
    );
  }

  function create() {
    const expiry = expiryFields();
    form("Create API key", {
      lead: whose ? `The key signs in as ${whose}.` : null,
      fields: [
        { name: "name", label: "Name", required: true, maxlength: 128, autocomplete: "off", help: "Unique among your keys. Name it after what uses it.".replace("your", whose ? "the user's" : "your") },
        { name: "description", label: "Description", rows: 2, maxlength: 1024 },
      ],
      body: [expiry.node, narrowing()],
      label: "Create key",
      check: (held) => checkName(held.name) ?? expiry.check(held),
      act: async (held) => {
        const { until, sent } = expiry.of(held);
        const made = await post(base, {
          name: held.name.trim(),
          ...(held.description.trim() ? { description: held.description.trim() } : {}),
          ...sent,
          ...narrowed(held),
        });
        return () => showValue(made, [named(short(made.name)), " is created"], [sooner(made, until)]);
      },
    });
  }

  function rotate(key) {
    const [stem] = numbered(key.name);
    // Should it not be known what is taken, the server says so.
    return whileHere(ask({ search: stem, limit: 1000 }).catch(() => []), (found) => rotateBeside(key, found));
  }

  function rotateBeside(key, found) {
    const expiry = expiryFields("The new key expires in");
    const [stem, number] = numbered(key.name);
    const taken = new Set(found.map(({ name: there }) => there));
    let next = number + 1;
    while (taken.has(`${stem}-${next}`)) next += 1;
    form("Rotate API key", {
      lead: h("span", {}, "Creates a new key like ", h("strong", {}, key.name), ", which keeps working during the overlap and then stops."),
      fields: [
        { name: "name", label: "Name of the new key", required: true, maxlength: 128, autocomplete: "off", value: `${stem}-${next}` },
        { name: "overlap", label: "Overlap", options: OVERLAPS, value: "1440", help: ["How long ", named(short(key.name)), " keeps working beside the new key."] },
      ],
      body: [expiry.node],
      label: "Rotate key",
      check: (held) => checkName(held.name) ?? expiry.check(held),
      act: async (held) => {
        const { until, sent } = expiry.of(held);
        const made = await post(base, {
          name: held.name.trim(),
          ...(key.description ? { description: key.description } : {}),
          ...sent,
          ...Object.fromEntries(["actions", "accounts", "cidrs"].filter((name) => key[name]).map((name) => [name, key[name]])),
        });
        // The new key is there whatever comes of the old one: its value must be shown.
        let left = null;
        try {
          await end(key, Number(held.overlap) * 60_000);
        } catch (error) {
          left = ["The old key ", named(key.name), ` was left as it is: ${error.message}`];
        }
        return () => showValue(made, [named(short(key.name)), " is rotated"], [left, sooner(made, until)]);
      },
    });
  }

  async function end(key, overlap) {
    if (overlap === 0) {
      await patch(path(key), { status: "revoked" });
    } else if (Date.now() + overlap < Date.parse(key.expires_at)) {
      await patch(path(key), { expires_at: moment(Date.now() + overlap) });
    }
  }

  // The list has the key at once, however its dialog is left.
  function showValue(made, said, warnings) {
    list.reload();
    revealed(made, username, () => say(said), warnings);
  }

  const revokeAll = () => whileHere(ask({ status: "active" }), revokeThese);

  function revokeThese(live) {
    if (live.length === 0) {
      say("There is no active key");
      return;
    }
    form("Revoke all API keys", {
      lead: h("span", {}, "Every active key of ", h("strong", {}, whose), ` (${live.length}) is refused from now on. This cannot be undone.`),
      fields: [{ name: "sure", label: `Type ${whose} to confirm`, required: true, autocomplete: "off" }],
      label: `Revoke ${live.length} keys`,
      kind: "danger",
      check: ({ sure }) => (sure === whose ? null : "That is not the name of the user."),
      act: async () => {
        // Read anew: keys may have been made meanwhile.
        const now = await ask({ status: "active" });
        let count = 0;
        try {
          for (; count < now.length; count += 1) await patch(path(now[count]), { status: "revoked" });
        } catch (error) {
          list.reload();
          throw new Refusal(error.status, `${count} of ${now.length} keys are revoked, the others are not. ${error.message}`);
        }
        return () => done(`${now.length} keys are revoked`);
      },
    });
  }

  return {
    node: h("div", { class: "keys" }, list.node),
    create: creates ? button("Create API key", create, { kind: "primary" }) : null,
    revokeAll: can.update ? button("Revoke all keys", revokeAll, { kind: "danger-plain" }) : null,
  };
}

// A name within a sentence: its direction is its own.
const named = (name) => h("bdi", {}, name);

function name(key) {
  const narrow = [
    key.actions && (key.actions.length > 3 ? `${key.actions.length} actions` : key.actions.join(", ")),
    key.accounts && `accounts ${key.accounts.join(", ")}`,
    key.cidrs && `from ${key.cidrs.join(", ")}`,
  ].filter(Boolean);
  return [
    h("span", { class: "name" }, key.name),
    " ",
    h("code", { class: "hint" }, `kedge_${key.hint}…`),
    key.description ? description(key.description) : null,
    narrow.length ? description(`Only ${narrow.join("; ")}`) : null,
  ];
}

function status(key) {
  if (key.status === "revoked") return badge("off", "Revoked");
  if (key.status === "expired") return badge("bad", "Expired");
  const left = Date.parse(key.expires_at) - Date.now();
  return [badge("good", "Active"), left < SOON_DAYS * DAY_MS ? badge("warn", "Expires soon") : null];
}

/** What is wrong with the name of a new key, if anything. */
function checkName(given) {
  const text = given.trim();
  if (text === "." || text === ".." || text.includes("/")) return "A name cannot be “.” or “..”, or contain “/”.";
  return null;
}

/** A name and its number: "ci-2" is the second "ci". */
function numbered(name) {
  const [, stem, number] = /^(.*?)(?:-(\d{1,6}))?$/.exec(name);
  return [stem, Number(number ?? 1)];
}

function expiryFields(legend = "Expires in") {
  const now = Date.now();
  const longestDays = allowed().keyDays;
  const presets = PRESETS.filter((days) => days <= longestDays);
  const date = field({
    name: "date",
    label: "Expiry date",
    type: "date",
    min: day(now + DAY_MS),
    max: day(now + longestDays * DAY_MS),
    unmarked: true,
    help: `At most ${longestDays} days from now. The key works until the end of that day, UTC.`,
  });
  date.hidden = true;
  const choice = (value, label, checked) => {
    const id = freshId();
    const input = h("input", { type: "radio", name: "expiry", id, value, checked });
    input.addEventListener("change", () => { date.hidden = value !== "date"; });
    return h("label", { class: "choice", for: id }, input, h("span", {}, label));
  };
  const first = presets.includes(90) ? 90 : presets[0];
  const node = h(
    "fieldset",
    { class: "field" },
    h("legend", {}, legend),
    h(
      "div",
      { class: "choices" },
      presets.map((days) => choice(String(days), `${days} days`, days === first)),
      presets.length ? null : choice("most", `${longestDays} days`, true),
      choice("date", "On a date", false),
    ),
    date,
  );
  return {
    node,
    check: ({ expiry, date: chosen }) => {
      if (expiry !== "date") return null;
      if (!chosen) return { text: "Choose the date.", input: date.querySelector("input") };
      if (chosen <= day(Date.now()) || Date.parse(chosen) > Date.now() + longestDays * DAY_MS) {
        return { text: `The date must be after today, and at most ${longestDays} days from now.`, input: date.querySelector("input") };
      }
      return null;
    },
    // Until when it is asked for, and how. The longest life is what the server gives when it is told none: asked for to
    // the second, it would be too late.
    of: ({ expiry, date: chosen }) => {
      const begin = Date.now();
      const longest = begin + longestDays * DAY_MS;
      const wanted = expiry === "most" ? longest : begin + Number(expiry) * DAY_MS;
      const until = Math.min(expiry === "date" ? Date.parse(`${chosen}T23:59:59Z`) : wanted, longest);
      return { until, sent: until === longest ? {} : { expires_at: moment(until) } };
    },
  };
}

function narrowing() {
  return h(
    "details",
    { class: "more" },
    h("summary", {}, "Limit what the key may do"),
    field({ name: "cidrs", label: "Networks", help: "Where it can be used from, such as 10.0.0.0/8. Separate several with commas.", autocomplete: "off" }),
    field({ name: "accounts", label: "Accounts", help: "The accounts it can be used in. Separate several with commas.", autocomplete: "off" }),
    field({ name: "actions", label: "Actions", help: "The actions it may perform, such as getAccount. Separate several with commas.", autocomplete: "off" }),
  );
}

function narrowed(held) {
  const list = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);
  return Object.fromEntries(
    ["cidrs", "accounts", "actions"].map((name) => [name, list(held[name] ?? "")]).filter(([, items]) => items.length),
  );
}

/** What to say where the longest life of keys was lowered since the page was loaded; clocks may differ by hours. */
function sooner(made, until) {
  if (Date.parse(made.expires_at) > until - DAY_MS / 2) return null;
  return `It expires on ${made.expires_at.slice(0, 10)}, sooner than you asked for: keys can no longer be valid for that long.`;
}

/** Shows the value of a new key, this once. */
function revealed(made, username, then, warnings) {
  open(
    [named(made.name), " is ready"],
    (done) => {
      const origin = window.location.origin;
      const line = (label, text) =>
        h(
          "div",
          { class: "snippet" },
          h("div", { class: "snippet-head" }, h("span", {}, label), button("Copy", () => copy(text), { small: true, describe: label })),
          h("pre", { tabindex: "0", "aria-label": label }, text),
        );
      return [
        warnings.filter(Boolean).map((warning) => h("div", { class: "notice notice-bad", role: "alert" }, h("p", {}, warning))),
        h(
          "div",
          { class: "notice notice-warn" },
          h("p", {}, h("strong", {}, "Copy the value now. "), "It is shown only this once and cannot be retrieved later."),
        ),
        line("Key value", made.value),
        line("curl", `curl -u '_api_key:${made.value}' ${origin}/v2/user`),
        line(
          "anchorectl",
          `export ANCHORECTL_URL='${origin}'\nexport ANCHORECTL_USERNAME='_api_key'\nexport ANCHORECTL_PASSWORD='${made.value}'`,
        ),
        h("p", { class: "muted" }, `It signs in as ${username} until ${made.expires_at.slice(0, 10)}.`),
        h("div", { class: "dialog-actions" }, button("I have stored it", () => { done(); then(); }, { kind: "primary" })),
      ];
    },
    { firm: true, wide: true },
  );
}

