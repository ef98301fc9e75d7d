//! Tokens: how they are asked for, what they open, and how they end.

mod attacks;
mod bearer;
mod collected;
mod ends;
mod introspect;
mod keys;
mod refresh;
mod revoke;
mod rotation;
mod sessions;
mod token;
mod well_known;

use crate::support::Answer;

/// Asserts that an answer is an OAuth2 error (shape 3) with this word.
#[track_caller]
pub fn assert_refused(answer: &Answer, status: u16, word: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    assert_not_stored(answer);
    assert_eq!(answer.body["error"], word, "{answer:?}");
    assert!(answer.body["error_description"].is_string(), "{answer:?}");
    assert_eq!(answer.body.as_object().unwrap().len(), 2, "{answer:?}");
}

/// Asserts that nothing on the way may store the answer.
#[track_caller]
fn assert_not_stored(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    assert_eq!(answer.header("pragma"), "no-cache", "{answer:?}");
}
