// No escalation: which roles the caller may hand out, and which users delete or make a way into, as far as roles tell.
// The server decides; where a role is not known, it is asked.

import { get } from "./client.js";
import { segment } from "./dom.js";
import { accountsWith, current, may, whereToAsk } from "./session.js";

const IDENTITY = /^(\*|(create|delete|get|list|update)(ApiKeys?|RoleMembers?|Roles?|Users?|AccountUsersWithRoles))$/;
// What a user may do in their own account without any role.
const WITHOUT_ROLE = /^(getAccount|self[A-Z]\w+)$/;
// What roles grant, by their names.
const known = new Map();

/** Reads what the roles grant, each once. */
export async function learn(roles) {
  if (current().isAdmin || !accountsWith("getRole").length) return;
  const account = whereToAsk("getRole");
  const names = new Set(roles.map((role) => role.role_name ?? role.name));
  await Promise.all([...names].filter((name) => !known.has(name)).map(async (name) => {
    const role = await get(`/v2/rbac-manager/roles/${segment(name)}`, { account }).catch(() => null);
    if (role) known.set(name, role.permissions.map(({ action }) => action));
  }));
}

function covers(account, actions) {
  const atHome = account === current().user.account_name;
  return actions.every((action) => may(action, account) || (atHome && WITHOUT_ROLE.test(action)));
}

/** Whether the caller may grant the role in the account, or take it away. */
export const mayHandOut = (role, account) => covers(account, (known.get(role) ?? []).filter((action) => IDENTITY.test(action)));

/** Whether the caller may delete a user of the account who holds these roles. */
export const mayDelete = (account, roles) =>
  current().isAdmin ||
  (account !== "admin" && roles.every((role) => role.domain_name !== account || mayHandOut(role.role_name, account)));

/** Whether the caller may set the password of such a user, or make keys. */
export const mayEnter = (account, roles) =>
  mayDelete(account, roles) &&
  roles.every((role) => role.domain_name === account || covers(role.domain_name, known.get(role.role_name) ?? []));
