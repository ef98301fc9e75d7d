// Every flow of the console in a real browser, by mouse and once by keyboard alone.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { check, open, settled, signIn } from "./browser.js";
import { freePort } from "./kedge.js";
import { PASSWORD, VECTOR, dialog, menu, metadata, picture, row, world } from "./world.js";

/** The tests, in windows that look so: { width, height, dark }. */
export function flows(look) {
  let kedge;
  let browser;
  let end;

  before(async () => {
    ({ kedge, browser, end } = await world());
  });
  after(() => end?.());

  test("a wrong password is told, and the right one signs in", async () => {
    const page = await open(browser, kedge, look);
    await page.goto("/console/");
    await page.getByLabel("User").fill("alice");
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("The user name or password is incorrect.").waitFor();
    await check(page, "sign-in with an error");
    await picture(page, `sign-in-error-${look.width}`);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "My API keys" }).waitFor();
    // The session survives a reload, and two tabs.
    await Promise.all([page.reload(), page.context().newPage().then((other) => other.goto("/console/profile"))]);
    await page.getByRole("heading", { level: 1, name: "My API keys" }).waitFor();
    const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
    assert.equal(stored, `[{},{},""]`);
    const [cookie] = await page.context().cookies();
    assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite], ["kedge-session", true, "Strict"]);
    await page.context().close();
  });

  test("only active keys are listed until the others are asked for", async () => {
    const page = await open(browser, kedge, look);
    await signIn(page, "alice", PASSWORD);
    await row(page, "cheshire-cat").getByText(/just now|minutes? ago/).first().waitFor();
    assert.equal(await row(page, "queen-of-hearts").count(), 0);
    await row(page, "nightly-scan").getByText("Expires soon").waitFor();
    await row(page, "build-7").getByText("from 10.0.0.0/8").waitFor();
    await page.getByLabel("Show only active API keys").uncheck();
    await row(page, "queen-of-hearts").getByText("Revoked").waitFor();
    await page.getByLabel("Search keys").fill("nothing like it");
    await page.getByText("No key matches.").waitFor();
    await check(page, "keys, nothing found");
    await page.context().close();
  });

  test("a key is created, shown once, copied, and works", async () => {
    const page = await open(browser, kedge, look);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: kedge.url });
    await signIn(page, "white-rabbit", PASSWORD);
    await page.getByText("No API keys yet").waitFor();
    await check(page, "no keys yet");
    await picture(page, `keys-empty-${look.width}`);
    await page.getByRole("button", { name: "Create API key" }).first().click();
    await dialog(page).getByRole("button", { name: "Create key" }).click();
    await dialog(page).getByText("Name is required.").waitFor();
    await dialog(page).getByLabel("Name", { exact: true }).fill("a/b");
    await dialog(page).getByRole("button", { name: "Create key" }).click();
    await dialog(page).getByText("or contain “/”").waitFor();
    await dialog(page).getByLabel("Name", { exact: true }).fill("watch");
    await dialog(page).getByLabel("Description").fill("For the pocket watch");
    await dialog(page).getByLabel("On a date").check();
    await dialog(page).getByLabel("Expiry date").fill(new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10));
    await check(page, "create key");
    await picture(page, `create-key-${look.width}`);
    await dialog(page).getByRole("button", { name: "Create key" }).click();
    await dialog(page).getByRole("heading", { name: "watch is ready" }).waitFor();
    const value = await dialog(page).getByLabel("Key value", { exact: true }).innerText();
    assert.match(value, /^kedge_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/);
    await check(page, "value of a key");
    await page.keyboard.press("Escape");
    await dialog(page).getByText(`curl -u '_api_key:${value}' ${kedge.url}/v2/user`).waitFor();
    await dialog(page).getByText(`export ANCHORECTL_PASSWORD='${value}'`).waitFor();
    await dialog(page).getByRole("button", { name: "Copy Key value" }).click();
    await page.getByRole("status").getByText("Copied").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), value);
    await dialog(page).getByRole("button", { name: "I have stored it" }).click();
    await row(page, "watch").getByText("Expires soon").waitFor();
    assert.ok(!(await page.content()).includes(value), "the value is gone from the page");
    assert.ok(!page.url().includes("kedge_") && !kedge.log.includes(value));
    assert.ok(page.requests.every((request) => !request.url().includes(value)));
    assert.equal((await kedge.ask("GET", "/v2/user", undefined, ["_api_key", value])).username, "white-rabbit");
    // The same name again is refused in the API's words.
    await page.getByRole("button", { name: "Create API key" }).click();
    await dialog(page).getByLabel("Name", { exact: true }).fill("watch");
    await dialog(page).getByRole("button", { name: "Create key" }).click();
    await dialog(page).getByRole("alert").getByText("already exists").waitFor();
    await page.keyboard.press("Escape");
    await dialog(page).waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Create API key");
    await page.context().close();
  });

  test("a key is rotated with an overlap, revoked and deleted", async () => {
    const page = await open(browser, kedge, look);
    const made = await kedge.ask("POST", "/v2/user/api-keys", { name: "jam" }, ["dormouse", PASSWORD]);
    await signIn(page, "dormouse", PASSWORD);
    await row(page, "jam").getByRole("button", { name: "Rotate" }).click();
    await dialog(page).getByLabel("Overlap").selectOption("60");
    await check(page, "rotate key");
    await picture(page, `rotate-key-${look.width}`);
    await dialog(page).getByRole("button", { name: "Rotate key" }).click();
    await dialog(page).getByRole("heading", { name: "jam-2 is ready" }).waitFor();
    await dialog(page).getByRole("button", { name: "I have stored it" }).click();
    await row(page, "jam-2").waitFor();
    const old = await kedge.ask("GET", "/v2/user/api-keys/jam", undefined, ["dormouse", PASSWORD]);
    const left = Date.parse(old.expires_at) - Date.now();
    assert.ok(left > 3_500_000 && left <= 3_600_000, `${left}`);
    await kedge.ask("GET", "/v2/user", undefined, ["_api_key", made.value]);
    await page.locator("tr").filter({ has: page.getByText("jam", { exact: true }) }).getByRole("button", { name: "Revoke" }).click();
    await dialog(page).getByText("This cannot be undone.").waitFor();
    assert.match(await dialog(page).innerText(), /Whatever uses jam \(kedge_/);
    await check(page, "revoke key");
    await dialog(page).getByRole("button", { name: "Revoke jam" }).click();
    await page.getByRole("status").getByText("jam is revoked").waitFor();
    await assert.rejects(kedge.ask("GET", "/v2/user", undefined, ["_api_key", made.value]), { status: 401 });
    await page.getByLabel("Show only active API keys").uncheck();
    await page.locator("tr").filter({ has: page.getByText("jam", { exact: true }) }).getByRole("button", { name: "Delete" }).click();
    await dialog(page).getByRole("button", { name: "Delete jam" }).click();
    await page.getByRole("status").getByText("jam is deleted").waitFor();
    await page.context().close();
  });

  test("all of it works by the keyboard alone", async () => {
    const page = await open(browser, kedge, look);
    const type = (text) => page.keyboard.type(text);
    const to = async (name) => {
      for (let pressed = 0; pressed < 60; pressed++) {
        const now = await page.evaluate(() => {
          const element = document.activeElement;
          return element.labels?.[0]?.innerText ?? element.innerText ?? "";
        });
        if (now.replace(/\s+/g, " ").trim().startsWith(name)) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`the keyboard does not reach ${name}`);
    };
    await page.goto("/console/");
    await page.getByLabel("User").waitFor();
    await to("User");
    await type("march-hare");
    await page.keyboard.press("Tab");
    await type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByText("No API keys yet").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
    await to("Create API key");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid", "the focus is seen");
    await page.keyboard.press("Enter");
    await to("Name");
    await type("teapot");
    await to("Create key");
    await page.keyboard.press("Enter");
    await dialog(page).getByRole("heading", { name: "teapot is ready" }).waitFor();
    await to("I have stored it");
    await page.keyboard.press("Enter");
    await row(page, "teapot").waitFor();
    await to("Revoke teapot");
    await page.keyboard.press("Enter");
    await dialog(page).waitFor();
    await to("Revoke teapot");
    await page.keyboard.press("Enter");
    await page.getByRole("status").getByText("teapot is revoked").waitFor();
    if (look.width < 800) {
      await to("Menu");
      await page.keyboard.press("Enter");
    }
    await to("Sign out");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.deepEqual(page.wrong, []);
    await page.context().close();
  });

  test("signing out ends the session in every tab", async () => {
    const page = await open(browser, kedge, look);
    await signIn(page, "alice", PASSWORD);
    const other = await page.context().newPage();
    await other.goto("/console/");
    await other.locator(".layout h1").waitFor();
    await (await menu(page)).getByRole("button", { name: "Sign out" }).click();
    await other.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.context().close();
  });

  test("a session that was ended elsewhere is told at the next step", async () => {
    const page = await open(browser, kedge, look);
    await signIn(page, "dormouse", PASSWORD);
    await row(page, "jam-2").waitFor();
    await kedge.ask("POST", "/v2/accounts/mad-hatter-team/users/dormouse/credentials", { type: "password", value: "sleepy-glass" });
    await (await menu(page)).getByRole("link", { name: "dormouse" }).click();
    await page.getByText("Your session has ended.").waitFor();
    await check(page, "session has ended");
    await page.getByLabel("User").fill("dormouse");
    await page.getByLabel("Password").fill("sleepy-glass");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "My account" }).waitFor();
    await page.context().close();
  });

  test("the password is changed, which ends the sign-ins", async () => {
    const page = await open(browser, kedge, look);
    await signIn(page, "dormouse", "sleepy-glass", "/console/profile");
    await page.getByText("This one").waitFor();
    await check(page, "my account");
    await page.getByRole("button", { name: "Change password" }).click();
    await dialog(page).getByLabel("New password", { exact: true }).fill("another-glass");
    await dialog(page).getByLabel("New password, again").fill("another");
    await dialog(page).getByRole("button", { name: "Change password" }).click();
    await dialog(page).getByText("The two passwords do not match.").waitFor();
    await dialog(page).getByLabel("New password, again").fill("another-glass");
    await dialog(page).getByRole("button", { name: "Change password" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await signIn(page, "dormouse", "another-glass");
    await page.context().close();
  });

  test("accounts are created, disabled, enabled and deleted", async () => {
    const page = await open(browser, kedge, look);
    await signIn(page, "admin", kedge.password, "/console/accounts");
    await page.getByRole("button", { name: "Create account" }).click();
    await dialog(page).getByLabel("Name", { exact: true }).fill("users");
    await dialog(page).getByRole("button", { name: "Create account" }).click();
    await dialog(page).getByText("Invalid account request: Cannot use name users").waitFor();
    await dialog(page).getByLabel("Name", { exact: true }).fill("looking-glass");
    await dialog(page).getByRole("button", { name: "Create account" }).click();
    await row(page, "looking-glass").getByText("Enabled").waitFor();
    assert.equal(await row(page, "looking-glass").getByRole("button", { name: "Delete" }).count(), 0);
    await row(page, "looking-glass").getByRole("button", { name: "Disable" }).click();
    await dialog(page).getByRole("button", { name: "Disable account" }).click();
    await row(page, "looking-glass").getByRole("button", { name: "Enable" }).click();
    await dialog(page).getByRole("button", { name: "Enable account" }).click();
    await row(page, "looking-glass").getByRole("button", { name: "Disable" }).click();
    await dialog(page).getByRole("button", { name: "Disable account" }).click();
    await row(page, "looking-glass").getByRole("button", { name: "Delete" }).click();
    await dialog(page).getByLabel("Type looking-glass to confirm").fill("looking-glass");
    await check(page, "delete account");
    await dialog(page).getByRole("button", { name: "Delete account" }).click();
    await page.getByRole("status").getByText("looking-glass is being deleted").waitFor();
    await page.getByLabel("Search accounts").fill("TEA");
    await row(page, "tea-party").waitFor();
    await row(page, "croquet").waitFor({ state: "detached" });
    await check(page, "accounts");
    await page.context().close();
  });

  test("a user is created, given a role, given keys, and loses them all", async () => {
    const page = await open(browser, kedge, look);
    await signIn(page, "admin", kedge.password, "/console/accounts/croquet");
    await page.getByText("This account has no users yet.").waitFor();
    await page.getByRole("button", { name: "Create user" }).click();
    await dialog(page).getByLabel("User").fill("flamingo");
    await dialog(page).getByLabel("Password").fill("123456");
    await dialog(page).getByRole("button", { name: "Create user" }).click();
    await dialog(page).getByRole("alert").waitFor();
    await dialog(page).getByLabel("Password").fill(PASSWORD);
    await dialog(page).getByRole("button", { name: "Create user" }).click();
    await row(page, "flamingo").getByRole("link", { name: "Tools" }).click();
    await page.getByRole("heading", { level: 1, name: "flamingo" }).waitFor();
    await page.getByRole("button", { name: "Grant role" }).click();
    await dialog(page).getByLabel("Role").selectOption("read-only");
    await dialog(page).getByRole("button", { name: "Grant role" }).click();
    await row(page, "read-only").getByText("Directly").waitFor();
    for (const name of ["hoop-1", "hoop-2"]) {
      await page.getByRole("button", { name: "Create API key" }).first().click();
      await dialog(page).getByLabel("Name", { exact: true }).fill(name);
      await dialog(page).getByRole("button", { name: "Create key" }).click();
      await dialog(page).getByRole("button", { name: "I have stored it" }).click();
      await row(page, name).waitFor();
    }
    await check(page, "a user");
    await page.getByRole("button", { name: "Revoke all keys" }).click();
    await dialog(page).getByLabel("Type flamingo to confirm").fill("flamingo");
    await dialog(page).getByRole("button", { name: "Revoke 2 keys" }).click();
    await page.getByRole("status").getByText("2 keys are revoked").waitFor();
    const { items } = await kedge.ask("GET", "/v2/accounts/croquet/users/flamingo/api-keys");
    assert.deepEqual(items.map(({ status }) => status), ["revoked", "revoked"]);
    await row(page, "read-only").getByRole("button", { name: "Remove" }).click();
    await dialog(page).getByRole("button", { name: "Remove" }).click();
    await page.getByText("The user manages their own keys and nothing else.").waitFor();
    await page.getByRole("button", { name: "Delete user" }).click();
    await dialog(page).getByRole("button", { name: "Delete user" }).click();
    await page.getByText("This account has no users yet.").waitFor();
    await page.context().close();
  });

  test("groups hold roles and members", async () => {
    const page = await open(browser, kedge, look);
    await signIn(page, "admin", kedge.password, "/console/groups");
    await page.getByRole("button", { name: "Create group" }).click();
    await dialog(page).getByLabel("Name", { exact: true }).fill("gardeners");
    await dialog(page).getByRole("button", { name: "Create group" }).click();
    await page.getByRole("heading", { level: 1, name: "gardeners" }).waitFor();
    await page.getByRole("button", { name: "Add role" }).click();
    await dialog(page).getByLabel("Role").selectOption("read-only");
    await dialog(page).getByLabel("In account").fill("nowhere-land");
    await dialog(page).getByRole("button", { name: "Add role" }).click();
    await dialog(page).getByRole("alert").getByText("not found").waitFor();
    await dialog(page).getByLabel("In account").fill("croquet");
    await dialog(page).getByRole("button", { name: "Add role" }).click();
    await row(page, "read-only").waitFor();
    await page.getByRole("button", { name: "Add member" }).click();
    await dialog(page).getByLabel("User").fill("alice");
    await dialog(page).getByRole("button", { name: "Add member" }).click();
    await row(page, "alice").waitFor();
    await check(page, "a group");
    await row(page, "alice").getByRole("button", { name: "Remove" }).click();
    await dialog(page).getByRole("button", { name: "Remove member" }).click();
    await page.getByText("No members").waitFor();
    await page.getByRole("button", { name: "Delete group" }).click();
    await dialog(page).getByRole("button", { name: "Delete group" }).click();
    await row(page, "spectators").waitFor();
    await page.context().close();
  });

  test("identity providers are configured, and offered at the sign-in", async () => {
    const page = await open(browser, kedge, look);
    await signIn(page, "admin", kedge.password, "/console/single-sign-on");
    await page.getByText("No identity provider yet").waitFor();
    await page.getByRole("button", { name: "Add identity provider" }).click();
    await dialog(page).getByLabel("Name", { exact: true }).fill("wonderland");
    await dialog(page).getByLabel("Metadata as XML").fill("<not-metadata/>");
    await dialog(page).getByLabel("Default account").fill("tea-party");
    await dialog(page).getByLabel("Only existing users can sign in").check();
    await check(page, "add a provider");
    await dialog(page).getByRole("button", { name: "Save" }).click();
    await dialog(page).getByRole("alert").waitFor();
    await dialog(page).getByLabel("Metadata as XML").fill(metadata());
    await dialog(page).getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { level: 1, name: "wonderland" }).waitFor();
    await page.getByText(`${kedge.url}/v2/rbac-manager/saml/sso/wonderland`).waitFor();
    const fact = page.locator("dl > div").filter({ hasText: "Only existing users can sign in" });
    await fact.getByText("Yes").waitFor();
    await check(page, "a provider");
    await (await menu(page)).getByRole("button", { name: "Sign out" }).click();
    const link = page.getByRole("link", { name: "Sign in with wonderland" });
    await link.waitFor();
    assert.equal(await link.getAttribute("href"), "/v2/rbac-manager/saml/login/wonderland?RelayState=%2Fconsole%2F");
    await check(page, "sign-in with a provider");
    await picture(page, `sign-in-${look.width}`);
    await signIn(page, "admin", kedge.password, "/console/single-sign-on/wonderland");
    await page.getByRole("button", { name: "Delete" }).click();
    await dialog(page).getByRole("button", { name: "Delete identity provider" }).click();
    await page.getByText("No identity provider yet").waitFor();
    await page.context().close();
  });

  test("who signs in at an identity provider, on another site, comes back signed in", async () => {
    const provider = `http://127.0.0.1:${await freePort()}`;
    const options = ["--sp-metadata", `${kedge.url}/v2/rbac-manager/saml/metadata/rabbit-hole`, "--user", "mock-turtle", "--attribute", "account=tea-party", "--port", provider.split(":")[2]];
    const idp = spawn(process.env.SAML_PYTHON, ["../saml/idp.py", ...options], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const metadataAt = await new Promise((resolve, reject) => {
        let said = "";
        idp.stdout.on("data", (data) => {
          said += data;
          const found = /metadata: (\S+)/.exec(said);
          if (found) resolve(found[1]);
        });
        idp.on("exit", () => reject(new Error("the identity provider did not start")));
      });
      await kedge.ask("POST", "/v2/rbac-manager/saml/idps", {
        name: "rabbit-hole", enabled: true, sp_entity_id: "kedge", acs_url: `${kedge.url}/v2/rbac-manager/saml/sso/rabbit-hole`,
        idp_metadata_url: metadataAt, idp_account_attribute: "account", default_role: "read-only",
      });
      const page = await open(browser, kedge, look);
      page.provider = provider;
      await page.goto("/console/profile");
      await page.getByRole("link", { name: "Sign in with rabbit-hole" }).click();
      await page.getByRole("heading", { level: 1, name: "My account" }).waitFor();
      await page.getByText("Single sign-on (rabbit-hole)").waitFor();
      assert.equal(new URL(page.url()).pathname, "/console/profile");
      assert.equal(await page.getByRole("button", { name: "Change password" }).count(), 0);
      await check(page, "signed in by a provider");
      // Their keys are refused, unless the deployment says otherwise.
      await page.goto("/console/");
      await page.getByText("API keys of users who sign in with single sign-on are disabled in this deployment.").waitFor();
      assert.equal(await page.getByRole("button", { name: "Create API key" }).count(), 0);
      await check(page, "no keys for those of a provider");
      await picture(page, `keys-of-sso-users-${look.width}`);
      const admin = await open(browser, kedge, look);
      await signIn(admin, "admin", kedge.password, "/console/accounts/tea-party/users/mock-turtle");
      await admin.getByText("API keys of users who sign in with single sign-on are disabled in this deployment.").waitFor();
      for (const name of ["Create API key", "Set password"]) assert.equal(await admin.getByRole("button", { name }).count(), 0, name);
      await admin.context().close();
      await page.route("**/console/session/token", async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, json: { ...(await answer.json()), allow_api_keys_for_saml_users: true } });
      });
      await page.reload();
      await page.getByRole("button", { name: "Create API key" }).first().waitFor();
      await (await menu(page)).getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.context().close();
    } finally {
      idp.kill();
      await kedge.ask("DELETE", "/v2/rbac-manager/saml/idps/rabbit-hole").catch(() => {});
    }
  });

  test("what may not be done is not offered, and what is refused is told", async () => {
    const page = await open(browser, kedge, look);
    await signIn(page, "march-hare", PASSWORD);
    for (const name of ["Groups", "Single sign-on"]) assert.equal(await page.getByRole("link", { name, exact: true }).count(), 0, name);
    await page.goto("/console/groups");
    await page.getByRole("alert").getByText("You hold no role that lets you see this page.").waitFor();
    await page.goto("/console/accounts/tea-party/users/hatter");
    await page.getByRole("alert").getByText("Not authorized. Requires permissions").waitFor();
    await check(page, "a refusal");
    await picture(page, `refusal-${look.width}`);
    await page.context().close();
    // Who manages the users of an account sees that one, and its users.
    const hatter = await open(browser, kedge, look);
    await signIn(hatter, "hatter", PASSWORD, "/console/accounts");
    await hatter.getByRole("main").getByRole("link", { name: "tea-party" }).click();
    await row(hatter, "march-hare").getByRole("link", { name: "Tools" }).click();
    await hatter.getByRole("heading", { level: 1, name: "march-hare" }).waitFor();
    await hatter.getByRole("button", { name: "Revoke all keys" }).waitFor();
    // A group gives the user what the manager does not have: a key would be a way to it.
    assert.equal(await hatter.getByRole("button", { name: "Create API key" }).count(), 0);
    await check(hatter, "a user, for who manages them");
    await hatter.goto("/console/no/such/page");
    await hatter.getByText("There is no such page").waitFor();
    await check(hatter, "no such page");
    await hatter.context().close();
  });

  test("markup in a name or description comes out as text", async () => {
    await kedge.ask("POST", "/v2/user/api-keys", { name: VECTOR.replaceAll("/", "∕"), description: VECTOR });
    const group = await kedge.ask("POST", "/v2/system/user-groups", { name: "plain-name", description: VECTOR });
    const page = await open(browser, kedge, look);
    await signIn(page, "admin", kedge.password);
    await page.getByText(VECTOR, { exact: true }).first().waitFor();
    await page.getByRole("button", { name: "Revoke" }).click();
    await dialog(page).getByText(`Whatever uses ${VECTOR.replaceAll("/", "∕")}`).waitFor();
    await page.keyboard.press("Escape");
    await page.goto("/console/groups");
    await page.getByText(VECTOR, { exact: true }).waitFor();
    await page.goto(`/console/groups/${group.group_uuid}`);
    await page.getByText(VECTOR, { exact: true }).waitFor();
    assert.equal(await page.locator("main img, main script").count(), 0);
    assert.notEqual(await page.title(), "owned");
    await page.goto(`/console/roles/${encodeURIComponent(VECTOR)}`);
    await page.getByRole("heading", { level: 1, name: VECTOR }).waitFor();
    assert.deepEqual(page.wrong, []);
    await kedge.ask("DELETE", `/v2/system/user-groups/${group.group_uuid}`);
    await kedge.ask("DELETE", `/v2/user/api-keys/${encodeURIComponent(VECTOR.replaceAll("/", "∕"))}`);
    await page.context().close();
  });

  // The server refuses such names: here its answers are changed on their way.
  test("markup in the name of a provider, of its user or of a group comes out as text", async () => {
    const names = ["a-provider", "a-users-name", "a-group"];
    const [provider, username, name] = names;
    const acs_url = `${kedge.url}/v2/rbac-manager/saml/sso/${provider}`;
    const idps = "/v2/rbac-manager/saml/idps";
    await kedge.ask("POST", idps, { name: provider, enabled: true, sp_entity_id: "kedge", acs_url, idp_metadata_xml: metadata(), default_account: "tea-party" });
    await kedge.ask("POST", "/v2/accounts/tea-party/users", { username, user_type: "saml", idp_name: provider });
    const { group_uuid } = await kedge.ask("POST", "/v2/system/user-groups", { name });
    await kedge.ask("POST", `${idps}/${provider}/user-group-mappings`, { user_group_uuids: [group_uuid] });
    for (const given of names) {
      const page = await open(browser, kedge, look);
      await page.route("**/v2/**", async (route) => {
        const url = route.request().url().replaceAll(encodeURIComponent(VECTOR), given);
        const response = await route.fetch({ url });
        await route.fulfill({ response, body: (await response.text()).replaceAll(`"${given}"`, JSON.stringify(VECTOR)) });
      });
      const called = encodeURIComponent(VECTOR);
      const [there, account] = ["/console/single-sign-on", "/console/accounts/tea-party"];
      const shown = {
        [provider]: [there, `${there}/${called}`, account, `${account}/users/${username}`],
        [username]: [account, `${account}/users/${called}`],
        [name]: ["/console/groups", `/console/groups/${group_uuid}`, `${there}/${provider}`],
      };
      await page.goto("/console/");
      if (given === provider) await page.getByRole("link", { name: `Sign in with ${VECTOR}` }).waitFor();
      await signIn(page, "admin", kedge.password);
      for (const path of shown[given]) {
        await page.goto(path);
        await page.getByRole("main").getByText(VECTOR).first().waitFor();
        await settled(page);
        assert.equal(await page.locator("main img, main script").count(), 0, path);
        assert.notEqual(await page.title(), "owned", path);
      }
      // What asks whether to delete it names it, too.
      await page.goto({ [provider]: `${there}/${called}`, [username]: `${account}/users/${called}`, [name]: "/console/groups" }[given]);
      const remove = given === name ? row(page, VECTOR) : page.getByRole("main");
      await remove.getByRole("button", { name: "Delete" }).first().click();
      await dialog(page).getByText(VECTOR).first().waitFor();
      assert.equal(await page.locator("[role=dialog] img, dialog img, dialog script").count(), 0);
      assert.deepEqual(page.wrong, []);
      // What is still on its way to a route would fail with its page.
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await page.context().close();
    }
    await kedge.ask("DELETE", `/v2/system/user-groups/${group_uuid}`);
    await kedge.ask("DELETE", `${idps}/${provider}`);
  });

  test("the API browser works under the same policy, with a key, a password and a token", async () => {
    const made = await kedge.ask("POST", "/v2/user/api-keys", { name: "browser" }, ["alice", PASSWORD]);
    const token = kedge.token.alice;
    for (const [scheme, entered] of [["basic", ["_api_key", made.value]], ["basic", ["alice", PASSWORD]], ["bearer", [token]]]) {
      // Not by the URL that the document tells others.
      const page = await open(browser, { url: kedge.url.replace("localhost", "127.0.0.1") }, look);
      await page.goto("/console/api");
      await page.getByRole("heading", { name: /^Kedge/ }).waitFor();
      assert.equal(await page.getByRole("link", { name: "Download YAML" }).getAttribute("href"), "/v2/openapi.yaml");
      await page.getByRole("button", { name: "Authorize" }).click();
      const form = page.locator(".auth-container").filter({ has: page.getByText(`${scheme} (http`) });
      for (const [place, text] of entered.entries()) await form.locator("input").nth(place).fill(text);
      await form.getByRole("button", { name: "Authorize" }).click();
      await page.getByRole("button", { name: "Close", exact: true }).first().click();
      await page.locator("[id='operations-Identity-get_user'] .opblock-summary-control").click();
      assert.equal(new URL(page.url()).hash, "#/Identity/get_user");
      const sent = page.waitForRequest((request) => request.url().endsWith("/v2/user"));
      await page.locator("[id='operations-Identity-get_user'] .execute").click();
      const expected = scheme === "bearer" ? `Bearer ${token}` : `Basic ${btoa(entered.join(":"))}`;
      assert.equal((await sent).headers().authorization, expected);
      await page.locator(".live-responses-table tbody .response-col_status").getByText("200").waitFor();
      await page.locator(".live-responses-table").getByText("alice").first().waitFor();
      const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
      assert.ok(!stored.includes(entered.at(-1)), stored);
      assert.deepEqual(page.wrong, []);
      await page.context().close();
    }
  });

  test("what happened is shown, by account, user and key", async () => {
    const user = ["alice", PASSWORD];
    const made = await kedge.ask("POST", "/v2/user/api-keys", { name: "jabberwock" }, user);
    await kedge.ask("PATCH", "/v2/accounts/mad-hatter-team/users/alice/api-keys/jabberwock", { description: VECTOR });
    await kedge.ask("PATCH", "/v2/user/api-keys/jabberwock", { name: VECTOR.replaceAll("/", "∕") }, user);
    const page = await open(browser, kedge, look);
    const asked = [];
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.pathname === "/v2/events") asked.push([Object.fromEntries(url.searchParams), request.headers()["x-anchore-account"]]);
    });
    const rows = page.locator("tbody tr");
    await signIn(page, "admin", kedge.password);
    await (await menu(page)).getByRole("link", { name: "Audit" }).click();
    await rows.nth(10).waitFor();
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText("Page 2").waitFor();
    await settled(page);
    // By user, who is admin's victim and not the doer.
    await page.getByLabel("By user").fill("alice");
    await page.getByLabel("About").selectOption("api_key");
    await page.getByLabel("Its name").fill("jabberwock");
    await page.getByRole("button", { name: "Filter" }).click();
    await settled(page);
    assert.deepEqual(await rows.locator("th .name").allInnerTexts(), ["Patch API key", "Create API key"]);
    // By account and key, whoever did it.
    await page.getByLabel("By user").fill("");
    await page.getByLabel("Account").fill("mad-hatter-team");
    await page.getByLabel("Since").fill("2026-01-01");
    await page.getByRole("button", { name: "Filter" }).click();
    await rows.nth(2).waitFor();
    assert.deepEqual(await rows.locator("td[data-label=By] .name").allInnerTexts(), ["alice", "admin", "alice"]);
    assert.deepEqual(asked.at(-1), [{ resource_type: "api_key", resource_id: "jabberwock", since: "2026-01-01T00:00:00Z", page: "1", limit: "50" }, "mad-hatter-team"]);
    await page.getByText("Show the details").first().click();
    await page.getByText("127.0.0.1").first().waitFor();
    await check(page, "audit");
    await picture(page, `audit-${look.width}`);
    // What is asked for stands in the address, and of a key no more than its hint.
    await page.getByLabel("By key").fill(made.value);
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByText("No event matches.").waitFor();
    assert.ok(!page.url().includes(made.value.slice(10)) && !JSON.stringify(asked).includes(made.value.slice(10)));
    await check(page, "audit, nothing");
    await page.getByRole("button", { name: "Clear" }).click();
    await rows.nth(10).waitFor();
    assert.equal(new URL(page.url()).search, "");
    // From the key and from the user.
    await page.goto("/console/accounts/mad-hatter-team/users/alice");
    const found = page.waitForResponse(/[?&]search=onerror/);
    await page.getByLabel("Search keys").fill("onerror");
    await found;
    await settled(page);
    await row(page, VECTOR.replaceAll("/", "∕")).getByRole("link", { name: "History" }).click();
    await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
    // Another user may have a key of that name.
    assert.equal(new URL(page.url()).searchParams.get("resource_user"), "alice");
    // Since it has that name, and how it was called before.
    await rows.getByText("Show the details").first().click();
    await page.getByText("jabberwock", { exact: true }).waitFor();
    await page.getByText(`name: ${VECTOR.replaceAll("/", "∕")}`, { exact: true }).waitFor();
    assert.deepEqual(await rows.locator("th .name").allInnerTexts(), ["Patch API key"]);
    await page.goBack();
    await page.getByRole("link", { name: "Activity" }).click();
    await rows.nth(3).waitFor();
    assert.deepEqual(new Set(await rows.locator("td[data-label=By] .name").allInnerTexts()), new Set(["alice"]));
    assert.deepEqual(page.wrong, []);
    await kedge.ask("DELETE", `/v2/user/api-keys/${encodeURIComponent(VECTOR.replaceAll("/", "∕"))}`, undefined, user);
    await page.context().close();
  });

  test("long lists are searched and paged by the server", async () => {
    const user = ["alice", PASSWORD];
    for (let n = 0; n < 60; n++) await kedge.ask("POST", "/v2/user/api-keys", { name: `oyster-${n}` }, user);
    const page = await open(browser, kedge, look);
    await signIn(page, "alice", PASSWORD);
    await page.locator("tbody tr").nth(49).waitFor();
    const names = async () => page.locator("tbody .name").allInnerTexts();
    const first = await names();
    assert.equal(first.length, 50);
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("Page 2").waitFor();
    await row(page, "cheshire-cat").waitFor();
    const all = (await kedge.ask("GET", "/v2/user/api-keys?status=active", undefined, user)).items.map(({ name }) => name);
    assert.deepEqual([...first, ...(await names())], all);
    await check(page, "the second page of keys");
    await page.getByLabel("Search keys").fill("OYSTER-59");
    await row(page, "oyster-59").waitFor();
    await row(page, "cheshire-cat").waitFor({ state: "detached" });
    // A key is found by its value, of which no more than the hint is asked for.
    const value = (await kedge.ask("POST", "/v2/user/api-keys", { name: "walrus" }, user)).value;
    await page.getByLabel("Search keys").fill(value);
    await row(page, "walrus").waitFor();
    assert.ok(page.requests.every((request) => !request.url().includes(value.slice(0, 12))));
    await page.getByLabel("Search keys").fill("oyster-59");
    await row(page, "oyster-59").waitFor();
    // Its successor has the next number that is free.
    await row(page, "oyster-59").getByRole("button", { name: "Rotate" }).click();
    assert.equal(await dialog(page).getByLabel("Name of the new key").inputValue(), "oyster-60");
    await page.keyboard.press("Escape");
    const admin = await open(browser, kedge, look);
    await signIn(admin, "admin", kedge.password, "/console/accounts/mad-hatter-team/users/alice");
    await admin.getByRole("button", { name: "Revoke all keys" }).click();
    await dialog(admin).getByLabel("Type alice to confirm").fill("alice");
    await dialog(admin).getByRole("button", { name: /^Revoke 6\d keys$/ }).click();
    await admin.getByRole("status").getByText(/6\d keys are revoked/).waitFor();
    const { items } = await kedge.ask("GET", "/v2/user/api-keys?status=active", undefined, user);
    assert.deepEqual(items, []);
    assert.deepEqual([page.wrong, admin.wrong], [[], []]);
    await page.context().close();
    await admin.context().close();
  });
}
