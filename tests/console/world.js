// What the tests of the console drive: a Kedge with some users in it, and a browser.

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { launch, open, settled } from "./browser.js";
import { start } from "./kedge.js";

export const PICTURES = process.env.PICTURES;
export const PASSWORD = "through-the-glass";
export const VECTOR = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>'"&amp;`;

/** Makes it; `end()` takes it away. */
export async function world() {
  mkdirSync(PICTURES, { recursive: true });
  const [kedge, browser] = await Promise.all([start(), launch()]);
  for (const name of ["mad-hatter-team", "tea-party", "croquet"]) await kedge.ask("POST", "/v2/accounts", { name });
  const user = (account, username) => kedge.ask("POST", `/v2/accounts/${account}/users`, { username, password: PASSWORD });
  for (const name of ["alice", "white-rabbit", "dormouse"]) await user("mad-hatter-team", name);
  for (const name of ["hatter", "march-hare"]) await user("tea-party", name);
  await kedge.ask("POST", "/v2/rbac-manager/roles/account-user-admin/members", { username: "hatter", domain_name: "tea-party" });
  await kedge.ask("POST", "/v2/rbac-manager/roles/read-write/members", { username: "alice", domain_name: "mad-hatter-team" });
  const group = await kedge.ask("POST", "/v2/system/user-groups", { name: "spectators", description: "See everything on the croquet ground" });
  await kedge.ask("POST", `/v2/system/user-groups/${group.group_uuid}/roles`, { domain_name: "croquet", roles: [{ role: "read-only" }] });
  await kedge.ask("POST", `/v2/system/user-groups/${group.group_uuid}/users`, { usernames: [{ username: "march-hare" }] });
  const soon = `${new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 19)}Z`;
  for (const key of [
    { name: "cheshire-cat", description: "Pipeline automation key" },
    { name: "nightly-scan", description: "Scans every image at night", expires_at: soon },
    { name: "build-7", cidrs: ["10.0.0.0/8"], actions: ["getAccount"] },
    { name: "queen-of-hearts" },
  ]) {
    const made = await kedge.ask("POST", "/v2/user/api-keys", key, ["alice", PASSWORD]);
    if (key.name === "cheshire-cat") await kedge.ask("GET", "/v2/user", undefined, ["_api_key", made.value]);
  }
  await kedge.ask("PATCH", "/v2/user/api-keys/queen-of-hearts", { status: "revoked" }, ["alice", PASSWORD]);
  const end = async () => {
    await browser.close();
    await kedge.stop();
  };
  return { kedge, browser, end };
}

/** Leaves a picture of a whole page. */
export const picture = async (page, name) => {
  await settled(page);
  await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true, animations: "disabled" });
};
export const dialog = (page) => page.getByRole("dialog");
export const row = (page, name) => page.getByRole("row").filter({ has: page.getByRole("rowheader", { name }) });
/** Opens the menu, where it is closed because the window is narrow. */
export async function menu(page) {
  const toggle = page.getByRole("button", { name: "Menu" });
  if ((await toggle.isVisible()) && (await toggle.getAttribute("aria-expanded")) === "false") await toggle.click();
  return page.getByRole("banner");
}

/** Makes people in a world that `there()` answers. */
export function people(there) {
  let made = 0;
  /** A user of an account of their own, and their page, which looks so. */
  async function somebody(keys = [], look = {}) {
    const { kedge, browser } = there();
    made += 1;
    const [account, username] = [`courtroom-${made}`, `juror-${made}`];
    await kedge.ask("POST", "/v2/accounts", { name: account });
    await kedge.ask("POST", `/v2/accounts/${account}/users`, { username, password: PASSWORD });
    const credentials = [username, PASSWORD];
    for (const name of keys) await kedge.ask("POST", "/v2/user/api-keys", { name }, credentials);
    return { kedge, browser, account, username, credentials, page: await open(browser, kedge, look) };
  }
  async function administrator(look = {}) {
    const { kedge, browser } = there();
    return { kedge, page: await open(browser, kedge, look) };
  }
  return { administrator, somebody };
}

/** Holds back the answers to what is asked for by a method and an address that holds a text; `answer()` lets them go. */
export async function held(page, method, part, how = (route) => route.continue()) {
  let answer;
  const told = new Promise((resolve) => { answer = resolve; });
  await page.route((url) => url.href.includes(part), async (route) => {
    if (route.request().method() !== method) return route.fallback();
    await told;
    return how(route);
  });
  return answer;
}

/** The metadata of an identity provider that nobody signs in by. */
export function metadata() {
  const made = execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=idp.test", "-days", "30"], { stdio: ["ignore", "pipe", "ignore"] });
  const certificate = made.toString().replace(/-----[A-Z ]+-----|\s/g, "");
  return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.test"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.test/sso"/></IDPSSODescriptor></EntityDescriptor>`;
}
