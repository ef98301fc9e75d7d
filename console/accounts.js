// Accounts, and the users of one.

import { del, get, post, put } from "./client.js";
import { confirm, form } from "./dialogs.js";
import { fill, h, parted, segment } from "./dom.js";
import { nameHelp } from "./names.js";
import { alert, badge, button, empty, facts, go, heading, loaded, query, say, searched, section, short, table, when } from "./parts.js";
import { learn, mayDelete } from "./rights.js";
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
  const columns = [{ label: "Name", cell: (name) => h("a", { href: pathOf(name) }, name) }];
  fill(
    main,
    heading("Accounts", { lead: "The accounts whose users you may see." }),
    table("Accounts", columns, accountsWith("listUsers")),
  );
}

function columns(reload) {
  return [
    { label: "Name", cell: ({ name }) => h("a", { class: "name", href: pathOf(name) }, name) },
    { label: "State", cell: stateOf },
    { label: "E-mail", kind: "wide", cell: ({ email }) => (email ? parted(email) : h("span", { class: "muted" }, "–")) },
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
      { name: "name", label: "Name", required: true, maxlength: 128, autocomplete: "off", help: nameHelp() },
      { name: "email", label: "E-mail", type: "email", autocomplete: "off" },
    ],
    label: "Create account",
    act: async ({ name, email }) => {
      await post("/v2/accounts", { name, ...(email ? { email } : {}) });
      return () => { say(`${short(name)} is created`); then(); };
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
      return () => { say(`${short(account.name)} is disabled`); then(); };
    },
  );
}

function enable(account, then) {
  confirm("Enable account", h("span", {}, "The users of ", h("strong", {}, account.name), " can sign in again, with the keys they have."), "Enable account", async () => {
    await setState(account, "enabled");
    return () => { say(`${short(account.name)} is enabled`); then(); };
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
      return () => { say(`${short(account.name)} is being deleted`); then(); };
    },
  });
}

/** One account: what is known of it, and its users. */
export function account(main, name) {
  const place = h("div", {});
  const tools = h("div", { class: "actions" });
  let users = null;
  fill(main, heading(name, { back: { href: "/console/accounts", label: "Accounts" }, actions: [tools] }), place);
  const reload = () => loaded(place, async () => {
    const { found, refusal } = await seen(get(`/v2/accounts/${segment(name)}`));
    users ??= may("listUsers", name) ? usersOf(name) : null;
    fill(tools, may("createUser", name) ? button("Create user", () => createUser(name, users?.first), { kind: "primary" }) : null);
    return [
      refusal ?? facts(
        ["State", stateOf(found)],
        ["E-mail", found.email],
        ["Created", when(found.created_at)],
        ...(current().isAdmin ? [["Actions", actions(found, async () => ((await stillThere(name)) ? reload() : gone()))]] : []),
      ),
      users ? section("Users", {}, users.node) : alert("You may not see the users of this account."),
    ];
  });
  const gone = () => place.isConnected && go("/console/accounts");
  reload();
}

/** What is asked for; where it may not be seen, that, for what else of the page may be. */
export async function seen(asked) {
  try {
    return { found: await asked };
  } catch (error) {
    if (error.status !== 403) throw error;
    return { refusal: alert(error.message) };
  }
}

function usersOf(account) {
  const list = searched(
    "Search users",
    async (part) => {
      const rows = await get(`/v2/accounts/${segment(account)}/users${query(part)}`);
      if (may("deleteUser", account)) await learn(rows.flatMap((user) => user.unified_roles));
      return rows;
    },
    (rows, search) =>
      rows.length
        ? table(`Users of ${account}`, userColumns(account, () => list.reload()), rows)
        : empty("No user", search ? "No user name contains that." : "This account has no users yet."),
  );
  return list;
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
          deletable(account, user)
            ? button("Delete", () => deleteUser(account, user.username, reload), { small: true, kind: "quiet", describe: user.username })
            : null,
        ),
    },
  ];
}

/** Whether the caller may delete a user, as far as is known. */
export const deletable = (account, user) =>
  may("deleteUser", account) && !isMe(account, user.username) && user.username !== "admin" && mayDelete(account, user.unified_roles);

function rolesIn(user, account) {
  const names = [...new Set(user.unified_roles.filter((role) => role.domain_name === account).map((role) => role.role_name))];
  if (account === "admin") return "Administrator";
  return names.length ? names.join(", ") : h("span", { class: "muted" }, "None");
}

function createUser(account, then) {
  form("Create user", {
    lead: h("span", {}, "In the account ", h("strong", {}, account), "."),
    fields: [
      { name: "username", label: "User", required: true, maxlength: 128, autocomplete: "off", autocapitalize: "none", help: nameHelp("# ") },
      { name: "password", label: "Password", type: "password", required: true, maxlength: 128, autocomplete: "new-password", help: "6 to 128 characters, and not a common password." },
    ],
    label: "Create user",
    act: async ({ username, password }) => {
      await post(`/v2/accounts/${segment(account)}/users`, { username, password });
      return () => { say(`${short(username)} is created`); then?.(); };
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
      return (here) => { say(`${short(username)} is deleted`); then(here); };
    },
  );
}
