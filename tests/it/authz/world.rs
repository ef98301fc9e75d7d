//! Two accounts, and users who hold roles in them. Grants are planted as rows: granting is not what these tests ask.

use std::fs;

use kedge::authz::action::Action;

use crate::support::{Client, Options, Place, Server};

/// The account that the tables call here.
pub const HERE: &str = "tea-party";
/// The account that the tables call elsewhere.
pub const ELSEWHERE: &str = "red-queen-team";

/// A role held in an account, directly or through a group.
#[derive(Clone, Copy, Debug)]
pub enum Held {
    Directly(&'static str, &'static str),
    ByGroup(&'static str, &'static str),
}

/// A Kedge with the two accounts and three roles of its own: `every-action` lists all actions without being `*`,
/// `clerk` changes users and sees few, `raven` has an action of the deployment's own.
pub async fn wonderland() -> Server {
    let place = Place::new();
    let file = place.top.join("roles.yaml");
    let every: Vec<_> = Action::ALL.iter().filter(|action| !action.is_systems()).map(|action| action.name()).collect();
    let clerk =
        "createApiKey, createRoleMember, createUser, deleteRoleMember, deleteUser, getRole, listRoles, updateUser";
    let roles = format!(
        "actions: [x-write-desk]
roles:
  - {{name: every-action, description: All but the star, actions: [{}]}}
  - {{name: clerk, description: Changes users, actions: [{clerk}]}}
  - {{name: raven, description: Like a writing desk, actions: [getAccount, x-write-desk]}}
",
        every.join(", ")
    );
    fs::write(&file, roles).unwrap();
    // Read once, at the start: the directory may go when this function ends.
    let path: &'static str = Box::leak(file.display().to_string().into_boxed_str());
    let environment = vec![("KEDGE_ROLES__FILE", path)];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    for account in [HERE, ELSEWHERE] {
        server.account(account).await;
    }
    server
}

/// A user who signs in and holds these roles.
pub async fn caller(server: &Server, account: &str, username: &str, held: &[Held]) -> Client {
    let client = server.user(account, username).await;
    for held in held {
        grant(server, username, *held).await;
    }
    client
}

/// A user without a password who holds these roles.
pub async fn plant(server: &Server, account: &str, username: &str, held: &[Held]) {
    let sql = "insert into users (id, account_id, username, type, created_at, last_updated)
               select gen_random_uuid(), id, $2, 'native', now(), now() from accounts where name = $1";
    let mut db = server.app.db.connection().await.unwrap();
    sqlx::query(sql).bind(account).bind(username).execute(&mut *db).await.unwrap();
    drop(db);
    for held in held {
        grant(server, username, *held).await;
    }
}

/// Grants a role, unless it is held.
pub async fn grant(server: &Server, username: &str, held: Held) {
    let directly = "insert into role_members (id, user_id, account_id, role, granter, created_at)
                    select gen_random_uuid(), u.id, a.id, $3, 'admin', now() from users u, accounts a
                    where u.username = $1 and a.name = $2 on conflict do nothing";
    let by_group = "with g as (insert into user_groups (id, name, created_at, last_updated)
                               values (gen_random_uuid(), $1 || ' ' || $2 || ' ' || $3, now(), now()) returning id),
                         m as (insert into user_group_members (group_id, user_id, added_at)
                               select g.id, u.id, now() from g, users u where u.username = $1)
                    insert into user_group_roles (id, group_id, account_id, role, created_at)
                    select gen_random_uuid(), g.id, a.id, $3, now() from g, accounts a where a.name = $2";
    let (sql, role, account) = match held {
        Held::Directly(role, account) => (directly, role, account),
        Held::ByGroup(role, account) => (by_group, role, account),
    };
    let mut db = server.app.db.connection().await.unwrap();
    let done = sqlx::query(sql).bind(username).bind(account).bind(role).execute(&mut *db).await.unwrap();
    assert!(done.rows_affected() <= 1, "one grant at a time");
    drop(db);
    // Not by way of Kedge: it must hear of it before the test goes on.
    server.app.changes.obeyed().await;
}
