// What comes late, and what somebody else has changed meanwhile.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { settled, signIn } from "./browser.js";
import { PASSWORD, dialog, held, metadata, people, row, world } from "./world.js";

let kedge;
let browser;
let end;
const { administrator, somebody } = people(() => ({ kedge, browser }));
const tarts = (count) => [...Array(count).keys()].map((n) => `tart-${n}`);
const XML = metadata();
const IDPS = "/v2/rbac-manager/saml/idps";
const provider = (changes = {}) => ({
  name: "looking-glass",
  enabled: true,
  sp_entity_id: "kedge",
  acs_url: `${kedge.url}/v2/rbac-manager/saml/sso/looking-glass`,
  idp_metadata_xml: XML,
  default_account: "tea-party",
  ...changes,
});

before(async () => {
  ({ kedge, browser, end } = await world());
});
after(() => end?.());

test("what is answered late takes nobody from the page that they went to", async () => {
  const { account, username } = await somebody();
  const { page } = await administrator();
  await signIn(page, "admin", kedge.password, "/console/roles");
  await page.goto(`/console/accounts/${account}/users/${username}`);
  const answer = await held(page, "DELETE", `/users/${username}`);
  await page.getByRole("button", { name: "Delete user" }).click();
  await dialog(page).getByRole("button", { name: "Delete user" }).click();
  await dialog(page).locator("[type=submit][aria-disabled=true]").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("banner").getByRole("link", { name: "Roles" }).click();
  await page.getByRole("heading", { level: 1, name: "Roles" }).waitFor();
  answer();
  await page.getByRole("status").getByText("is deleted").waitFor();
  assert.equal(new URL(page.url()).pathname, "/console/roles");
  await page.context().close();
});

test("a value that comes when its session is over is shown to nobody", async () => {
  const { page, username } = await somebody();
  await signIn(page, username, PASSWORD);
  let answer;
  const told = new Promise((resolve) => { answer = resolve; });
  await page.route("**/v2/user/api-keys", async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    const response = await route.fetch();
    await told;
    return route.fulfill({ response });
  });
  await page.getByRole("button", { name: "Create API key" }).first().click();
  await dialog(page).getByLabel("Name", { exact: true }).fill("tart");
  await dialog(page).getByRole("button", { name: "Create key" }).click();
  await dialog(page).locator("[type=submit][aria-disabled=true]").waitFor();
  // Another tab of the same browser.
  const other = await page.context().newPage();
  await other.goto("/console/");
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  const answered = page.waitForResponse((response) => response.request().method() === "POST" && response.url().endsWith("/api-keys"));
  answer();
  const { value } = await (await answered).json();
  // What the answer leads to has been done, once the page does what is asked of it afterwards.
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 0); }));
  assert.match(value, /^kedge_/);
  assert.equal(await dialog(page).count(), 0);
  assert.ok(!(await page.content()).includes(value));
  await page.context().close();
});

test("a list stays where it is scrolled to while it is loaded anew", async () => {
  const { page, username } = await somebody(tarts(60));
  await signIn(page, username, PASSWORD);
  await row(page, "tart-35").getByRole("button", { name: "Revoke" }).click();
  const top = await page.evaluate(() => window.scrollY);
  assert.ok(top > 100, `${top}`);
  const answer = await held(page, "GET", "/v2/user/api-keys");
  await dialog(page).getByRole("button", { name: "Revoke tart-35" }).click();
  await page.getByRole("main").getByText("Loading…").waitFor();
  answer();
  await row(page, "tart-35").waitFor({ state: "detached" });
  await settled(page);
  assert.equal(await page.evaluate(() => window.scrollY), top);
  await page.context().close();
});

test("a search that is typed and left at once is there again after Back", async () => {
  const { page, username } = await somebody(["tart", "pepper"]);
  await signIn(page, username, PASSWORD);
  await row(page, "pepper").waitFor();
  await page.evaluate(() => {
    const search = document.querySelector("[type=search]");
    search.value = "tart";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    document.querySelector("[href='/console/profile']").click();
  });
  await page.getByRole("heading", { level: 1, name: "My account" }).waitFor();
  await page.goBack();
  await row(page, "tart").waitFor();
  await row(page, "pepper").waitFor({ state: "detached" });
  assert.equal(await page.getByLabel("Search keys").inputValue(), "tart");
  await page.context().close();
});

test("the history of a key is found whatever its name begins with", async () => {
  const { page, account, username } = await somebody(["kedge_ci-deploy"]);
  await kedge.ask("POST", "/v2/rbac-manager/roles/read-only/members", { username, domain_name: account });
  await signIn(page, username, PASSWORD);
  await row(page, "kedge_ci-deploy").getByRole("link", { name: "History" }).click();
  await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
  await page.locator("tbody tr").first().waitFor();
  assert.equal(await page.getByLabel("Its name").inputValue(), "kedge_ci-deploy");
  await page.context().close();
});

test("what another has changed of a provider is not written back, and none at all stays none", async () => {
  await kedge.ask("POST", IDPS, provider({ allowed_roles: [] }));
  const { page } = await administrator();
  await signIn(page, "admin", kedge.password, "/console/single-sign-on/looking-glass");
  await page.getByText("None", { exact: true }).waitFor();
  await kedge.ask("PUT", `${IDPS}/looking-glass`, provider({ allowed_roles: [], enabled: false }));
  await page.getByRole("button", { name: "Change" }).click();
  await dialog(page).getByLabel("Default account").fill("croquet");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await page.locator(".toast").waitFor();
  const { enabled, allowed_roles: roles, default_account: account } = await kedge.ask("GET", `${IDPS}/looking-glass`);
  assert.deepEqual({ enabled, roles, account }, { enabled: false, roles: [], account: "croquet" });
  await page.context().close();
});
