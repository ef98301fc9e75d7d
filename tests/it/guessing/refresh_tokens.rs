//! Refresh tokens that nobody was given count for their address; those that have ended do not.

use time::Duration;

use super::{limited_to, sign_in_from};
use crate::{
    oauth::assert_refused,
    support::{Answer, PASSWORD, Server, send},
};

const HERE: &str = "198.51.100.7";

async fn ask(server: &Server, form: &[(&str, &str)]) -> Answer {
    send(server.nobody().request("POST", "/v2/oauth/token").header("x-forwarded-for", HERE).form(form)).await
}

async fn refresh(server: &Server, token: &str) -> Answer {
    ask(server, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

/// A page of the console with this in its cookie.
async fn page(server: &Server, token: &str) -> Answer {
    let request = server.nobody().request("POST", "/console/session/token").header("x-forwarded-for", HERE);
    let request = request.header("x-requested-with", "kedge-console");
    send(request.header("cookie", format!("kedge-session={token}")).json(&serde_json::json!({}))).await
}

#[tokio::test]
async fn made_up_ones_block_their_address_for_passwords_and_for_made_up_ones() {
    let server = limited_to("5", "3").await;
    let alices = server.tokens("alice").await;
    for number in 0..3 {
        assert_refused(&refresh(&server, &format!("kedge_rt_{number}")).await, 400, "invalid_grant");
    }
    let by_password = ask(&server, &[("username", "alice"), ("password", PASSWORD)]).await;
    for answer in [refresh(&server, "kedge_rt_3").await, by_password] {
        assert_refused(&answer, 429, "slow_down");
        assert_eq!(answer.header("retry-after"), "61");
    }
    assert_eq!(sign_in_from(&server, HERE, "alice", PASSWORD).await.status, 429);
    // What is valid is let in, from there too.
    refresh(&server, &alices.refresh).await.expect(200);
    sign_in_from(&server, "198.51.100.8", "alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn those_that_were_used_or_have_run_out_and_the_cookies_of_the_console_block_nobody() {
    let server = limited_to("5", "3").await;
    let (old, used) = (server.tokens("alice").await, server.tokens("alice").await);
    refresh(&server, &used.refresh).await.expect(200);
    assert_refused(&refresh(&server, &used.refresh).await, 400, "invalid_grant");
    server.app.clock.set(server.app.clock.now() + Duration::days(2));
    for _ in 0..5 {
        assert_refused(&refresh(&server, &old.refresh).await, 400, "invalid_grant");
        assert_eq!(page(&server, "kedge_rt_of-a-session-that-ended").await.status, 401);
    }
    sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
}
