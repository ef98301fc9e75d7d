// How long the console's pages take with 10,000 users in an account and 100 keys of each, a million in all, each of them a
// member of a group and a holder of a role, 2,000 accounts and groups, and 200,000 records of the audit trail: each
// request that a page makes, one after the other, from this machine.
// usage: .ci/database node tests/console/performance.js   (KEDGE_BINARY: the program)

import { execFileSync } from "node:child_process";
import { start } from "./kedge.js";

const TIMES = 100;

const kedge = await start({ KEDGE_DATABASE__URL: process.env.DATABASE_URL });
try {
  await kedge.ask("POST", "/v2/accounts", { name: "wonderland" });
  const sql = `
    insert into users (id, account_id, username, type, created_at, last_updated)
      select gen_random_uuid(), a.id, 'user-' || lpad(n::text, 5, '0'), 'native', now(), now()
      from accounts a, generate_series(1, 10000) n where a.name = 'wonderland';
    insert into api_keys (id, user_id, name, secret_hash, created_at, updated_at, expires_at)
      select substr(md5(u.id::text || n), 1, 16), u.id, 'key-' || n, sha256((u.id::text || n)::bytea), now(), now(), now() + '90 days'
      from users u, generate_series(1, 100) n where u.username like 'user-%';
    insert into accounts (id, name, type, state, created_at, last_updated)
      select gen_random_uuid(), 'account-' || n, 'user', 'enabled', now(), now() from generate_series(1, 2000) n;
    insert into user_groups (id, name, description, created_at, last_updated)
      select gen_random_uuid(), 'group-' || lpad(n::text, 4, '0'), 'The group ' || n, now(), now() from generate_series(1, 2000) n;
    insert into user_group_members (group_id, user_id, added_at)
      select g.id, u.id, now() from user_groups g, users u where g.name = 'group-0001' and u.username like 'user-%';
    insert into role_members (id, user_id, account_id, role, granter, created_at)
      select gen_random_uuid(), u.id, u.account_id, 'read-only', 'admin', now() from users u where u.username like 'user-%';
    insert into audit_events (event_id, created_at, type, level, message, account, resource_type, resource_id, count, details)
      select gen_random_uuid(), now() - n * interval '1 second', 'user.identity.create_api_key', 'info', '', 'wonderland',
             'api_key', 'key-' || n % 100, 1, jsonb_build_object('user', 'user-' || lpad((n % 10000)::text, 5, '0'))
      from generate_series(1, 200000) n;
    analyze;`;
  execFileSync("psql", ["-q", process.env.DATABASE_URL, "-c", sql], { stdio: "inherit" });
  const page = await (await fetch(`${kedge.url}/console/`)).text();
  const script = /src="([^"]+app\.js)"/.exec(page)[1];
  const [{ group_uuid: group }] = await kedge.ask("GET", "/v2/system/user-groups?user_group_name=group-0001");
  for (const path of [
    "/console/",
    script,
    "/v2/accounts?page=1&limit=50",
    "/v2/accounts?search=19&page=1&limit=50",
    "/v2/accounts/wonderland/users?page=1&limit=50",
    "/v2/accounts/wonderland/users?page=196&limit=50",
    "/v2/accounts/wonderland/users?search=0999&page=1&limit=50",
    "/v2/accounts/wonderland/users/user-05000",
    "/v2/accounts/wonderland/users/user-05000/api-keys?status=active&page=1&limit=50",
    "/v2/accounts/wonderland/users/user-05000/api-keys?search=KEY-9&page=1&limit=50",
    "/v2/system/user-groups?page=1&limit=50",
    `/v2/system/user-groups/${group}/users?page=1&limit=50`,
    `/v2/system/user-groups/${group}/users?search=0999&page=1&limit=50`,
    "/v2/rbac-manager/roles/read-only/members?domain_name=wonderland&page=1&limit=50",
    "/v2/rbac-manager/roles/read-only/members?domain_name=wonderland&search=0999&page=1&limit=50",
    "/v2/events?page=1&limit=50",
    "/v2/events?user=user-04711&page=1&limit=50",
    "/v2/events?resource_type=api_key&resource_id=key-42&page=1&limit=50",
    "/v2/events?user=nobody&page=1&limit=50",
  ]) {
    const took = [];
    for (let n = 0; n < TIMES; n++) {
      const begun = performance.now();
      const answer = await fetch(kedge.url + path, { headers: { authorization: `Bearer ${kedge.token.admin}` } });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      took.push(performance.now() - begun);
    }
    took.sort((a, b) => a - b);
    const [median, p95] = [0.5, 0.95].map((part) => took[Math.floor(TIMES * part)].toFixed(1));
    console.log(`${median.padStart(7)} ms  ${p95.padStart(7)} ms at the 95th percentile  ${path.replace(/assets\/\w+/, "assets/…")}`);
  }
} finally {
  await kedge.stop();
}
