// Accounts, and the users of one.

import { del, get, post, put } from "./client.js";
import { confirm, form } from "./dialogs.js";
import { fill, h, segment } from "./dom.js";
import { alert, badge, button, empty, facts, heading, loaded, query, say, searched, section, table, when } from "./parts.js";
import { accountsWith, current, isMe, may } from "./session.js";

const pathOf = (name) => `/console/accounts/${segment(name)}`;

const stateOf = (account) =>
  ({ enabled: badge("good", "Enabled"), disabled: badge("off", "Disabled"), deleting: badge("bad", "Being deleted") })[account.state];

/** The accounts that the caller may look into. */
export function accounts(main) {
  const { isAdmin } = current();
  if (!isAdmin) {
    few(main);
    return;
  }
  const list = searched(
    "Search accounts",
    ({ search, page, limit }) => get(`/v2/accounts${query({ search, page, limit })}`),
    (rows, search) =>
      rows.length
        ? table("Accounts", columns(() => list.reload()), rows)
        : empty("No account", search ? "No account name contains that." : "There is none yet."),
  );
  fill(
    main,
    heading("Accounts", {
      lead: "An account holds users. While it is disabled, none of them can sign in. Only a disabled account can be deleted.",
      actions: [button("Create account", () => create(list.first), { kind: "primary" })],
    }),
    list.node,
  );
}

function few(main) {
  const names = accountsWith("listUsers");
  fill(main, heading("Accounts", { lead: "The accounts whose users you may see." }));
  const rows = names.map((name) => ({ name }));
  main.append(
    rows.length
      ? table("Accounts", [{ label: "Name", cell: ({ name }) => h("a", { href: pathOf(name) }, name) }], rows)
      : empty("No account", "You hold no role that lets you view one."),
  );
}

function columns(reload) {
  return [
    { label: "Name", cell: ({ name }) => h("a", { class: "name", href: pathOf(name) }, name) },
    { label: "State", cell: stateOf },
    { label: "E-mail", cell: ({ email }) => email ?? h("span", { class: "muted" }, "–") },
    { label: "Created", cell: ({ created_at: at }) => when(at) },
    { label: "Actions", kind: "row-actions", cell: (account) => actions(account, reload) },
  ];
}

function actions(account, reload) {
  if (account.type !== "user") return h("span", { class: "muted" }, "Built in");
  const small = { small: true, describe: account.name };
  return h(
    "div",
    { class: "actions" },
    account.state === "enabled" ? button("Disable", () => disable(account, reload), small) : null,
    account.state === "disabled" ? button("Enable", () => enable(account, reload), small) : null,
    account.state === "disabled" ? button("Delete", () => remove(account, reload), { ...small, kind: "quiet" }) : null,
  );
}

function create(then) {
  form("Create account", {
    fields: [
      { name: "name", label: "Name", required: true, maxlength: 128, autocomplete: "off", help: "3 to 128 letters, digits and signs. It cannot be changed." },
      { name: "email", label: "E-mail", type: "email", autocomplete: "off" },
    ],
    label: "Create account",
    act: async ({ name, email }) => {
      await post("/v2/accounts", { name, ...(email ? { email } : {}) });
      return () => { say(`${name} is created`); then(); };
    },
  });
}

const setState = (account, state) => put(`/v2/accounts/${segment(account.name)}/state`, { state });

function disable(account, then) {
  confirm(
    "Disable account",
    h("span", {}, "Every user of ", h("strong", {}, account.name), " is refused from now on, whatever their credential. The account can be enabled again."),
    "Disable account",
    async () => {
      await setState(account, "disabled");
      return () => { say(`${account.name} is disabled`); then(); };
    },
  );
}

function enable(account, then) {
  confirm("Enable account", h("span", {}, "The users of ", h("strong", {}, account.name), " can sign in again, with the keys they have."), "Enable account", async () => {
    await setState(account, "enabled");
    return () => { say(`${account.name} is enabled`); then(); };
  });
}

function remove(account, then) {
  form("Delete account", {
    lead: h("span", {}, "Deletes ", h("strong", {}, account.name), " with its users, their keys and their roles. This cannot be undone."),
    fields: [{ name: "sure", label: `Type ${account.name} to confirm`, required: true, autocomplete: "off" }],
    label: "Delete account",
    kind: "danger",
    check: ({ sure }) => (sure === account.name ? null : "That is not the name of the account."),
    act: async () => {
      await del(`/v2/accounts/${segment(account.name)}`);
      return () => { say(`${account.name} is being deleted`); then(); };
    },
  });
}

/** One account: what is known of it, and its users. */
export function account(main, name) {
  const top = h("div", {});
  const head = () => heading(name, { back: { href: "/console/accounts", label: "Accounts" }, actions: may("createUser", name) ? [button("Create user", () => createUser(name, () => users.first()), { kind: "primary" })] : [] });
  const place = h("div", {});
  const reload = () => loaded(top, async () => {
    const found = await get(`/v2/accounts/${segment(name)}`);
    return facts(
      ["State", stateOf(found)],
      ["E-mail", found.email],
      ["Created", when(found.created_at)],
      ...(current().isAdmin ? [["Actions", actions(found, async () => ((await stillThere(name)) ? reload() : gone()))]] : []),
    );
  });
  const gone = () => document.dispatchEvent(new CustomEvent("kedge:go", { detail: "/console/accounts" }));
  const users = may("listUsers", name)
    ? searched(
        "Search users",
        ({ search, page, limit }) => get(`/v2/accounts/${segment(name)}/users${query({ search, page, limit })}`),
        (rows, search) =>
          rows.length
            ? table(`Users of ${name}`, userColumns(name, () => users.reload()), rows)
            : empty("No user", search ? "No user name contains that." : "This account has no users yet."),
      )
    : null;
  fill(main, head(), top, place);
  if (users) fill(place, section("Users", {}, users.node));
  else fill(place, alert("You may not see the users of this account."));
  reload();
}

async function stillThere(name) {
  try {
    return (await get(`/v2/accounts/${segment(name)}`)).state !== "deleting";
  } catch {
    return false;
  }
}

function userColumns(account, reload) {
  const path = (user) => `${pathOf(account)}/users/${segment(user.username)}`;
  return [
    { label: "User", cell: (user) => h("a", { class: "name", href: path(user) }, user.username) },
    { label: "Signs in with", cell: (user) => (user.type === "saml" ? (user.idp_name ?? "Single sign-on") : "Password") },
    { label: "Roles here", cell: (user) => rolesIn(user, account) },
    { label: "Created", cell: (user) => when(user.created_at) },
    {
      label: "Actions",
      kind: "row-actions",
      cell: (user) =>
        h(
          "div",
          { class: "actions" },
          h("a", { class: "button button-plain button-small", href: path(user) }, "Tools", h("span", { class: "unseen" }, ` ${user.username}`)),
          may("deleteUser", account) && !isMe(account, user.username) && user.username !== "admin"
            ? button("Delete", () => deleteUser(account, user.username, reload), { small: true, kind: "quiet", describe: user.username })
            : null,
        ),
    },
  ];
}

function rolesIn(user, account) {
  const names = [...new Set(user.unified_roles.filter((role) => role.domain_name === account).map((role) => role.role_name))];
  if (account === "admin") return "Administrator";
  return names.length ? names.join(", ") : h("span", { class: "muted" }, "None");
}

function createUser(account, then) {
  form("Create user", {
    lead: h("span", {}, "In the account ", h("strong", {}, account), "."),
    fields: [
      { name: "username", label: "User", required: true, maxlength: 128, autocomplete: "off", autocapitalize: "none", help: "3 to 128 letters, digits and signs. It cannot be changed." },
      { name: "password", label: "Password", type: "password", required: true, maxlength: 128, autocomplete: "new-password", help: "6 to 128 characters, and not a common password." },
    ],
    label: "Create user",
    act: async ({ username, password }) => {
      await post(`/v2/accounts/${segment(account)}/users`, { username, password });
      return () => { say(`${username} is created`); then(); };
    },
  });
}

/** Deletes a user, having asked. */
export function deleteUser(account, username, then) {
  confirm(
    "Delete user",
    h("span", {}, "Deletes ", h("strong", {}, username), " with the user’s keys, roles and sessions. This cannot be undone."),
    "Delete user",
    async () => {
      await del(`/v2/accounts/${segment(account)}/users/${segment(username)}`);
      return () => { say(`${username} is deleted`); then(); };
    },
  );
}
