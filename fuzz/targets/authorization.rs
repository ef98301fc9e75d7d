//! The `Authorization` header: read by all who read it, then checked as far as that goes without a database.

#![no_main]

use axum::http::HeaderValue;
use base64::{Engine, prelude::BASE64_STANDARD};
use kedge::{
    authn::{authenticate, basic, bearer, cache::API_KEY, method::SignInMethod},
    error::Error,
};
use kedge_fuzz::{ADMIN, APP, authorization, block_on};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|header: &[u8]| -> Corpus {
    let Ok(value) = HeaderValue::from_bytes(header) else { return Corpus::Reject };
    let headers = authorization(value.clone());
    let login = basic::parse(value.as_bytes());
    let token = bearer::token(value.as_bytes());
    assert!(login.is_err() || token.is_none(), "a header is of one scheme");
    assert_eq!(token.is_some(), SignInMethod::of(&headers) == Some(SignInMethod::Token));
    if let Ok(login) = login {
        #[expect(clippy::disallowed_methods, reason = "what was read is written again")]
        let again =
            format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", login.username, login.password.reveal())));
        let read = basic::parse(again.as_bytes()).expect("what was read can be read again");
        assert_eq!(read.username, login.username);
        assert!(!login.username.contains(':') && !login.username.contains('\0'));
        // What is taken for a key's header by its beginning is one.
        assert!(!value.as_bytes().starts_with(API_KEY) || login.username == "_api_key");
    }
    match block_on(authenticate(&APP, &headers, None, None)) {
        Ok(_) => assert_eq!(value, ADMIN, "nobody else is signed in"),
        Err(Error::Unauthenticated(_) | Error::Unavailable(_)) => {}
        Err(other) => panic!("{other:?}"),
    }
    Corpus::Keep
});
