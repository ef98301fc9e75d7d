//! Access tokens: whatever comes as one, and claims that are signed by the right key, which the fuzzer does not have.

#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use kedge::{authn::jwt::Claims, error::Error};
use kedge_fuzz::{APP, SIGNING_SECRET, block_on};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

static KEY: LazyLock<hmac::Key> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, SIGNING_SECRET.as_bytes()));

/// The header of the key's tokens.
static HEADER: LazyLock<String> = LazyLock::new(|| {
    let id = Uuid::nil();
    let claims = Claims {
        iss: String::new(),
        aud: String::new(),
        sub: id,
        client_id: String::new(),
        sid: id,
        auth_epoch: 0,
        iat: 0,
        exp: 0,
        nbf: None,
        jti: id,
    };
    let key = block_on(APP.signing_keys.signing(&APP.db, &APP.clock)).expect("a key is configured");
    let token = key.sign(&claims).expect("the key signs");
    #[expect(clippy::disallowed_methods, reason = "the header of a token is no secret")]
    let header = token.reveal().split('.').next().expect("a token has parts");
    header.to_owned()
});

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 3 {
        0 => {
            let Ok(token) = std::str::from_utf8(data) else { return };
            let verified = block_on(APP.signing_keys.verify(&APP.db, &APP.clock, token));
            assert!(matches!(verified, Err(Error::Unauthenticated(_))), "a forged token");
        }
        // The right header before parts that are chosen.
        1 => {
            let Ok(rest) = std::str::from_utf8(data) else { return };
            let token = format!("{}.{rest}", *HEADER);
            let verified = block_on(APP.signing_keys.verify(&APP.db, &APP.clock, &token));
            assert!(matches!(verified, Err(Error::Unauthenticated(_))), "a forged token");
        }
        _ => {
            let message = format!("{}.{}", *HEADER, BASE64_URL_SAFE_NO_PAD.encode(data));
            let signature = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&KEY, message.as_bytes()));
            match block_on(APP.signing_keys.verify(&APP.db, &APP.clock, &format!("{message}.{signature}"))) {
                Ok(verified) => {
                    let claims = verified.claims;
                    let counts = claims.counts();
                    for now in [i64::MIN, claims.iat, claims.exp, 0, i64::MAX] {
                        let admitted = claims.admit(&claims.iss, now).is_ok();
                        assert!(!admitted || claims.aud == claims.iss);
                        // What is remembered of a token counts no longer than the token.
                        if let Ok(moment) = time::OffsetDateTime::from_unix_timestamp(now) {
                            assert!(admitted || claims.aud != claims.iss || !counts.contains(&moment));
                        }
                    }
                }
                Err(Error::Unauthenticated(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
});
