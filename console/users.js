// One user, for those who may: the keys ("Tools"), the roles, the password.

import { del, get, post } from "./client.js";
import { deleteUser } from "./accounts.js";
import { confirm, form } from "./dialogs.js";
import { fill, h, segment } from "./dom.js";
import { keyList, keysAreOff } from "./keys.js";
import { alert, badge, button, empty, facts, heading, loaded, query, say, section, table, when } from "./parts.js";
import { accountsWith, current, isMe, may, whereToAsk } from "./session.js";

const GRANTS = { direct: "Directly", group_membership: "Through a group", sso_group_membership: "Through a group of the identity provider" };

/** One user of an account. */
export function user(main, account, username) {
  const base = `/v2/accounts/${segment(account)}/users/${segment(username)}`;
  const about = h("div", {});
  const keys = h("div", {});
  const roles = h("div", {});
  const own = isMe(account, username);
  // Shown once it is known that the user signs in by one.
  const password = button("Set password", () => setPassword(base, username));
  password.hidden = true;
  const actions = [
    current().audit ? h("a", { class: "button button-plain", href: `/console/audit${query({ user: username })}` }, "Activity") : null,
    may("updateUser", account) && !own ? password : null,
    may("deleteUser", account) && !own && username !== "admin"
      ? button("Delete user", () => deleteUser(account, username, () => document.dispatchEvent(new CustomEvent("kedge:go", { detail: `/console/accounts/${segment(account)}` }))), { kind: "danger-plain" })
      : null,
  ].filter(Boolean);
  fill(
    main,
    heading(username, { back: { href: `/console/accounts/${segment(account)}`, label: account }, actions }),
    about,
    keys,
    section("Roles", { actions: grantable(account) ? [button("Grant role", () => grant(username, account, reload))] : [] }, roles),
  );
  let asked = null;
  // The parts of the page that ask at once ask once.
  const read = () => (asked ??= get(base).finally(() => { asked = null; }));
  const reload = () =>
    Promise.all([
      loaded(about, async () => {
        const found = await read();
        password.hidden = found.type !== "native";
        return facts(
          ["Account", h("a", { href: `/console/accounts/${segment(account)}` }, account)],
          ["Signs in with", found.type === "saml" ? `Single sign-on (${found.idp_name ?? "–"})` : "Password"],
          ["Created", when(found.created_at)],
          ["Password changed", when(found.password_last_updated)],
        );
      }),
      loaded(roles, async () => {
        const found = await read();
        if (account === "admin") return h("p", { class: "muted" }, "Users of this account may do everything: no role is needed.");
        if (!found.unified_roles.length) return empty("No role", "The user manages their own keys and nothing else.");
        return table(`Roles of ${username}`, roleColumns(username, reload), found.unified_roles);
      }),
    ]);
  reload();
  loaded(keys, async () => {
    // Who may see the keys may not always see the user: then the server says what is not allowed.
    const found = await read().catch(() => null);
    return keySection(base, account, username, found !== null && keysAreOff(found));
  });
}

function keySection(base, account, username, off) {
  if (!may("listApiKeys", account)) return section("API keys", {}, alert("You may not see the keys of this user."));
  const can = {
    create: may("createApiKey", account),
    update: may("updateApiKey", account),
    remove: may("deleteApiKey", account),
  };
  const list = keyList(`${base}/api-keys`, { account, username, whose: username, off, can });
  return section("API keys", { actions: [list.revokeAll, list.create].filter(Boolean) }, list.node);
}

const grantable = (account) => may("createRoleMember", account) || accountsWith("createRoleMember").length > 0;

function roleColumns(username, reload) {
  return [
    { label: "Role", cell: (role) => h("a", { class: "name", href: `/console/roles/${segment(role.role_name)}` }, role.role_name) },
    { label: "In account", cell: (role) => role.domain_name },
    { label: "Granted", cell: (role) => [badge("off", GRANTS[role.grant_type] ?? role.grant_type), ` by ${role.granter}`] },
    { label: "Since", cell: (role) => when(role.granted_at) },
    {
      label: "Actions",
      kind: "row-actions",
      cell: (role) =>
        role.grant_type === "direct" && may("deleteRoleMember", role.domain_name)
          ? button("Remove", () => takeAway(username, role, reload), { small: true, kind: "quiet", describe: `${role.role_name} in ${role.domain_name}` })
          : null,
    },
  ];
}

function takeAway(username, role, reload) {
  confirm(
    "Remove role",
    h("span", {}, h("strong", {}, username), " loses ", h("strong", {}, role.role_name), ` in ${role.domain_name} from now on.`),
    "Remove",
    async () => {
      const where = query({ username, domain_name: role.domain_name });
      await del(`/v2/rbac-manager/roles/${segment(role.role_name)}/members${where}`);
      return () => { say("The role is removed"); reload(); };
    },
  );
}

async function grant(username, account, reload) {
  const roles = await get("/v2/rbac-manager/roles", { account: whereToAsk("listRoles") });
  const where = current().isAdmin
    ? { name: "domain_name", label: "In account", required: true, value: account, autocomplete: "off" }
    : { name: "domain_name", label: "In account", value: account, options: accountsWith("createRoleMember").map((name) => [name, name]) };
  form("Grant role", {
    lead: h("span", {}, "Gives ", h("strong", {}, username), " what the role grants from now on."),
    fields: [{ name: "role", label: "Role", options: roles.map(({ name }) => [name, name]) }, where],
    label: "Grant role",
    act: async ({ role, domain_name: domain }) => {
      await post(`/v2/rbac-manager/roles/${segment(role)}/members`, { username, domain_name: domain });
      return () => { say("The role is granted"); reload(); };
    },
  });
}

function setPassword(base, username) {
  form("Set password", {
    lead: h("span", {}, "Ends every sign-in of ", h("strong", {}, username), ". Their keys keep working."),
    fields: [{ name: "value", label: "New password", type: "password", required: true, maxlength: 128, autocomplete: "new-password", help: "6 to 128 characters, and not a common password." }],
    label: "Set password",
    act: async ({ value }) => {
      await post(`${base}/credentials`, { type: "password", value });
      return () => say("The password is set");
    },
  });
}
