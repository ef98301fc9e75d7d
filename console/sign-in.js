// The sign-in: user and password, or one of the identity providers.

import { ask, signIn } from "./client.js";
import { field, values } from "./dialogs.js";
import { fill, h, segment } from "./dom.js";
import { alert } from "./parts.js";

/** Shows the sign-in, and what there is to say of the one before; `then()` goes on where the page was asked for. */
export function show(root, then, { notice = null, refused = null } = {}) {
  document.title = "Sign in · Kedge";
  const problem = h("div", { class: "problem" });
  const submit = h("button", { type: "submit", class: "button button-primary button-wide" }, "Sign in");
  const form = h(
    "form",
    { novalidate: true },
    field({ name: "username", label: "User", required: true, autocomplete: "username", autocapitalize: "none", spellcheck: "false" }),
    field({ name: "password", label: "Password", type: "password", required: true, autocomplete: "current-password" }),
    problem,
    submit,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { username, password } = values(form);
    fill(problem);
    if (!username || !password) {
      fill(problem, alert("Enter your user name and password.", null, null));
      form.elements[username ? "password" : "username"].focus();
      return;
    }
    submit.disabled = true;
    try {
      await signIn(username, password);
      await then();
    } catch (error) {
      fill(problem, error.status === 401 ? alert("The user name or password is incorrect.", null, null) : alert(error.message));
      form.elements.password.value = "";
      form.elements.password.focus();
    } finally {
      submit.disabled = false;
    }
  });
  const providers = h("div", { class: "providers" });
  fill(
    root,
    h(
      "main",
      { class: "sign-in", id: "main" },
      h("div", { class: "sign-in-card" },
        h("p", { class: "sign-in-brand" }, h("span", { class: "logo", "aria-hidden": "true" }), "Kedge"),
        h("h1", { tabindex: "-1" }, "Sign in"),
        notice ? h("div", { class: "notice notice-warn", role: "status" }, h("p", {}, notice)) : null,
        refused ? alert(refused, null, null) : null,
        form,
        providers,
      ),
    ),
  );
  form.elements.username.focus();
  offer(providers);
}

async function offer(place) {
  try {
    const names = await ask("/v2/rbac-manager/saml/idps");
    if (!names.length) return;
    const back = encodeURIComponent(relayState());
    fill(
      place,
      h("p", { class: "or" }, h("span", {}, "or")),
      names.map((name) =>
        h(
          "a",
          { class: "button button-plain button-wide", href: `/v2/rbac-manager/saml/login/${segment(name)}?RelayState=${back}` },
          `Sign in with ${name}`,
        ),
      ),
    );
  } catch {
    // Without the names, the password still works.
  }
}

/** Where the browser comes back to: what an identity provider carries has at most 80 bytes. */
function relayState() {
  const path = window.location.pathname;
  return path.length <= 80 && /^\/console[\w/.~%-]*$/.test(path) ? path : "/console/";
}
