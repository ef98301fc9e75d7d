// Who is signed in, and what they may do: so that nothing is offered that would be refused.

import { get } from "./client.js";

let me = null;

/** Reads the caller and the roles they hold. */
export async function load() {
  const [user, roles] = await Promise.all([get("/v2/user"), get("/v2/rbac-manager/my-roles")]);
  const account = await get("/v2/account");
  const rights = new Map();
  for (const { domain_name: domain, roles: held } of roles) {
    const actions = rights.get(domain) ?? new Set();
    for (const role of [held].flat()) for (const { action } of role.permissions) actions.add(action);
    rights.set(domain, actions);
  }
  const isAdmin = account.type === "admin";
  const audit = isAdmin || [...rights.values()].some((held) => held.has("*") || held.has("listEvents"));
  me = { user, account, rights, isAdmin, audit };
  return me;
}

export const current = () => me;

export function clear() {
  me = null;
}

/** Whether the caller may do an action in an account. */
export function may(action, account) {
  if (me.isAdmin) return true;
  const held = me.rights.get(account);
  return held !== undefined && (held.has("*") || held.has(action));
}

/** The accounts in which the caller may do an action, for those who are no administrators. */
export const accountsWith = (action) => [...me.rights.keys()].filter((account) => may(action, account)).sort();

/** Where to ask for what is the same everywhere: the caller must be allowed to see it somewhere. */
export const whereToAsk = (action) => (may(action, me.user.account_name) ? undefined : accountsWith(action)[0]);

export const isMe = (account, username) => me.user.account_name === account && me.user.username === username;
