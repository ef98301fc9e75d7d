// What goes wrong, comes late or is done twice: told, and nothing is lost by it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { check, settled, signIn } from "./browser.js";
import { PASSWORD, dialog, held, menu, people, picture, row } from "./world.js";

const DAY_MS = 86_400_000;
const focused = (page) => page.evaluate(() => document.activeElement.innerText);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const refusal = (message) => (route) => route.fulfill({ status: 400, json: { message, detail: {}, httpcode: 400 } });

/** The tests, in a world that `there()` answers. */
export function mishaps(there) {
  const { administrator, somebody } = people(there);

  test("the value of a key stays until it is said to be stored", async () => {
    const { page, username } = await somebody();
    await signIn(page, username, PASSWORD);
    await page.getByRole("button", { name: "Create API key" }).first().click();
    await dialog(page).getByLabel("Name", { exact: true }).fill("tart");
    await dialog(page).getByRole("button", { name: "Create key" }).click();
    await dialog(page).getByRole("heading", { name: "tart is ready" }).waitFor();
    for (let pressed = 0; pressed < 3; pressed++) await page.keyboard.press("Escape");
    await page.locator("tbody .name").getByText("tart").waitFor();
    const asked = page.waitForEvent("dialog");
    await page.evaluate(() => { setTimeout(() => window.location.reload()); });
    const question = await asked;
    assert.equal(question.type(), "beforeunload");
    await question.dismiss();
    await dialog(page).getByLabel("Key value", { exact: true }).waitFor();
    await dialog(page).getByRole("button", { name: "I have stored it" }).click();
    await page.getByRole("status").getByText("tart is created").waitFor();
    await page.reload();
    await row(page, "tart").waitFor();
    await page.context().close();
  });

  test("what is not copied is not called copied", async () => {
    const { page, username } = await somebody();
    await page.addInitScript(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await signIn(page, username, PASSWORD);
    await page.getByRole("button", { name: "Create API key" }).first().click();
    await dialog(page).getByLabel("Name", { exact: true }).fill("tart");
    await dialog(page).getByRole("button", { name: "Create key" }).click();
    const value = await dialog(page).getByLabel("Key value", { exact: true }).innerText();
    await dialog(page).getByRole("button", { name: "Copy Key value" }).click();
    await page.getByRole("status").getByText("Copied").waitFor();
    assert.match(await focused(page), /^Copy/);
    await page.evaluate(() => { document.execCommand = () => false; });
    await dialog(page).getByRole("button", { name: "Copy curl" }).click();
    await page.getByRole("status").getByText("The browser did not copy it").waitFor();
    await dialog(page).getByRole("button", { name: "I have stored it" }).click();
    await page.getByLabel("Search keys").focus();
    await page.keyboard.press("Control+V");
    assert.equal(await page.getByLabel("Search keys").inputValue(), value);
    await page.context().close();
  });

  test("who is refused when the page is opened can sign in as another", async () => {
    const { kedge, page, account, username } = await somebody();
    await signIn(page, username, PASSWORD);
    await kedge.ask("PUT", `/v2/accounts/${account}/state`, { state: "disabled" });
    await page.reload();
    await page.getByRole("alert").getByText(`Account ${account} not enabled`).waitFor();
    await check(page, "sign-in after a refusal");
    await picture(page, "sign-in-refused");
    await signIn(page, "alice", PASSWORD);
    await page.context().close();
  });

  test("a page does not go on as one user with the session of another", async () => {
    const { page, username } = await somebody();
    const other = await page.context().newPage();
    await page.clock.install();
    for (const tab of [page, other]) await tab.goto("/console/");
    for (const [tab, name] of [[page, username], [other, "alice"]]) {
      await tab.getByLabel("User").fill(name);
      await tab.getByLabel("Password").fill(PASSWORD);
      await tab.getByRole("button", { name: "Sign in" }).click();
      await tab.locator(".who-name").getByText(name).waitFor();
    }
    await page.clock.fastForward("10:00");
    await page.getByRole("link", { name: "Roles" }).or(page.getByRole("link", { name: "My API keys" })).first().click();
    await page.locator(".who-name").getByText("alice").waitFor();
    await page.context().close();
  });

  test("tables are no wider than the window, nor than their card", async () => {
    const { kedge, page } = await administrator();
    await page.route(/\/api-keys\?/, async (route) => {
      const answer = await (await route.fetch()).json();
      const used = new Date(Date.now() - 12.5 * 60_000).toISOString();
      for (const key of answer.items) Object.assign(key, { created_at: "2026-01-01T00:00:00Z", last_used_at: used });
      await route.fulfill({ json: answer });
    });
    await signIn(page, "admin", kedge.password, "/console/accounts/mad-hatter-team/users/alice");
    await row(page, "nightly-scan").getByText("12 minutes ago").waitFor();
    for (const width of [1152, 1160, 1240, 1264, 1265, 1280, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      const beyond = await page.evaluate(() => {
        const right = (element) => element.getBoundingClientRect().right;
        const tables = [...document.querySelectorAll(".table")].map((table) => right(table) - right(table.closest(".card")));
        return Math.max(document.documentElement.scrollWidth - document.documentElement.clientWidth, ...tables);
      });
      assert.ok(beyond <= 0, `${beyond} px too wide in a window of ${width}`);
    }
    await page.context().close();
  });

  test("what failed is asked for anew", async () => {
    const { kedge, page } = await administrator();
    await signIn(page, "admin", kedge.password, "/console/accounts/mad-hatter-team");
    await row(page, "alice").waitFor();
    await page.route("**/v2/accounts/mad-hatter-team/users/alice", (route) => route.abort());
    await row(page, "alice").getByRole("link", { name: "Tools" }).click();
    await page.getByRole("button", { name: "Try again" }).waitFor();
    await page.unrouteAll();
    await page.getByRole("button", { name: "Try again" }).click();
    await row(page, "read-write").waitFor();
    assert.equal(await page.getByRole("alert").count(), 0);
    await page.context().close();
  });

  test("a second click opens nothing twice, and a dialog that cannot open says why", async () => {
    const { kedge, page } = await administrator();
    await signIn(page, "admin", kedge.password, "/console/accounts/tea-party/users/hatter");
    await row(page, "account-user-admin").waitFor();
    const answer = await held(page, "GET", "/v2/rbac-manager/roles");
    await page.getByRole("button", { name: "Grant role" }).dblclick();
    answer();
    await dialog(page).waitFor();
    await wait(300);
    assert.equal(await dialog(page).count(), 1);
    await page.keyboard.press("Escape");
    await page.unrouteAll();
    await page.route("**/v2/rbac-manager/roles", (route) => route.abort());
    await page.getByRole("button", { name: "Grant role" }).click();
    await page.getByRole("status").getByText("The server could not be reached.").waitFor();
    await page.context().close();
  });

  test("who may grant roles in another account only is asked which", async () => {
    const { kedge, page, username } = await somebody();
    await kedge.ask("POST", "/v2/rbac-manager/roles/account-user-admin/members", { username, domain_name: "tea-party" });
    await signIn(page, username, PASSWORD, "/console/accounts/tea-party/users/march-hare");
    await page.getByRole("button", { name: "Grant role" }).click();
    await dialog(page).getByLabel("Role").selectOption("read-only");
    await page.context().close();
  });

  test("what is refused after its dialog was closed is told all the same", async () => {
    const { page, username } = await somebody();
    await signIn(page, username, PASSWORD);
    const answer = await held(page, "POST", "/v2/user/api-keys", refusal("No more of them today"));
    await page.getByRole("button", { name: "Create API key" }).first().click();
    await dialog(page).getByLabel("Name", { exact: true }).fill("tart");
    await dialog(page).getByRole("button", { name: "Create key" }).click();
    await dialog(page).locator("[type=submit][aria-disabled=true]").waitFor();
    assert.equal(await focused(page), "Create key");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await dialog(page).waitFor({ state: "detached" });
    answer();
    await page.getByRole("status").getByText("No more of them today").waitFor();
    assert.equal(page.requests.filter((request) => request.method() === "POST" && request.url().endsWith("/api-keys")).length, 1);
    await page.context().close();
  });

  test("revoking all keys tells how far it came", async () => {
    const { kedge, account, username } = await somebody(["tart-1", "tart-2", "tart-3"]);
    const { page } = await administrator();
    await signIn(page, "admin", kedge.password, `/console/accounts/${account}/users/${username}`);
    await row(page, "tart-1").waitFor();
    await page.route("**/api-keys/tart-2", (route) => (route.request().method() === "PATCH" ? refusal("Not this one")(route) : route.fallback()));
    await page.getByRole("button", { name: "Revoke all keys" }).click();
    await dialog(page).getByLabel(`Type ${username} to confirm`).fill(username);
    await dialog(page).getByRole("button", { name: "Revoke 3 keys" }).click();
    await dialog(page).getByRole("alert").getByText("1 of 3 keys are revoked, the others are not. Not this one").waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".keys tbody tr").length === 2);
    await page.context().close();
  });

  test("a late answer does not take the place of a newer one", async () => {
    const { kedge, page } = await administrator();
    await signIn(page, "admin", kedge.password, "/console/audit");
    await page.locator("tbody tr").first().waitFor();
    const answer = await held(page, "GET", "user=nobody-at-all");
    await page.getByLabel("By user").fill("nobody-at-all");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.locator("tbody tr").first().waitFor();
    await settled(page);
    answer();
    await wait(500);
    assert.ok((await page.locator("tbody tr").count()) > 1);
    await page.context().close();
  });

  test("that the session has ended is told once, and what was said before goes", async () => {
    const { kedge, page, account, username } = await somebody(["pepper"]);
    await kedge.ask("POST", "/v2/rbac-manager/roles/account-user-admin/members", { username, domain_name: account });
    await page.clock.install();
    await signIn(page, username, PASSWORD, "/console/accounts");
    await kedge.ask("POST", `/v2/accounts/${account}/users/${username}/credentials`, { type: "password", value: `${PASSWORD}!` });
    // Two requests at once, when the access token has run out.
    await page.clock.fastForward("10:00");
    await page.getByRole("main").getByRole("link", { name: account }).click();
    await page.getByText("Your session has ended.").waitFor();
    await wait(500);
    await page.getByText("Your session has ended.").waitFor();
    await signIn(page, username, `${PASSWORD}!`);
    await row(page, "pepper").getByRole("button", { name: "Revoke" }).click();
    await dialog(page).getByRole("button", { name: "Revoke pepper" }).click();
    await page.locator(".toast").waitFor();
    await (await menu(page)).getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.ok(!(await page.content()).includes("pepper"));
    await page.context().close();
  });

  test("a page that cannot be loaded offers to load anew", async () => {
    const { kedge, page } = await administrator();
    await signIn(page, "admin", kedge.password);
    await page.route("**/groups.js", (route) => route.fulfill({ status: 404 }));
    await (await menu(page)).getByRole("link", { name: "Groups" }).click();
    await page.getByRole("heading", { level: 1, name: "Groups" }).waitFor();
    await page.getByText("The page could not be loaded.").waitFor();
    await check(page, "a page that is not there any more");
    await page.unrouteAll();
    await page.getByRole("button", { name: "Reload" }).click();
    await row(page, "spectators").waitFor();
    await page.context().close();
  });

  test("the focus stays where something was done", async () => {
    const { page, username } = await somebody([...Array(51).keys()].map((n) => `tart-${n}`));
    await signIn(page, username, PASSWORD);
    const inList = () => page.waitForFunction(() => document.querySelector(".keys [tabindex='-1']") === document.activeElement);
    await row(page, "tart-50").getByRole("button", { name: "Revoke" }).click();
    await dialog(page).getByRole("button", { name: "Revoke tart-50" }).click();
    await row(page, "tart-50").waitFor({ state: "detached" });
    await inList();
    await page.getByLabel("Show only active API keys").uncheck();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("Page 2").waitFor();
    await row(page, "tart-0").waitFor();
    await inList();
    await page.context().close();
  });

  test("a group and a provider have a heading before they are known, and a group gives its name to the tab", async () => {
    const { kedge, page } = await administrator();
    await signIn(page, "admin", kedge.password, "/console/groups");
    const answer = await held(page, "GET", "/v2/system/user-groups/");
    await row(page, "spectators").getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: "Group", exact: true }).waitFor();
    assert.equal(await focused(page), "Group");
    assert.equal(await page.title(), "Group · Kedge");
    answer();
    await page.getByRole("heading", { level: 1, name: "spectators" }).waitFor();
    assert.equal(await focused(page), "spectators");
    assert.equal(await page.title(), "spectators · Group · Kedge");
    await page.goto("/console/single-sign-on/nobodys");
    await page.getByRole("heading", { level: 1, name: "nobodys" }).waitFor();
    await page.getByRole("alert").getByText("not found").waitFor();
    assert.equal(await page.getByRole("main").getByRole("button").count(), 0);
    await page.context().close();
  });

  test("the name of a key neither turns nor breaks the sentence around it", async () => {
    const bugs = "🐛".repeat(40);
    const { page, username } = await somebody(["safe\u202eexe", bugs]);
    await signIn(page, username, PASSWORD);
    await row(page, "safe").getByRole("button", { name: "Revoke" }).click();
    // The sentence after the name: its characters stand from left to right.
    const [first, later] = await dialog(page).locator("strong").evaluate((name) => {
      const text = name.nextSibling;
      return [1, 6].map((index) => {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + 1);
        return range.getBoundingClientRect().left;
      });
    });
    assert.ok(first < later, `${first} ${later}`);
    await dialog(page).getByRole("button", { name: "Revoke safe" }).click();
    await page.locator(".toast bdi").waitFor();
    await settled(page);
    await row(page, bugs).getByRole("button", { name: "Revoke" }).click();
    assert.equal(await dialog(page).locator("[type=submit]").innerText(), `Revoke ${"🐛".repeat(27)}…`);
    await page.context().close();
  });

  test("a key that expires sooner than asked for says so", async () => {
    const { kedge, page, username } = await somebody(["tart"]);
    const key = "user_authentication.max_api_key_age_days";
    await signIn(page, username, PASSWORD);
    await row(page, "tart").waitFor();
    await kedge.ask("PUT", `/v2/system/configurations/${key}`, { key, value: 100 });
    try {
      await page.getByRole("button", { name: "Create API key" }).click();
      await dialog(page).getByLabel("Name", { exact: true }).fill("jelly");
      await dialog(page).getByLabel("365 days").check();
      await dialog(page).getByRole("button", { name: "Create key" }).click();
      const day = new Date(Date.now() + 100 * DAY_MS).toISOString().slice(0, 10);
      await dialog(page).getByRole("alert").getByText(`It expires on ${day}, sooner than you asked for`).waitFor();
      await check(page, "a key with less life");
      await picture(page, "value-sooner");
      await dialog(page).getByRole("button", { name: "I have stored it" }).click();
    } finally {
      await kedge.ask("DELETE", `/v2/system/configurations/${key}`);
    }
    await row(page, "tart").getByRole("button", { name: "Rotate" }).click();
    await dialog(page).getByRole("button", { name: "Rotate key" }).click();
    await dialog(page).getByRole("heading", { name: "tart-2 is ready" }).waitFor();
    assert.equal(await dialog(page).getByRole("alert").count(), 0);
    await page.context().close();
  });
}
