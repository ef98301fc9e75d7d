// A Kedge of one's own: on a free port of this machine, with a data directory of its own, stopped in good order.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";

const BINARY = process.env.KEDGE_BINARY;

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts one; answers its URL, its log, a function that asks as the admin, and one that stops it. */
export async function start(settings = {}, scheme = "http") {
  const url = `${scheme}://localhost:${await freePort()}`;
  const password = randomBytes(16).toString("hex");
  // PostgreSQL's user has to reach what is in it.
  const dir = mkdtempSync("/tmp/kedge-console.");
  chmodSync(dir, 0o755);
  const environment = {
    PATH: process.env.PATH,
    KEDGE_LISTEN: url.replace(`${scheme}://localhost`, "127.0.0.1"),
    KEDGE_SERVER__EXTERNAL_URL: url,
    KEDGE_DATA_DIR: `${dir}/data`,
    KEDGE_ADMIN_PASSWORD: password,
    KEDGE_LOG: "info",
    KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS: "0",
    KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS: "0",
    ...settings,
  };
  const child = spawn(BINARY, ["serve"], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
  const kedge = { url, password, log: "" };
  const ended = new Promise((resolve) => child.on("exit", resolve));
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`kedge did not start:\n${kedge.log}`)), 60_000);
    child.stderr.on("data", (data) => {
      kedge.log += data;
      if (kedge.log.includes("listening on")) {
        clearTimeout(late);
        resolve();
      }
    });
    child.on("exit", () => reject(new Error(`kedge ended:\n${kedge.log}`)));
  });
  kedge.ask = async (method, path, body, [username, secret] = ["admin", password]) => {
    kedge.token ??= {};
    if (username !== "_api_key" && !kedge.token[username]) {
      const form = new URLSearchParams({ grant_type: "password", username, password: secret });
      const answer = await fetch(`${url}/v2/oauth/token`, { method: "POST", body: form });
      kedge.token[username] = (await answer.json()).access_token;
    }
    const authorization =
      username === "_api_key" ? `Basic ${btoa(`${username}:${secret}`)}` : `Bearer ${kedge.token[username]}`;
    const answer = await fetch(url + path, {
      method,
      headers: { authorization, ...(body ? { "content-type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
    const text = await answer.text();
    if (!answer.ok) throw Object.assign(new Error(`${method} ${path}: ${answer.status} ${text}`), { status: answer.status });
    return text ? JSON.parse(text) : null;
  };
  kedge.stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  return kedge;
}
