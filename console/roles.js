// The roles of the deployment: what each grants, and who holds it.

import { get } from "./client.js";
import { fill, h, segment } from "./dom.js";
import { description, empty, facts, heading, loaded, query, searched, section, table, when } from "./parts.js";
import { accountsWith, current, whereToAsk } from "./session.js";
import { field } from "./dialogs.js";

/** All roles. */
export function roles(main) {
  const place = h("div", {});
  fill(main, heading("Roles", { lead: "A role is held in an account and grants actions there. Users hold roles directly or through a group." }), place);
  loaded(place, async () => {
    const found = await get("/v2/rbac-manager/roles", { account: whereToAsk("listRoles") });
    return table(
      "Roles",
      [
        { label: "Role", cell: ({ name }) => h("a", { class: "name", href: `/console/roles/${segment(name)}` }, name) },
        { label: "Purpose", cell: ({ description: text }) => description(text) },
      ],
      found,
    );
  });
}

/** One role. */
export function role(main, name) {
  const place = h("div", {});
  fill(main, heading(name, { back: { href: "/console/roles", label: "Roles" } }), place);
  loaded(place, async () => {
    const found = await get(`/v2/rbac-manager/roles/${segment(name)}`, { account: whereToAsk("getRole") });
    const actions = found.permissions.map(({ action }) => action).sort();
    return [
      h("p", { class: "lead" }, found.description),
      facts(["Kind", found.immutable ? "Built in" : "Of this deployment"], ["Actions", String(actions.length)]),
      holders(name),
      section("What it grants", {}, h("ul", { class: "actions-list" }, actions.map((action) => h("li", {}, h("code", {}, action))))),
    ];
  });
}

function holders(name) {
  const { isAdmin, user } = current();
  const open = accountsWith("listRoleMembers");
  if (!isAdmin && !open.length) return null;
  const choice = isAdmin
    ? field({ name: "account", label: "In account", value: user.account_name, required: true, autocomplete: "off" })
    : field({ name: "account", label: "In account", options: open.map((account) => [account, account]) });
  const input = choice.querySelector("input, select");
  const account = () => input.value.trim();
  const columns = [
    { label: "User", cell: ({ username }) => h("span", { class: "name" }, username) },
    { label: "Since", cell: ({ created_at: at }) => when(at) },
  ];
  const list = searched(
    "Search users",
    (part) => (account() ? get(`/v2/rbac-manager/roles/${segment(name)}/members${query({ domain_name: account(), ...part })}`) : []),
    (members, search) => {
      if (members.length) return table(`Who holds ${name}`, columns, members);
      if (!account()) return empty("Which account?", "A role is held in an account.");
      return empty("Nobody", search ? "Nobody who holds it has a name that contains that." : `Nobody holds this role directly in ${account()}.`);
    },
    { also: [choice] },
  );
  input.addEventListener("change", list.first);
  return section("Who holds it directly", {}, list.node);
}
