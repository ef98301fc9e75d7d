//! `transaction!`: what lost a conflict is run again, what was refused is not.

use kedge::{db::WriteError, error::Error, transaction};
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;

use crate::support::Server;

const LOCK_ACME: &str = "update accounts set email = 'a@acme.test' where name = 'acme'";
const LOCK_OTHER: &str = "update accounts set email = 'a@acme.test' where name = 'other'";

#[tokio::test]
async fn victim_of_a_deadlock_is_run_again() {
    let server = Server::start().await;
    for account in ["acme", "other"] {
        server.account(account).await;
    }
    // The rival never looks for a deadlock, so the victim is always ours.
    let mut rival = PgConnection::connect_with(&server.app.db.options()).await.unwrap();
    sqlx::query("set deadlock_timeout = '1h'").execute(&mut rival).await.unwrap();
    sqlx::query("begin").execute(&mut rival).await.unwrap();
    sqlx::query(LOCK_OTHER).execute(&mut rival).await.unwrap();

    let (runs, mut run) = mpsc::unbounded_channel();
    let db = server.app.db.clone();
    let ours = tokio::spawn(async move {
        let done: kedge::error::Result<()> = async {
            transaction!(db, |db| {
                sqlx::query(LOCK_ACME).execute(&mut *db).await?;
                runs.send(()).unwrap();
                sqlx::query(LOCK_OTHER).execute(&mut *db).await?;
                Ok(())
            })
        }
        .await;
        done
    });
    run.recv().await.expect("a first run");
    sqlx::query(LOCK_ACME).execute(&mut rival).await.unwrap();
    sqlx::query("commit").execute(&mut rival).await.unwrap();
    ours.await.unwrap().unwrap();
    run.recv().await.expect("a second run");
    assert!(run.recv().await.is_none(), "a third run");
}

/// How often a transaction is run that ends like this, and what it answers at last.
async fn runs_of(server: &Server, end: impl Fn() -> Result<&'static str, Error>) -> (u8, Error) {
    let mut runs = 0;
    let answer: kedge::error::Result<()> = async {
        transaction!(server.app.db, |db| {
            runs += 1;
            let sql = end().map_err(WriteError::Answer)?;
            sqlx::query(sql).execute(&mut *db).await?;
            Ok(())
        })
    }
    .await;
    (runs, answer.expect_err("no run went well"))
}

#[tokio::test]
async fn conflict_that_outlives_three_runs_is_unavailable() {
    let server = Server::start().await;
    for conflict in [
        "do $$ begin raise exception using errcode = '40001'; end $$",
        "do $$ begin raise exception using errcode = '40P01'; end $$",
    ] {
        let (runs, error) = runs_of(&server, || Ok(conflict)).await;
        assert_eq!((runs, error.status().as_u16()), (3, 503), "{conflict}");
    }
}

#[tokio::test]
async fn failure_and_refusal_are_not_run_again() {
    let server = Server::start().await;
    let (runs, error) = runs_of(&server, || Ok("select 1 / 0")).await;
    assert_eq!((runs, error.status().as_u16()), (1, 500));
    let (runs, error) = runs_of(&server, || Err(Error::Refused("no".to_owned()))).await;
    assert_eq!((runs, error.status().as_u16()), (1, 400));
}

#[tokio::test]
async fn refused_transaction_leaves_nothing_behind() {
    let server = Server::start().await;
    server.account("acme").await;
    let answer: kedge::error::Result<()> = async {
        transaction!(server.app.db, |db| {
            sqlx::query(LOCK_ACME).execute(&mut *db).await?;
            Err(WriteError::Answer(Error::Refused("no".to_owned())))
        })
    }
    .await;
    assert_eq!(answer.unwrap_err().status().as_u16(), 400);
    assert!(server.admin().get("/v2/accounts/acme").await.expect(200)["email"].is_null());
}
