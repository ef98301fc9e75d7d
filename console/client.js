// Calls the API. The access token lives in this module and nowhere else; the session's cookie, which no script can read,
// is exchanged for the next one when it runs out.

const OWN = { "X-Requested-With": "kedge-console" };
const AHEAD_MS = 20_000;

let token = null;
// Whose session it is, from the first token to its end.
let subject = null;
// What users may have, as it was when the last token came.
let limits = {};
let asked = null;
let onEnd = () => {};

const tabs = "BroadcastChannel" in window ? new BroadcastChannel("kedge-console") : null;
tabs?.addEventListener("message", ({ data }) => {
  if (data === "signed out") forget();
});

/** A refusal, in the words of the API. */
export class Refusal extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

/** Says what to do when the session has ended. */
export function whenEnded(then) {
  onEnd = then;
}

function forget(notice) {
  token = null;
  // Of several that find the session ended, the first one tells.
  if (subject === null) return;
  subject = null;
  onEnd(notice);
}

/** The subject of an access token, a JWT. */
function subjectOf(jwt) {
  return JSON.parse(atob(jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub;
}

function keep(answer) {
  const whose = subjectOf(answer.access_token);
  // Another tab's sign-in replaced the cookie: what this page shows is not theirs.
  if (subject !== null && subject !== whose) {
    token = null;
    window.location.reload();
    throw new Refusal(0, "Someone else has signed in here.");
  }
  subject = whose;
  limits = { keyDays: answer.max_api_key_age_days, keysOfSsoUsers: answer.allow_api_keys_for_saml_users };
  token = { value: answer.access_token, until: Date.now() + answer.expires_in * 1000 };
}

/** How many days a new API key may live, and whether users of single sign-on may have any. */
export const allowed = () => limits;

async function send(method, path, { headers, body }) {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { ...OWN, ...json, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: path.startsWith("/console/") ? "same-origin" : "omit",
      cache: "no-store",
    });
  } catch {
    throw new Refusal(0, "The server could not be reached. Check the connection and try again.");
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text === "" ? null : JSON.parse(text);
  } catch {
    answer = null;
  }
  if (response.ok) return answer;
  throw new Refusal(response.status, words(answer, response.headers.get("Retry-After")) ?? `The server answered ${response.status}.`);
}

/** The words of a refusal, with when to try again in the place of "later". */
function words(answer, seconds) {
  for (const said of [answer?.message, answer?.detail, answer?.error_description]) {
    if (typeof said !== "string" || said === "") continue;
    const minutes = Math.ceil(Number(seconds) / 60);
    const later = minutes > 1 ? `in ${minutes} minutes` : "in a minute";
    // Where in a body the fault is says nothing to who filled in a form.
    return said.replace(/ at line \d+ column \d+/, "").replace(/\blater\b/, seconds ? later : "later");
  }
  return null;
}

/** Whether there is a session; gets an access token for it. Pages that ask at once ask once. */
export function resume() {
  asked ??= send("POST", "/console/session/token", { body: {} })
    .then(keep)
    .finally(() => {
      asked = null;
    });
  return asked.then(
    () => true,
    (error) => {
      if (error.status === 401) return false;
      throw error;
    },
  );
}

export async function signIn(username, password) {
  const answer = await send("POST", "/console/session", { body: { username, password } });
  subject = null;
  keep(answer);
}

/** Ends the session; `notice` is what the sign-in says of it. */
export async function signOut(notice = "") {
  await send("DELETE", "/console/session", {});
  tabs?.postMessage("signed out");
  forget(notice);
}

async function authorized(method, path, options) {
  if (token === null || token.until - AHEAD_MS < Date.now()) {
    if (!(await resume())) {
      forget();
      throw new Refusal(401, "Your session has ended. Sign in again.");
    }
  }
  const headers = { Authorization: `Bearer ${token.value}` };
  if (options.account) headers["x-anchore-account"] = options.account;
  return send(method, path, { headers, body: options.body });
}

/** Calls an operation and answers its body; throws a Refusal. */
export async function call(method, path, options = {}) {
  try {
    return await authorized(method, path, options);
  } catch (error) {
    // Where the session is over, nobody is the subject any more.
    if (error.status !== 401 || subject === null) throw error;
    // The token's session may have ended before its time: the cookie tells.
    token = null;
    return authorized(method, path, options);
  }
}

export const get = (path, options) => call("GET", path, options);
export const post = (path, body, options) => call("POST", path, { ...options, body });
export const put = (path, body) => call("PUT", path, { body });
export const patch = (path, body) => call("PATCH", path, { body });
export const del = (path) => call("DELETE", path);

/** What strangers may ask. */
export const ask = (path) => send("GET", path, {});
