// The main pages and the API browser, narrow and wide, light and dark; what goes wrong.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { check, open, signIn } from "./browser.js";
import { start } from "./kedge.js";
import { mishaps } from "./mishaps.js";
import { PASSWORD, PICTURES, dialog, picture, row, world } from "./world.js";

let kedge;
let browser;
let end;

before(async () => {
  ({ kedge, browser, end } = await world());
});
after(() => end?.());

for (const width of [360, 1280]) {
  for (const dark of [false, true]) {
    const look = `${width}-${dark ? "dark" : "light"}`;
    test(`the API browser at ${look}`, async () => {
      const page = await open(browser, kedge, { width, height: width === 360 ? 740 : 900, dark });
      await page.goto("/console/api");
      await page.getByRole("heading", { name: /^Kedge/ }).waitFor();
      await check(page, `API browser ${look}`);
      await page.screenshot({ path: `${PICTURES}/10-api-${look}.png` });
      await page.getByRole("button", { name: "Authorize" }).click();
      await check(page, `API browser, credentials ${look}`, ".dialog-ux");
      await page.screenshot({ path: `${PICTURES}/11-api-credentials-${look}.png` });
      await page.getByRole("button", { name: "Close", exact: true }).first().click();
      for (const operation of ["Identity-create_api_key", "Identity-get_user"]) {
        await page.locator(`[id='operations-${operation}'] .opblock-summary-control`).click();
        await page.locator(`[id='operations-${operation}'] .execute`).waitFor();
      }
      await page.locator("[id='operations-Identity-get_user'] .execute").click();
      await page.locator(".live-responses-table tbody .response-col_status").getByText("401").waitFor();
      await check(page, `API browser, operations ${look}`, ".opblock.is-open");
      await page.screenshot({ path: `${PICTURES}/12-api-operation-${look}.png` });
      await page.context().close();
    });

    test(`the main pages at ${look}`, async () => {
      const page = await open(browser, kedge, { width, height: width === 360 ? 740 : 900, dark });
      await page.goto("/console/");
      await page.getByLabel("User").waitFor();
      await check(page, `sign-in ${look}`);
      await picture(page, `1-sign-in-${look}`);
      await signIn(page, "alice", PASSWORD);
      await row(page, "cheshire-cat").waitFor();
      await check(page, `keys ${look}`);
      await picture(page, `2-keys-${look}`);
      await page.getByRole("button", { name: "Create API key" }).click();
      await dialog(page).getByLabel("Name", { exact: true }).fill(`caterpillar-${look}`);
      await check(page, `create ${look}`);
      await dialog(page).getByRole("button", { name: "Create key" }).click();
      await dialog(page).getByText("Copy the value now.").waitFor();
      await check(page, `value ${look}`);
      await page.screenshot({ path: `${PICTURES}/3-value-${look}.png` });
      await dialog(page).getByRole("button", { name: "I have stored it" }).click();
      await kedge.ask("DELETE", `/v2/user/api-keys/caterpillar-${look}`, undefined, ["alice", PASSWORD]);
      await page.context().close();
      const admin = await open(browser, kedge, { width, height: width === 360 ? 740 : 900, dark });
      await signIn(admin, "admin", kedge.password, "/console/accounts");
      await row(admin, "croquet").waitFor();
      await check(admin, `accounts ${look}`);
      await picture(admin, `4-accounts-${look}`);
      await admin.goto("/console/accounts/mad-hatter-team/users/alice");
      await row(admin, "cheshire-cat").waitFor();
      await check(admin, `user ${look}`);
      await picture(admin, `5-user-${look}`);
      await admin.goto("/console/roles/account-user-admin");
      await admin.getByText("createApiKey", { exact: true }).waitFor();
      await check(admin, `role ${look}`);
      await picture(admin, `6-role-${look}`);
      await admin.goto("/console/accounts/mad-hatter-team");
      await row(admin, "alice").waitFor();
      await check(admin, `account ${look}`);
      await picture(admin, `7-account-${look}`);
      for (const [path, name] of [["roles", "read-only"], ["groups", "spectators"], ["profile", "This one"], ["single-sign-on", "No identity provider yet"], ["audit", "by token"]]) {
        await admin.goto(`/console/${path}`);
        await admin.locator(".layout h1").waitFor();
        await admin.getByRole("main").getByText(name).first().waitFor();
        await check(admin, `${path} ${look}`);
        await picture(admin, `8-${path}-${look}`);
      }
      if (width === 360) {
        await admin.getByRole("button", { name: "Menu" }).click();
        await check(admin, `menu ${look}`);
        await admin.screenshot({ path: `${PICTURES}/9-menu-${look}.png` });
      }
      await admin.context().close();
    });
  }
}

mishaps(() => ({ kedge, browser }));

test("the first page is small", async () => {
  const page = await open(browser, kedge);
  let bytes = 0;
  page.on("requestfinished", async (request) => {
    const { responseBodySize, responseHeadersSize } = await request.sizes();
    bytes += responseBodySize + responseHeadersSize;
  });
  await page.goto("/console/");
  await page.getByLabel("User").waitFor();
  await page.waitForLoadState("networkidle");
  console.log(`the first page: ${(bytes / 1024).toFixed(1)} KiB in ${page.requests.length} requests`);
  assert.ok(bytes < 100 * 1024, `${bytes} bytes`);
  await page.context().close();
});

test("under TLS the cookie of the session belongs to this host alone", async () => {
  const directory = mkdtempSync("/tmp/kedge-console-tls.");
  const [certificate, key] = ["certificate", "key"].map((name) => `${directory}/${name}.pem`);
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2"];
  execFileSync("openssl", [...request, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], { stdio: "ignore" });
  const safe = await start({ KEDGE_SERVER__SSL_CERT: certificate, KEDGE_SERVER__SSL_KEY: key }, "https");
  try {
    const page = await open(browser, safe);
    await signIn(page, "admin", safe.password);
    const [cookie] = await page.context().cookies();
    assert.deepEqual(
      [cookie.name, cookie.secure, cookie.httpOnly, cookie.sameSite, cookie.path, cookie.domain],
      ["__Host-kedge-session", true, true, "Strict", "/", "localhost"],
    );
    await page.reload();
    await page.locator(".layout h1").waitFor();
    assert.deepEqual(page.wrong, []);
    await page.context().close();
  } finally {
    await safe.stop();
    rmSync(directory, { recursive: true });
  }
});
