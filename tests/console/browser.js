// A browser, and what is asked of every page in it: nothing blocked by the policy, no error in a script, nothing from
// elsewhere, no violation that axe finds, nothing wider than the window.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}

/** Serves the files of a folder in the place of those that the program holds: to see a change without building. */
function fromFolder(context) {
  return context.route(/\/console\/assets\/[^/]+\/[^/]+$/, async (route) => {
    const name = new URL(route.request().url()).pathname.split("/").pop();
    const type = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" }[name.split(".").pop()];
    await route.fulfill({ path: `${process.env.CONSOLE_FOLDER}/${name}`, contentType: type });
  });
}

/** A page of its own browser profile that notes what is wrong. */
export async function open(browser, kedge, { width = 1280, height = 900, dark = false } = {}) {
  const context = await browser.newContext({
    baseURL: kedge.url,
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    ignoreHTTPSErrors: true,
  });
  // No test waits for it to be over.
  context.setDefaultTimeout(60_000);
  if (process.env.CONSOLE_FOLDER) await fromFolder(context);
  const page = await context.newPage();
  page.wrong = [];
  page.requests = [];
  page.on("pageerror", (error) => page.wrong.push(`script: ${error.message}`));
  page.on("console", (message) => {
    // A refusal that is expected is an error in the browser's eyes.
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) page.wrong.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    page.requests.push(request);
    const there = request.url();
    if (!there.startsWith(kedge.url) && !(page.provider && there.startsWith(page.provider)) && !/^(data|blob):/.test(there)) page.wrong.push(`elsewhere: ${there}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  return page;
}

export async function signIn(page, username, password, path = "/console/") {
  await page.goto(path);
  await page.getByLabel("User").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".layout h1").waitFor();
}

/** Waits until nothing is loading. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

/** The page, or what a selector finds in it, as axe sees it. */
export async function check(page, name, part = null) {
  await settled(page);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((selector) =>
    window.axe.run(selector ?? document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
    part,
  );
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => `${node.html} ${node.failureSummary ?? ""}`).join("\n  ")}`);
  assert.deepEqual(told, [], `${name}: ${told.join("\n")}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `${name}: ${overflow} px wider than the window`);
  assert.deepEqual(page.wrong, [], name);
}
