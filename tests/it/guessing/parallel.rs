//! Many guesses at once.

use super::{another, from, limited, wait_for_outcomes};
use crate::support::{PASSWORD, Server, send_until_served};

const HERE: &str = "198.51.100.7";

/// The statuses of so many sign-ins at once, every other one on the second node.
async fn at_once(nodes: [&Server; 2], password: &'static str, times: usize) -> Vec<u16> {
    let asked = (0..times).map(|turn| send_until_served(from(&nodes[turn % 2].basic("alice", password), HERE)));
    let answers = futures_util::future::join_all(asked).await;
    answers.into_iter().map(|answer| answer.status).collect()
}

fn count(statuses: &[u16], wanted: u16) -> usize {
    statuses.iter().filter(|status| **status == wanted).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_guesses_at_once_get_no_more_than_the_limit() {
    let server = limited().await;
    let node = another(&server).await;
    let statuses = at_once([&server, &node], "wrong", 200).await;
    assert_eq!((count(&statuses, 401), count(&statuses, 429)), (5, 195), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_sign_ins_at_once_all_succeed() {
    let server = limited().await;
    let node = another(&server).await;
    let statuses = at_once([&server, &node], PASSWORD, 60).await;
    assert_eq!(count(&statuses, 200), 60, "{statuses:?}");
    wait_for_outcomes(&server).await;
    let left: i64 = sqlx::query_scalar("select sum(taken)::bigint from sign_in_attempts")
        .fetch_one(&mut *server.app.db.connection().await.unwrap())
        .await
        .unwrap();
    assert_eq!(left, 0, "every place was given back");
}
