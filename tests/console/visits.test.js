// How one comes to a page, leaves it and comes back, and what a page shows to whom.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { check, settled, signIn } from "./browser.js";
import { PASSWORD, PICTURES, dialog, held, people, picture, row, world } from "./world.js";

let kedge;
let browser;
let end;
const { administrator, somebody } = people(() => ({ kedge, browser }));
const LONG = "production-deployment-pipeline-eu-west";
const NARROW = { width: 360, height: 740 };
const main = (page) => page.getByRole("main");
const tarts = (count) => [...Array(count).keys()].map((n) => `tart-${n}`);
const grant = (role, username, domain) => kedge.ask("POST", `/v2/rbac-manager/roles/${role}/members`, { username, domain_name: domain });
const shownAtStart = (page) => page.waitForFunction(() => {
  const { top } = document.querySelector(".toolbar, .table").getBoundingClientRect();
  return top >= -1 && top < innerHeight / 2;
});

before(async () => {
  ({ kedge, browser, end } = await world());
});
after(() => end?.());

test("the search, the toggle, the page and the place of a list are there again after Back and a reload", async () => {
  const { page, username } = await somebody(tarts(60));
  await signIn(page, username, PASSWORD);
  await page.getByLabel("Show only active API keys").uncheck();
  // It is asked for a moment after the last letter, and shows its first page.
  const found = page.waitForResponse(/[?&]search=tart(&|$)/);
  await page.getByLabel("Search keys").fill("tart");
  await found;
  await settled(page);
  await page.locator("tbody tr").nth(49).waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("Page 2").waitFor();
  const shown = async () => {
    await page.getByText("Page 2").waitFor();
    await row(page, "tart-0").waitFor();
    assert.equal(await page.getByLabel("Search keys").inputValue(), "tart");
    assert.equal(await page.getByLabel("Show only active API keys").isChecked(), false);
  };
  await page.reload();
  await shown();
  await page.getByRole("button", { name: "Previous" }).click();
  await row(page, "tart-59").waitFor();
  await page.evaluate(() => window.scrollTo(0, 1500));
  await page.getByRole("banner").getByRole("link", { name: username }).click();
  await page.getByRole("heading", { level: 1, name: "My account" }).waitFor();
  assert.equal(await page.evaluate(() => window.scrollY), 0);
  await page.goBack();
  await row(page, "tart-59").waitFor();
  await page.waitForFunction(() => window.scrollY === 1500);
  await page.reload();
  await row(page, "tart-59").waitFor();
  await page.waitForFunction(() => window.scrollY === 1500);
  await page.context().close();
});

test("the place of a list is kept when it is left at once, and when it is left before it was there again", async () => {
  const { page, username } = await somebody(tarts(60));
  await signIn(page, username, PASSWORD);
  await row(page, "tart-59").waitFor();
  const back = async (top) => {
    await row(page, "tart-59").waitFor();
    await page.waitForFunction((top) => window.scrollY === top, top);
  };
  await Promise.all([page.waitForEvent("load"), page.evaluate(() => { window.scrollTo(0, 1500); window.location.reload(); })]);
  await back(1500);
  await page.evaluate(() => { window.scrollTo(0, 1200); document.querySelector("[href='/console/profile']").click(); });
  await page.getByRole("heading", { level: 1, name: "My account" }).waitFor();
  const list = /\/v2\/user\/api-keys/;
  let isAsked;
  const asked = new Promise((resolve) => { isAsked = resolve; });
  await page.route(list, isAsked, { times: 1 });
  await page.goBack();
  const unanswered = await asked;
  await page.reload();
  // The page that asked is gone.
  await unanswered.abort().catch(() => {});
  await back(1200);
  await page.reload({ waitUntil: "commit" });
  await page.reload();
  await back(1200);
  await page.context().close();
});

test("a value that is pasted into a search gets into no address and no history", async () => {
  const { page, username, credentials } = await somebody();
  const { value } = await kedge.ask("POST", "/v2/user/api-keys", { name: "walrus" }, credentials);
  const secret = value.slice(12);
  for (const role of ["account-user-admin", "read-only"]) await grant(role, username, "tea-party");
  for (const [path, label] of [["/console/", "Search keys"], ["/console/accounts/tea-party", "Search users"], ["/console/audit", "By user"]]) {
    await (path === "/console/" ? signIn(page, username, PASSWORD, path) : page.goto(path));
    const asked = page.waitForRequest(/kedge_/);
    await page.getByLabel(label).fill(`'${value}'`);
    await page.getByLabel(label).press("Enter");
    await asked;
    await settled(page);
    assert.ok(!(await page.evaluate(() => JSON.stringify(window.history.state) + window.location.href)).includes(secret), path);
  }
  assert.ok(page.requests.every((request) => !request.url().includes(secret)));
  await page.context().close();
});

test("the page of the audit trail stands in its address", async () => {
  const { page } = await administrator();
  for (const name of tarts(30)) {
    await kedge.ask("POST", "/v2/accounts", { name });
    await kedge.ask("PUT", `/v2/accounts/${name}/state`, { state: "disabled" });
  }
  await signIn(page, "admin", kedge.password, "/console/audit");
  await page.getByRole("button", { name: "Older" }).click();
  await page.getByText("Page 2").waitFor();
  await shownAtStart(page);
  await page.getByRole("link", { name: "Roles" }).click();
  await page.getByRole("heading", { level: 1, name: "Roles" }).waitFor();
  await page.goBack();
  await page.getByText("Page 2").waitFor();
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByText("Page 1").waitFor();
  await page.context().close();
});

test("the next page of a list is shown from its start, and the skip link asks for nothing anew", async () => {
  const { page, username } = await somebody(tarts(60), NARROW);
  await signIn(page, username, PASSWORD);
  await page.locator("tbody tr").nth(49).waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await row(page, "tart-0").waitFor();
  await shownAtStart(page);
  const count = page.requests.length;
  await page.getByRole("link", { name: "Skip to the content" }).focus();
  await page.keyboard.press("Enter");
  await settled(page);
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  assert.equal(page.requests.length, count);
  await page.context().close();
});

test("a dialog does not outlive its page, but for a value that is not stored yet", async () => {
  const { page } = await administrator();
  await signIn(page, "admin", kedge.password, "/console/groups");
  await page.getByRole("link", { name: "Accounts" }).click();
  await page.getByRole("button", { name: "Create account" }).click();
  await dialog(page).waitFor();
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: "Groups" }).waitFor();
  await dialog(page).waitFor({ state: "detached" });
  for (const [path, label, part] of [
    ["/console/accounts/tea-party/users/hatter", "Grant role", "/v2/rbac-manager/roles"],
    ["/console/", "Rotate", "search=lobster"],
  ]) {
    if (path === "/console/") await kedge.ask("POST", "/v2/user/api-keys", { name: "lobster" });
    await page.goto(path);
    const answer = await held(page, "GET", part);
    const asked = page.waitForRequest((request) => request.url().includes(part));
    await page.getByRole("button", { name: label }).first().click();
    await asked;
    await page.getByRole("link", { name: "Accounts", exact: true }).click();
    await row(page, "tea-party").waitFor();
    const answered = page.waitForResponse((response) => response.url().includes(part));
    answer();
    await (await answered).finished();
    await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 100); }));
    assert.equal(await dialog(page).count(), 0, label);
    await page.unrouteAll();
  }
  await page.getByRole("link", { name: "My API keys" }).click();
  await row(page, "lobster").getByRole("button", { name: "Rotate" }).click();
  await dialog(page).getByRole("button", { name: "Rotate key" }).click();
  await dialog(page).getByRole("heading", { name: "lobster-2 is ready" }).waitFor();
  await page.goBack();
  await row(page, "tea-party").waitFor();
  await dialog(page).getByRole("button", { name: "I have stored it" }).click();
  await page.context().close();
});

test("what does not exist is told once, and nothing is offered for it", async () => {
  const { page } = await administrator();
  await signIn(page, "admin", kedge.password);
  for (const path of ["accounts/tea-party/users/none", "accounts/none-such", "groups/00000000-0000-4000-8000-000000000000", "roles/none"]) {
    await page.goto(`/console/${path}`);
    await main(page).getByText(/not found/).waitFor();
    await settled(page);
    assert.equal(await main(page).getByText(/not found/i).count(), 1, path);
    assert.equal(await main(page).getByRole("button").count(), 0, path);
    assert.equal(await main(page).getByRole("heading", { level: 2 }).count(), 0, path);
    await check(page, path);
  }
  await picture(page, "not-found");
  await page.context().close();
});

test("what happened is offered where its account's events may be seen, and of no other account", async () => {
  const { page, username, account } = await somebody();
  await kedge.ask("POST", "/v2/user/api-keys", { name: "tart" }, ["hatter", PASSWORD]);
  for (const domain of ["tea-party", "croquet"]) for (const role of ["account-user-admin", "read-only"]) await grant(role, username, domain);
  await signIn(page, username, PASSWORD, "/console/accounts/tea-party/users/hatter");
  await row(page, "tart").getByRole("link", { name: "History" }).waitFor();
  const asked = page.waitForRequest((request) => request.url().includes("/v2/events"));
  await page.getByRole("link", { name: "Activity" }).click();
  assert.equal((await asked).headers()["x-anchore-account"], "tea-party");
  assert.equal(await page.getByLabel("Account").inputValue(), "tea-party");
  await page.goto(`/console/audit?account=${account}&user=x`);
  await page.getByRole("alert").getByText(`You may not see the events of the account ${account}.`).waitFor();
  assert.equal(page.requests.filter((request) => request.url().includes("/v2/events")).length, 1);
  await check(page, "the audit trail of another account");
  await page.goto("/console/");
  await kedge.ask("POST", "/v2/user/api-keys", { name: "mine" }, [username, PASSWORD]);
  await page.reload();
  await row(page, "mine").waitFor();
  assert.equal(await page.getByRole("link", { name: "History" }).count(), 0);
  await page.context().close();
});

test("a page that is not offered says so and nothing else", async () => {
  const { page, username } = await somebody();
  await signIn(page, username, PASSWORD);
  for (const path of ["audit", "groups", "accounts", "roles", "single-sign-on"]) {
    await page.goto(`/console/${path}`);
    await page.getByRole("alert").getByText("You hold no role that lets you see this page.").waitFor();
    assert.equal(await main(page).getByRole("textbox").or(main(page).getByRole("button")).count(), 0, path);
    assert.ok(page.requests.every((request) => !/v2\/(events|system)/.test(request.url())));
    await check(page, path);
  }
  await page.context().close();
});

test("no role is offered that the caller could not grant, and nothing to a user above them", async () => {
  const { page, username } = await somebody();
  await grant("account-user-admin", username, "tea-party");
  await kedge.ask("POST", "/v2/accounts/tea-party/users", { username: "knave", password: PASSWORD });
  await signIn(page, username, PASSWORD, "/console/accounts/tea-party/users/knave");
  await page.getByRole("button", { name: "Set password" }).waitFor();
  await page.getByRole("button", { name: "Grant role" }).click();
  await dialog(page).getByLabel("Role").waitFor();
  const offered = await dialog(page).getByLabel("Role").locator("option").allInnerTexts();
  assert.ok(offered.includes("account-user-admin"), `${offered}`);
  await page.keyboard.press("Escape");
  const roles = await kedge.ask("GET", "/v2/rbac-manager/roles");
  for (const { name } of roles) {
    const may = await kedge.ask("POST", `/v2/rbac-manager/roles/${name}/members`, { username: "knave", domain_name: "tea-party" }, [username, PASSWORD]).then(() => true, ({ status }) => {
      assert.equal(status, 403);
      return false;
    });
    assert.equal(offered.includes(name), may, name);
  }
  await grant("full-control", "knave", "tea-party");
  await page.reload();
  await row(page, "full-control").waitFor();
  await row(page, "read-only").getByRole("button", { name: "Remove" }).waitFor();
  assert.equal(await row(page, "full-control").getByRole("button", { name: "Remove" }).count(), 0);
  for (const name of ["Set password", "Delete user", "Create API key"]) assert.equal(await page.getByRole("button", { name }).count(), 0, name);
  await page.goto("/console/accounts/tea-party");
  await row(page, "hatter").getByRole("button", { name: "Delete" }).waitFor();
  assert.equal(await row(page, "knave").getByRole("button", { name: "Delete" }).count(), 0);
  await page.context().close();
});

test("the buttons of a dialog stay inside of it, and a long name does not fill the window", async () => {
  const { page, username } = await somebody([LONG, "x".repeat(121)], NARROW);
  await signIn(page, username, PASSWORD);
  await row(page, LONG).getByRole("button", { name: "Revoke" }).click();
  await check(page, "revoke a long name");
  const around = await dialog(page).boundingBox();
  for (const button of await dialog(page).getByRole("button").all()) {
    const box = await button.boundingBox();
    assert.ok(box.x >= around.x && box.x + box.width <= around.x + around.width, JSON.stringify([box, around]));
  }
  await page.screenshot({ path: `${PICTURES}/revoke-long-360.png` });
  await page.keyboard.press("Escape");
  await row(page, "xxx").getByRole("button", { name: "Revoke" }).click();
  await dialog(page).getByRole("button", { name: /^Revoke/ }).click();
  await page.locator(".toast").waitFor();
  const { height } = await page.locator(".toast").boundingBox();
  assert.ok(height < 80, `${height}`);
  await page.context().close();
});

test("a long description takes three lines until all of it is asked for", async () => {
  const text = "Each of them is painted red before the Queen comes. ".repeat(19).trim();
  const { user_group_uuid: _, ...group } = await kedge.ask("POST", "/v2/system/user-groups", { name: "roses", description: text });
  for (const look of [NARROW, { width: 1280, dark: true }]) {
    const { page } = await administrator(look);
    await signIn(page, "admin", kedge.password, "/console/groups");
    const summary = row(page, "roses").locator("summary");
    await summary.waitFor();
    const height = async () => (await summary.locator("span").boundingBox()).height;
    assert.ok((await height()) < 70, `${await height()}`);
    await check(page, "a long description");
    await picture(page, `description-${look.width}`);
    await summary.click();
    assert.ok((await height()) > 100);
    await page.context().close();
  }
  await kedge.ask("DELETE", `/v2/system/user-groups/${group.group_uuid}`);
});

test("words do not break where a table has room, and cards use theirs", async () => {
  const { account } = await somebody();
  await kedge.ask("POST", "/v2/accounts", { name: "a-very-long-account-name", email: "the.queen.of.hearts@wonderland.example" });
  for (const [width, path, selector] of [
    [1280, "roles", ".name"], [1280, "accounts?", "td[data-label=E-mail] > div"], [1280, `accounts/${account}`, ".name"], [1920, "audit", "th .description"],
  ]) {
    const { page } = await administrator({ width });
    await signIn(page, "admin", kedge.password, `/console/${path}`);
    await page.locator(`tbody ${selector}`).first().waitFor();
    await settled(page);
    // A line of text that ends within a word.
    const broken = await page.locator(`tbody ${selector}`).evaluateAll((cells) => cells.flatMap((cell) => {
      const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      const found = [];
      let before = null;
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        for (let at = 0; at < node.length; at++) {
          const range = document.createRange();
          range.setStart(node, at);
          range.setEnd(node, at + 1);
          const { top } = range.getBoundingClientRect();
          if (before && top > before.top + 5 && /\w/.test(before.sign) && !/[\s_]/.test(before.sign)) found.push(cell.textContent);
          before = { top, sign: node.data[at] };
        }
      }
      return found;
    }));
    assert.deepEqual(broken, [], path);
    await picture(page, `words-${path.replace(/\W/g, "-")}-${width}`);
    await page.context().close();
  }
  const { page } = await administrator({ width: 768 });
  await signIn(page, "admin", kedge.password, "/console/roles");
  const card = await row(page, "read-only").boundingBox();
  const cell = await row(page, "read-only").getByRole("cell").boundingBox();
  assert.ok(cell.width > card.width * 0.8, `${cell.width} ${card.width}`);
  await picture(page, "roles-768");
  await page.context().close();
});

test("who changed their password is told to sign in with it, and who has to wait, how long", async () => {
  const { page, username } = await somebody();
  await signIn(page, username, PASSWORD, "/console/profile");
  await page.getByRole("button", { name: "Change password" }).click();
  await dialog(page).getByLabel("New password", { exact: true }).fill("another-glass");
  await dialog(page).getByLabel("New password, again").fill("another-glass");
  await dialog(page).getByRole("button", { name: "Change password" }).click();
  await page.getByText("Your password is changed. Sign in with it.").waitFor();
  assert.equal(await page.getByText("Your session has ended.").count(), 0);
  await check(page, "the sign-in after a change of password");
  await page.route("**/v2/rbac-manager/saml/idps", (route) => route.fulfill({ json: ["The-Identity-Provider-of-the-Kingdom-of-Hearts"] }));
  await page.route("**/console/session", (route) =>
    route.fulfill({ status: 429, headers: { "Retry-After": "95" }, json: { message: "Too many sign-ins failed, try again later.", detail: {}, httpcode: 429 } }));
  await page.reload();
  assert.equal(await page.getByRole("link", { name: /^Sign in with The/ }).evaluate((link) => getComputedStyle(link).textAlign), "center");
  await page.getByLabel("User").fill(username);
  await page.getByLabel("Password").fill("another-glass");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").getByText("Too many sign-ins failed, try again in 2 minutes.").waitFor();
  await page.context().close();
});

test("a name that is refused is so without the place in a body, and its field says what names are made of", async () => {
  const { page } = await administrator();
  await signIn(page, "admin", kedge.password, "/console/accounts");
  await page.getByRole("button", { name: "Create account" }).click();
  await dialog(page).getByText(/^Letters a-z, digits, spaces and @ \. ! .*begins with a letter or digit/).waitFor();
  await dialog(page).getByLabel("Name", { exact: true }).fill("-nobody");
  await dialog(page).getByRole("button", { name: "Create account" }).click();
  await dialog(page).getByRole("alert").waitFor();
  await page.screenshot({ path: `${PICTURES}/name-refused.png` });
  await page.goto("/console/");
  await page.getByRole("button", { name: "Create API key" }).first().click();
  await dialog(page).getByLabel("Name", { exact: true }).fill("mushroom");
  await dialog(page).getByText("Limit what the key may do").click();
  await dialog(page).getByLabel("Networks").fill("nowhere");
  const answered = page.waitForResponse((response) => response.request().method() === "POST" && response.url().endsWith("/v2/user/api-keys"));
  await dialog(page).getByRole("button", { name: "Create key" }).click();
  const answer = await (await answered).text();
  assert.match(answer, / at line \d+ column \d+/);
  assert.ok(!(await dialog(page).getByRole("alert").innerText()).includes("column"));
  await page.context().close();
});

test("a mapped group is removed when it is confirmed", async () => {
  const { page } = await administrator();
  await signIn(page, "admin", kedge.password);
  let removed = 0;
  await page.route("**/saml/idps/looking-glass", (route) => route.fulfill({ json: { name: "looking-glass", enabled: true } }));
  await page.route("**/saml/idps/looking-glass/user-group-mappings**", (route) => {
    if (route.request().method() === "GET") return route.fulfill({ json: removed ? [] : [{ user_group_name: "spectators", user_group_uuid: "1" }] });
    removed += 1;
    return route.fulfill({ status: 204 });
  });
  await page.goto("/console/single-sign-on/looking-glass");
  await row(page, "spectators").getByRole("button", { name: "Remove" }).click();
  await dialog(page).getByText("loses its roles at once").waitFor();
  await check(page, "remove a mapped group");
  assert.equal(removed, 0);
  await dialog(page).getByRole("button", { name: "Remove group" }).click();
  await page.getByText("No group is mapped to this provider.").waitFor();
  assert.equal(removed, 1);
  await page.context().close();
});
