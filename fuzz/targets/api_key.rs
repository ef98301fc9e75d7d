//! The value of an API key.

#![no_main]

use kedge::{authn::api_key::Presented, secret::Secret};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &str| {
    let Some(key) = Presented::parse(&Secret::new(value.to_owned())) else { return };
    // A key has one spelling.
    let (before, secret) = value.rsplit_once('_').expect("there are underscores");
    assert_eq!(before, format!("kedge_{}", key.id));
    assert_eq!((key.id.len(), secret.len()), (16, 49));
    assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    assert!(!key.has_hash(None));
});
