//! The form that asks for tokens, compared with how browsers read forms.

#![no_main]

use axum::{body::Body, extract::FromRequest, http::Request};
use kedge::{
    http::form::Form,
    identity::oauth::{grant, types::TokenRequest},
};
use kedge_fuzz::{APP, block_on};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let request = Request::new(Body::from(data.to_vec()));
    let Ok(Form(request)) = block_on(Form::<TokenRequest>::from_request(request, &*APP)) else { return };
    let value = |name: &str| {
        let mut values = form_urlencoded::parse(data).filter(|(key, value)| key == name && !value.is_empty());
        let value = values.next().map(|(_, value)| value.into_owned());
        assert!(values.next().is_none(), "{name} was given twice");
        value
    };
    assert_eq!(request.grant_type, value("grant_type"));
    assert_eq!(request.username, value("username"));
    assert_eq!(request.client_id, value("client_id"));
    #[expect(clippy::disallowed_methods, reason = "what was read is compared")]
    let password = request.password.as_ref().map(|password| password.reveal().to_owned());
    assert_eq!(password, value("password"));
    // Whatever it asks for, it is read to an end.
    let _ = grant::read(request, None);
});
