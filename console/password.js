// The caller's own: password, roles, sign-ins.

import { del, get, post, signOut } from "./client.js";
import { confirm, form } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { badge, button, empty, facts, heading, loaded, say, section, table, when } from "./parts.js";
import { current } from "./session.js";

/** My account. */
export function profile(main) {
  const { user, isAdmin } = current();
  const sessions = h("div", {});
  const reload = () => loaded(sessions, async () => sessionTable((await get("/v2/user/sessions")).items, reload));
  fill(
    main,
    heading("My account", { actions: user.type === "native" ? [button("Change password", changePassword)] : [] }),
    facts(
      ["User", user.username],
      ["Account", user.account_name],
      ["Signs in with", user.type === "saml" ? `Single sign-on (${user.idp_name ?? "–"})` : "Password"],
      ["Password changed", when(user.password_last_updated)],
    ),
    section(
      "My roles",
      {},
      isAdmin
        ? h("p", { class: "muted" }, "As a user of the account admin, you may do everything.")
        : user.unified_roles.length
          ? table("My roles", [
              { label: "Role", cell: ({ role_name: name }) => h("span", { class: "name" }, name) },
              { label: "In account", cell: ({ domain_name: account }) => account },
              { label: "Since", cell: ({ granted_at: at }) => when(at) },
            ], user.unified_roles)
          : empty("No role", "You manage your own keys and nothing else."),
    ),
    section("My sign-ins", { lead: "Where you are signed in with a token. End any sign-in that you do not recognize." }, sessions),
  );
  reload();
}

function sessionTable(items, reload) {
  return table(
    "My sign-ins",
    [
      { label: "Client", cell: (session) => [h("span", { class: "name" }, agent(session.user_agent)), session.current ? badge("good", "This one") : null] },
      { label: "Began", cell: (session) => when(session.created_at) },
      { label: "Last used", cell: (session) => when(session.last_used_at) },
      {
        label: "Actions",
        kind: "row-actions",
        cell: (session) =>
          session.current
            ? h("span", { class: "muted" }, "–")
            : button("End", () => end(session, reload), { small: true, kind: "quiet", describe: agent(session.user_agent) }),
      },
    ],
    items,
  );
}

/** The first product of a User-Agent that says something. */
function agent(text) {
  if (!text) return "Unknown";
  const known = /(Firefox|Edg|Chrome|Safari|HeadlessChrome)\/(\d+)/.exec(text);
  return known ? `${known[1] === "Edg" ? "Edge" : known[1]} ${known[2]}` : text.slice(0, 40);
}

function end(session, then) {
  confirm("End sign-in", "Its tokens are refused from now on.", "End sign-in", async () => {
    await del(`/v2/user/sessions/${session.id}`);
    return () => { say("The sign-in has ended"); then(); };
  });
}

function changePassword() {
  form("Change password", {
    lead: "Ends all your sign-ins, including this one: sign in again with the new password. Your keys keep working.",
    fields: [
      { name: "value", label: "New password", type: "password", required: true, maxlength: 128, autocomplete: "new-password", help: "6 to 128 characters, and not a common password." },
      { name: "again", label: "New password, again", type: "password", required: true, maxlength: 128, autocomplete: "new-password" },
    ],
    label: "Change password",
    check: ({ value, again }) => (value === again ? null : "The two passwords do not match."),
    act: async ({ value }) => {
      await post("/v2/user/credentials", { type: "password", value });
      return () => signOut("Your password is changed. Sign in with it.");
    },
  });
}
