// One user, for those who may: the keys ("Tools"), the roles, the password.

import { del, get, post } from "./client.js";
import { deletable, deleteUser, seen } from "./accounts.js";
import { confirm, field, form, whileHere } from "./dialogs.js";
import { fill, h, segment } from "./dom.js";
import { keyList, keysAreOff } from "./keys.js";
import { alert, badge, button, empty, facts, go, heading, loaded, query, say, section, table, when } from "./parts.js";
import { learn, mayEnter, mayHandOut } from "./rights.js";
import { accountsWith, current, isMe, may, whereToAsk } from "./session.js";

const GRANTS = { direct: "Directly", group_membership: "Through a group", sso_group_membership: "Through a group of the identity provider" };

/** One user of an account. */
export function user(main, account, username) {
  const base = `/v2/accounts/${segment(account)}/users/${segment(username)}`;
  const place = h("div", {});
  const tools = h("div", { class: "actions" });
  let keys = null;
  fill(main, heading(username, { back: { href: `/console/accounts/${segment(account)}`, label: account }, actions: [tools] }), place);
  const reload = () => loaded(place, async () => {
    // Who may see the keys may not always see the user.
    const { found, refusal } = await seen(get(base));
    const held = found?.unified_roles ?? [];
    await learn(held);
    fill(tools, actions(account, username, found, base));
    keys ??= keySection(base, account, username, found);
    return [
      refusal ?? facts(
        ["Account", h("a", { href: `/console/accounts/${segment(account)}` }, account)],
        ["Signs in with", found.type === "saml" ? `Single sign-on (${found.idp_name ?? "–"})` : "Password"],
        ["Created", when(found.created_at)],
        ["Password changed", when(found.password_last_updated)],
      ),
      keys,
      section("Roles", { actions: grantable(account) ? [button("Grant role", () => grant(username, account, reload))] : [] }, found ? roles() : null),
    ];

    function roles() {
      if (account === "admin") return h("p", { class: "muted" }, "Users of this account may do everything: no role is needed.");
      if (!held.length) return empty("No role", "The user manages their own keys and nothing else.");
      return table(`Roles of ${username}`, roleColumns(username, reload), held);
    }
  });
  reload();
}

function actions(account, username, found, base) {
  const own = isMe(account, username);
  const after = (here) => here && go(`/console/accounts/${segment(account)}`);
  const activity = query({ account: current().isAdmin ? null : account, user: username });
  return [
    may("listEvents", account) ? h("a", { class: "button button-plain", href: `/console/audit${activity}` }, "Activity") : null,
    found?.type === "native" && may("updateUser", account) && !own && mayEnter(account, found.unified_roles)
      ? button("Set password", () => setPassword(base, username))
      : null,
    found && deletable(account, found) ? button("Delete user", () => deleteUser(account, username, after), { kind: "danger-plain" }) : null,
  ];
}

function keySection(base, account, username, found) {
  if (!may("listApiKeys", account)) return section("API keys", {}, alert("You may not see the keys of this user."));
  const can = {
    create: may("createApiKey", account) && (isMe(account, username) || mayEnter(account, found?.unified_roles ?? [])),
    update: may("updateApiKey", account),
    remove: may("deleteApiKey", account),
  };
  const off = found !== undefined && keysAreOff(found);
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
        role.grant_type === "direct" && may("deleteRoleMember", role.domain_name) && mayHandOut(role.role_name, role.domain_name)
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

function grant(username, account, reload) {
  const asked = get("/v2/rbac-manager/roles", { account: whereToAsk("listRoles") });
  return whileHere(asked.then(async (roles) => { await learn(roles); return roles; }), (roles) => {
    const offered = (domain) => roles.filter(({ name }) => mayHandOut(name, domain)).map(({ name }) => [name, name]);
    const options = accountsWith("createRoleMember").filter((domain) => offered(domain).length).map((name) => [name, name]);
    if (!current().isAdmin && !options.length) return say("There is no role that you may grant.");
    const first = options.flat().includes(account) ? account : options[0]?.[0];
    const where = current().isAdmin
      ? field({ name: "domain_name", label: "In account", required: true, value: account, autocomplete: "off" })
      : field({ name: "domain_name", label: "In account", value: first, options });
    const role = field({ name: "role", label: "Role", options: offered(current().isAdmin ? account : first) });
    where.querySelector("select")?.addEventListener("change", ({ target }) => {
      fill(role.querySelector("select"), offered(target.value).map(([name]) => h("option", { value: name }, name)));
    });
    form("Grant role", {
      lead: h("span", {}, "Gives ", h("strong", {}, username), " what the role grants from now on."),
      body: [role, where],
      label: "Grant role",
      act: async ({ role: name, domain_name: domain }) => {
        await post(`/v2/rbac-manager/roles/${segment(name)}/members`, { username, domain_name: domain });
        return () => { say("The role is granted"); reload(); };
      },
    });
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
