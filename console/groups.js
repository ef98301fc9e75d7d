// User groups: who is in them, and the roles that they give.

import { del, get, patch, post } from "./client.js";
import { confirm, form, whileHere } from "./dialogs.js";
import { fill, h, segment } from "./dom.js";
import { nameHelp } from "./names.js";
import { button, description, empty, go, heading, loaded, query, say, searched, section, short, table, titled, when } from "./parts.js";
import { current } from "./session.js";

const BASE = "/v2/system/user-groups";
const pathOf = (group) => `/console/groups/${segment(group.group_uuid)}`;

/** All groups. */
export function groups(main) {
  const list = searched(
    "Search groups",
    (part) => get(`${BASE}${query(part)}`),
    (found, search) => {
      if (!found.length && search) return empty("No group", "No group has a name or description that contains that.");
      if (!found.length) return empty("No groups yet", "A group gives its members the same roles, in as many accounts as you like.");
      return table("Groups", columns(() => list.reload()), found);
    },
  );
  fill(main, heading("Groups", { lead: "Members of a group hold its roles.", actions: current().isAdmin ? [button("Create group", create, { kind: "primary" })] : [] }), list.node);
}

function columns(reload) {
  return [
    { label: "Name", cell: (group) => [h("a", { class: "name", href: pathOf(group) }, group.name), group.description ? description(group.description) : null] },
    { label: "Roles", cell: summary },
    { label: "Created", cell: (group) => when(group.created_at) },
    { label: "Actions", kind: "row-actions", cell: (group) => button("Delete", () => remove(group, reload), { small: true, kind: "quiet", describe: group.name }) },
  ];
}

const rolesOf = (group) => group.account_roles?.items ?? group.account_roles ?? [];

function summary(group) {
  const items = rolesOf(group);
  if (!items.length) return h("span", { class: "muted" }, "None");
  return items.map(({ domain_name: account, roles }) => h("div", {}, `${roles.map(({ role }) => role).join(", ")} in ${account}`));
}

function create() {
  form("Create group", {
    fields: [
      { name: "name", label: "Name", required: true, maxlength: 128, autocomplete: "off", help: nameHelp("# ") },
      { name: "description", label: "Description", rows: 2, maxlength: 1024 },
    ],
    label: "Create group",
    act: async ({ name, description: text }) => {
      const made = await post(BASE, { name, ...(text ? { description: text } : {}) });
      return (here) => { say(`${short(name)} is created`); if (here) go(pathOf(made)); };
    },
  });
}

function remove(group, then) {
  confirm("Delete group", h("span", {}, "Its members lose the roles that ", h("strong", {}, group.name), " gave them. This cannot be undone."), "Delete group", async () => {
    await del(`${BASE}/${segment(group.group_uuid)}`);
    return (here) => { say(`${short(group.name)} is deleted`); then(here); };
  });
}

/** One group. */
export function group(main, id) {
  const base = `${BASE}/${segment(id)}`;
  const place = h("div", {});
  let found = null;
  let users = null;
  const lead = h("span", {});
  const actions = [
    button("Change description", () => describe(base, found, reload)),
    button("Delete group", () => remove(found, (here) => here && go("/console/groups")), { kind: "danger-plain" }),
  ];
  for (const action of actions) action.hidden = true;
  const head = heading("Group", { back: { href: "/console/groups", label: "Groups" }, lead, actions });
  fill(main, head, place);
  titled(main, "Group");
  const reload = () => loaded(place, async () => {
    found = await get(base);
    users ??= members(base);
    head.querySelector("h1").textContent = found.name;
    titled(main, found.name, "Group");
    fill(lead, found.description);
    for (const action of actions) action.hidden = false;
    return [
      section("Roles", { actions: [button("Add role", () => addRole(base, reload))] }, roleTable(base, found, reload)),
      section("Members", { actions: [button("Add member", () => addMember(base, users.first))] }, users.node),
    ];
  });
  reload();
}

function describe(base, found, then) {
  form("Change description", {
    fields: [{ name: "description", label: "Description", rows: 3, maxlength: 1024, value: found.description ?? "" }],
    label: "Save",
    act: async ({ description: text }) => {
      await patch(base, { description: text });
      return () => { say("Saved"); then(); };
    },
  });
}

function roleTable(base, found, reload) {
  const rows = rolesOf(found).flatMap(({ domain_name: account, roles }) => roles.map((role) => ({ ...role, account })));
  if (!rows.length) return empty("No role", "The group has no roles yet.");
  return table(
    `Roles of ${found.name}`,
    [
      { label: "Role", cell: ({ role }) => h("a", { class: "name", href: `/console/roles/${segment(role)}` }, role) },
      { label: "In account", cell: ({ account }) => account },
      { label: "Since", cell: ({ created_at: at }) => when(at) },
      {
        label: "Actions",
        kind: "row-actions",
        cell: (row) =>
          button("Remove", () =>
            confirm("Remove role", h("span", {}, "The members of the group lose ", h("strong", {}, row.role), ` in ${row.account}.`), "Remove", async () => {
              await del(`${base}/roles${query({ membership_id: row.membership_id })}`);
              return () => { say("The role is removed"); reload(); };
            }), { small: true, kind: "quiet", describe: `${row.role} in ${row.account}` }),
      },
    ],
    rows,
  );
}

function members(base) {
  const columns = [
    { label: "User", cell: ({ username }) => h("span", { class: "name" }, username) },
    { label: "Added", cell: ({ added_on: at }) => when(at) },
    {
      label: "Actions",
      kind: "row-actions",
      cell: ({ username }) =>
        button("Remove", () =>
          confirm("Remove member", h("span", {}, h("strong", {}, username), " loses the roles of the group."), "Remove member", async () => {
            await del(`${base}/users${query({ username })}`);
            return () => { say(`${short(username)} is removed`); list.reload(); };
          }), { small: true, kind: "quiet", describe: username }),
    },
  ];
  const list = searched(
    "Search members",
    async (part) => (await get(`${base}/users${query(part)}`)).items,
    (users, search) => {
      if (users.length) return table("Members", columns, users);
      return search ? empty("No member", "No member’s name contains that.") : empty("No members", "Add users of any account.");
    },
  );
  return list;
}

const addRole = (base, then) =>
  whileHere(get("/v2/rbac-manager/roles"), (roles) =>
    form("Add role", {
      fields: [
        { name: "role", label: "Role", options: roles.map(({ name }) => [name, name]) },
        { name: "domain_name", label: "In account", required: true, autocomplete: "off" },
      ],
      label: "Add role",
      act: async ({ role, domain_name: account }) => {
        await post(`${base}/roles`, { domain_name: account, roles: [{ role }] });
        return () => { say("The role is added"); then(); };
      },
    }));

function addMember(base, then) {
  form("Add member", {
    fields: [{ name: "username", label: "User", required: true, autocomplete: "off", autocapitalize: "none" }],
    label: "Add member",
    act: async ({ username }) => {
      await post(`${base}/users`, { usernames: [{ username }] });
      return () => { say(`${short(username)} is added`); then(); };
    },
  });
}
