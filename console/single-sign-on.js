// The configurations of identity providers.

import { del, get, post, put } from "./client.js";
import { confirm, form, whileHere } from "./dialogs.js";
import { fill, h, segment } from "./dom.js";
import { badge, button, empty, facts, go, heading, loaded, query, say, section, short, table, when } from "./parts.js";
import { current } from "./session.js";

const BASE = "/v2/rbac-manager/saml/idps";
const pathOf = (name) => `/console/single-sign-on/${segment(name)}`;

const TEXTS = [
  ["sp_entity_id", "Entity id of Kedge", { required: true, help: "The name of this server at the provider." }],
  ["acs_url", "Response URL (ACS)", { required: true, help: "If it ends with a slash, the name of the provider is appended." }],
  ["idp_metadata_url", "Metadata by URL", { help: "Either the URL or the XML, not both." }],
  ["idp_metadata_xml", "Metadata as XML", { rows: 4, spellcheck: "false" }],
  ["idp_username_attribute", "Attribute with the user", { help: "If left out: the NameID." }],
  ["default_account", "Default account", { help: "The account of new users; the attribute takes precedence." }],
  ["idp_account_attribute", "Attribute with the accounts", {}],
  ["default_role", "Default role", { help: "The role of new users. Either this or the attribute." }],
  ["idp_role_attribute", "Attribute with the roles", {}],
  ["idp_groups_attribute", "Attribute with the groups", { help: "If left out: memberOf." }],
];
const FLAGS = [
  ["enabled", "Enabled: users can sign in through it"],
  ["require_signed_assertions", "Assertions must be signed"],
  ["require_signed_response", "Responses must be signed"],
  ["require_existing_users", "Only existing users can sign in"],
  ["allow_account_creation", "Create accounts that do not exist"],
  ["allow_unsolicited", "Accept responses that answer no request"],
  ["allow_assertion_grant", "Assertions that answer no request can be exchanged for tokens"],
];
const LISTS = [
  ["allowed_accounts", "Accounts it may name", "Patterns with *, separated by commas. If left out: all but reserved ones."],
  ["allowed_roles", "Roles it may name", "Patterns with *, separated by commas. If left out: all."],
];

/** All identity providers. */
export function providers(main) {
  const place = h("div", {});
  fill(
    main,
    heading("Single sign-on", {
      lead: "Users sign in at an identity provider that speaks SAML 2.0.",
      actions: current().isAdmin ? [button("Add identity provider", add, { kind: "primary" })] : [],
    }),
    place,
  );
  loaded(place, async () => {
    const names = await get(BASE);
    if (!names.length) return empty("No identity provider yet", "Add one with its metadata; then users can sign in through it.");
    return table("Identity providers", [{ label: "Name", cell: (name) => h("a", { class: "name", href: pathOf(name) }, name) }], names);
  });
}

function add() {
  const origin = window.location.origin;
  edit("Add identity provider", { enabled: true, sp_entity_id: "kedge", acs_url: `${origin}/v2/rbac-manager/saml/sso/`, require_signed_assertions: true, require_signed_response: true, allow_account_creation: true }, true, async (configuration) => {
    await post(BASE, configuration);
    return (here) => { say(`${short(configuration.name)} is added`); if (here) go(pathOf(configuration.name)); };
  });
}

function edit(title, now, isNew, act) {
  form(title, {
    wide: true,
    fields: [
      isNew
        ? { name: "name", label: "Name", required: true, maxlength: 128, autocomplete: "off", help: "Letters, digits, “_” and “-”. It cannot be changed." }
        : null,
      ...TEXTS.map(([name, label, rest]) => ({ name, label, value: now[name] ?? "", autocomplete: "off", ...rest })),
      ...LISTS.map(([name, label, help]) => ({ name, label, help: now[name]?.length === 0 ? "None at present. Patterns with *, separated by commas." : help, value: (now[name] ?? []).join(", "), autocomplete: "off" })),
      ...FLAGS.map(([name, label]) => ({ name, label, type: "checkbox", value: now[name] })),
    ].filter(Boolean),
    label: "Save",
    act: (held) => {
      const configuration = { name: isNew ? held.name : now.name };
      for (const [name] of TEXTS) if (held[name].trim()) configuration[name] = held[name].trim();
      if (configuration.acs_url.endsWith("/")) configuration.acs_url += configuration.name;
      for (const [name] of FLAGS) configuration[name] = held[name];
      for (const [name] of LISTS) {
        const items = held[name].split(",").map((item) => item.trim()).filter(Boolean);
        // Left out, it may name any; none at all, where that is how it was.
        if (items.length || now[name]?.length === 0) configuration[name] = items;
      }
      if (now.acs_https_port) configuration.acs_https_port = now.acs_https_port;
      return act(configuration);
    },
  });
}

/** One identity provider. */
export function provider(main, name) {
  const base = `${BASE}/${segment(name)}`;
  const place = h("div", {});
  const actions = [
    // All of it is written: not what another may have changed since the page was opened.
    button("Change", () => whileHere(get(base), (now) => edit("Change identity provider", now, false, async (configuration) => {
      await put(base, configuration);
      return () => { say("Saved"); reload(); };
    }))),
    button("Delete", () => remove(name, base), { kind: "danger-plain" }),
  ];
  for (const action of actions) action.hidden = true;
  fill(main, heading(name, { back: { href: "/console/single-sign-on", label: "Single sign-on" }, actions }), place);
  const reload = () => loaded(place, async () => {
    const [found, groups] = await Promise.all([get(base), get(`${base}/user-group-mappings`)]);
    for (const action of actions) action.hidden = false;
    const said = [...TEXTS, ...LISTS].filter(([key]) => found[key] !== undefined && found[key] !== null && key !== "idp_metadata_xml");
    return [
      facts(["State", found.enabled ? badge("good", "Enabled") : badge("off", "Disabled")], ["Changed", when(found.last_updated)]),
      section(
        "Configuration",
        {},
        h(
          "dl",
          { class: "pairs" },
          said.map(([key, label]) => h("div", {}, h("dt", {}, label), h("dd", {}, Array.isArray(found[key]) ? found[key].join(", ") || "None" : String(found[key])))),
          FLAGS.slice(1).map(([key, label]) => h("div", {}, h("dt", {}, label), h("dd", {}, found[key] ? "Yes" : "No"))),
        ),
        h("p", {}, h("a", { href: `/v2/rbac-manager/saml/metadata/${segment(name)}`, download: `${name}.xml` }, "Metadata of Kedge for the provider’s administrator")),
      ),
      section("Groups", { lead: "Groups whose members the provider names.", actions: [button("Map group", () => map(base, reload))] }, groupTable(base, groups, reload)),
    ];
  });
  reload();
}

function groupTable(base, groups, reload) {
  if (!groups.length) return empty("No group", "No group is mapped to this provider.");
  return table("Mapped groups", [
    { label: "Group", cell: (group) => h("a", { class: "name", href: `/console/groups/${segment(group.user_group_uuid)}` }, group.user_group_name) },
    { label: "Mapped", cell: (group) => when(group.mapped_on) },
    { label: "Actions", kind: "row-actions", cell: (group) => button("Remove", () => unmap(base, group, reload), { small: true, kind: "quiet", describe: group.user_group_name }) },
  ], groups);
}

function unmap(base, { user_group_name: name, user_group_uuid: id }, then) {
  confirm("Remove group", h("span", {}, "Everybody whom the provider made a member of ", h("strong", {}, name), " loses its roles at once."), "Remove group", async () => {
    await del(`${base}/user-group-mappings${query({ user_group: id })}`);
    return () => { say(`${short(name)} is no longer mapped`); then(); };
  });
}

const map = (base, then) => whileHere(get("/v2/system/user-groups"), (groups) => mapOneOf(groups, base, then));

function mapOneOf(groups, base, then) {
  if (!groups.length) {
    say("There is no group yet: create one first.");
    return;
  }
  form("Map group", {
    fields: [{ name: "group", label: "Group", options: groups.map((group) => [group.group_uuid, group.name]) }],
    label: "Map group",
    act: async ({ group }) => {
      await post(`${base}/user-group-mappings`, { user_group_uuids: [group] });
      return () => { say("The group is mapped"); then(); };
    },
  });
}

function remove(name, base) {
  confirm("Delete identity provider", h("span", {}, "Deletes ", h("strong", {}, name), " with all the users who sign in through it. This cannot be undone."), "Delete identity provider", async () => {
    await del(base);
    return (here) => { say(`${short(name)} is deleted`); if (here) go("/console/single-sign-on"); };
  });
}
