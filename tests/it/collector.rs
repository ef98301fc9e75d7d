//! What is removed in the background, and that nothing can be forgotten by it.

use kedge::{
    clock::Clock,
    identity::collector::{self, PURGES, remove_accounts, remove_keys},
    metrics,
};
use time::{Duration, macros::datetime};

use crate::support::{Options, Server, assert_error, sample};

async fn count(server: &Server, sql: &'static str) -> i64 {
    let mut db = server.app.db.connection().await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut *db).await.unwrap()
}

#[tokio::test]
async fn two_nodes_remove_one_big_account_together() {
    let server = Server::start().await;
    let other_node = server.another_node().await;
    for username in ["alice", "bob", "carol"] {
        server.user("acme", username).await;
    }
    server.user("other", "dinah").await;
    // More than one chunk of keys.
    let keys = "insert into api_keys (id, user_id, name, secret_hash, created_at, updated_at, expires_at, deleted_at)
                select lpad(u.n || 'k' || i, 16, '0'), u.id, 'k', sha256('k'), now(), now(), now(), now()
                from (select id, row_number() over () n from users where username <> 'admin') u,
                     generate_series(1, 1500) i";
    sqlx::query(keys).execute(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    server.delete_account("acme").await;

    let (here, there) = tokio::join!(remove_accounts(&server.app.db), remove_accounts(&other_node.app.db));
    let removed = here.unwrap() + there.unwrap();
    // One may have found the account in the other's hands and left; whoever stayed removed all of it.
    assert_eq!(removed, 3 * 1500 + 3 + 3 + 1);
    assert_error(&server.admin().get("/v2/accounts/acme").await, 404, "Account not found");
    assert_eq!(count(&server, "select count(*) from users").await, 2);
    assert_eq!(count(&server, "select count(*) from api_keys").await, 1500);
    assert_eq!(remove_accounts(&server.app.db).await.unwrap(), 0);
}

/// The sample of the collector's runs that came out so.
fn runs(server: &Server, of: &str, outcome: &str) -> u64 {
    let name = format!("kedge_collector_runs_total{{of=\"{of}\",outcome=\"{outcome}\"}}");
    let text = metrics::text(&server.app).unwrap();
    if text.contains(&name) { sample(&text, &name) } else { 0 }
}

async fn wait_for_more_runs(server: &Server, of: &str, outcome: &str, than: u64) {
    for _ in 0..3_000 {
        if runs(server, of, outcome) > than {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no more {outcome} runs of {of}");
}

#[tokio::test]
async fn what_is_removed_and_what_fails_is_counted() {
    const ACCOUNTS: &str = "deleted accounts";
    // What a busy machine fails at first is done soon after.
    let environment = vec![
        ("KEDGE_CLEANUP__ACCOUNTS_INTERVAL_SECONDS", "1"),
        ("KEDGE_CLEANUP__API_KEYS_INTERVAL_SECONDS", "1"),
        ("KEDGE_CLEANUP__OAUTH_TOKENS_INTERVAL_SECONDS", "1"),
    ];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    let running = tokio::spawn(collector::run(server.app.clone()));
    let others = ["rows of the log of changes", "deleted API keys", "sessions and tokens that have run out"];
    for of in others {
        wait_for_more_runs(&server, of, "done", 0).await;
    }
    let rows = || {
        let text = metrics::text(&server.app).unwrap();
        sample(&text, &format!("kedge_collector_rows_total{{of=\"{ACCOUNTS}\"}}"))
    };
    // A run that fails half-way does not count what it removed: then there is another account.
    let mut counted = 0;
    for round in 0..5 {
        server.user(&format!("acme-{round}"), &format!("alice-{round}")).await;
        let (before, failed) = (rows(), runs(&server, ACCOUNTS, "failed"));
        server.delete_account(&format!("acme-{round}")).await;
        while count(&server, "select count(*) from accounts where state = 'deleting'").await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let done = runs(&server, ACCOUNTS, "done");
        wait_for_more_runs(&server, ACCOUNTS, "done", done).await;
        counted = rows() - before;
        if runs(&server, ACCOUNTS, "failed") == failed {
            break;
        }
    }
    // The user, the password and the account.
    assert_eq!(counted, 3);
    let failed = runs(&server, ACCOUNTS, "failed");
    let rename = "alter table accounts rename to elsewhere";
    sqlx::query(rename).execute(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    wait_for_more_runs(&server, ACCOUNTS, "failed", failed).await;
    running.abort();
}

#[tokio::test]
async fn only_accounts_that_are_being_deleted_are_removed() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.user("shut", "bob").await;
    server.set_state("shut", "disabled").await;
    assert_eq!(remove_accounts(&server.app.db).await.unwrap(), 0);
    server.admin().get("/v2/accounts/shut/users/bob").await.expect(200);
}

#[tokio::test]
async fn deleted_key_is_kept_for_its_days() {
    let start = datetime!(2024-11-22 19:34:57 UTC);
    let options = Options {
        clock: Some(Clock::fixed(start)),
        environment: vec![("KEDGE_USER_AUTHENTICATION__REMOVE_DELETED_USER_API_KEYS_OLDER_THAN_DAYS", "30")],
        ..Options::default()
    };
    let server = Server::start_with(options).await;
    let alice = server.user("acme", "alice").await;
    for name in ["deleted", "live", "revoked"] {
        server.key_of(&alice, name).await;
    }
    alice.delete("/v2/user/api-keys/deleted").await.expect(204);
    alice.patch("/v2/user/api-keys/revoked", serde_json::json!({ "status": "revoked" })).await.expect(200);

    let limit = start + Duration::days(30);
    server.app.clock.set(limit - Duration::SECOND);
    assert_eq!(remove_keys(&server.app).await.unwrap(), 0);
    server.app.clock.set(limit);
    assert_eq!(remove_keys(&server.app).await.unwrap(), 1);
    server.app.clock.set(limit + Duration::days(10_000));
    assert_eq!(remove_keys(&server.app).await.unwrap(), 0);
    assert_eq!(count(&server, "select count(*) from api_keys").await, 2);
}

#[tokio::test]
async fn deleted_key_is_kept_for_ever_where_the_deployment_says_so() {
    let start = datetime!(2024-11-22 19:34:57 UTC);
    let options = Options {
        clock: Some(Clock::fixed(start)),
        environment: vec![("KEDGE_USER_AUTHENTICATION__REMOVE_DELETED_USER_API_KEYS_OLDER_THAN_DAYS", "-1")],
        ..Options::default()
    };
    let server = Server::start_with(options).await;
    let alice = server.user("acme", "alice").await;
    server.key_of(&alice, "deleted").await;
    alice.delete("/v2/user/api-keys/deleted").await.expect(204);
    server.app.clock.set(start + Duration::days(10_000));
    assert_eq!(remove_keys(&server.app).await.unwrap(), 0);
    assert_eq!(count(&server, "select count(*) from api_keys").await, 1);
}

#[tokio::test]
async fn every_table_with_rows_of_an_account_is_purged_before_what_it_refers_to() {
    let server = Server::start().await;
    let sql = "with recursive reaching as (
                   select 'accounts'::regclass::oid as id
                   union
                   select c.conrelid from pg_constraint c join reaching on c.confrelid = reaching.id
                   where c.contype = 'f'
               )
               select c.conrelid::regclass::text, c.confrelid::regclass::text
               from pg_constraint c join reaching on c.conrelid = reaching.id
               where c.contype = 'f' order by 1, 2";
    let mut db = server.app.db.connection().await.unwrap();
    let references: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&mut *db).await.unwrap();
    let mut reaching: Vec<_> = references.iter().map(|(table, _)| table.as_str()).collect();
    reaching.dedup();
    let mut purged: Vec<_> = PURGES.iter().map(|purge| purge.table).collect();
    purged.sort_unstable();
    assert_eq!(purged, reaching);

    let place = |table: &str| PURGES.iter().position(|purge| purge.table == table);
    for (table, referred) in references {
        // `accounts` has no place: its row goes last of all.
        let comes_first = place(&referred).is_none_or(|referred| place(&table).unwrap() < referred);
        assert!(comes_first || table == referred, "{table} refers to {referred}, which is purged first");
    }
}

#[tokio::test]
async fn every_foreign_key_has_an_index() {
    let server = Server::start().await;
    // A partial index does not count: the check of a reference asks for all rows.
    let sql = "select c.conname::text from pg_constraint c where c.contype = 'f' and not exists (
                   select from pg_index i
                   where i.indrelid = c.conrelid and i.indpred is null and i.indisvalid
                   and (select array_agg(k order by k) from unnest((i.indkey::int2[])[0:cardinality(c.conkey) - 1]) k)
                     = (select array_agg(k order by k) from unnest(c.conkey) k))";
    let mut db = server.app.db.connection().await.unwrap();
    let without: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *db).await.unwrap();
    assert_eq!(without, Vec::<String>::new());
    let all = "select count(*) from pg_constraint where contype = 'f'";
    assert!(sqlx::query_scalar::<_, i64>(all).fetch_one(&mut *db).await.unwrap() >= 3);
}
