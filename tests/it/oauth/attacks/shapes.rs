//! Texts that are not three parts of base64url.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE},
};
use serde_json::json;

use super::{Row, Stage, row, sign_with_secret};
use crate::support::{claims_of, forge};

/// Every row of this file.
pub fn rows(stage: &Stage) -> Vec<Row> {
    let good = stage.good.as_str();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("{good}") };
    let own = |message: String| forge::signed(&message, sign_with_secret);
    let mut table: Vec<Row> = [
        ("a letter", "x".to_owned()),
        ("one dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("three dots", "...".to_owned()),
        ("four dots", "....".to_owned()),
        ("a thousand dots", ".".repeat(1_000)),
        ("header alone", header.to_owned()),
        ("two parts", format!("{header}.{claims}")),
        ("header and signature", format!("{header}.{signature}")),
        ("no signature", format!("{header}.{claims}.")),
        ("no claims", format!("{header}..{signature}")),
        ("no claims, signed", own(format!("{header}."))),
        ("no header", format!(".{claims}.{signature}")),
        ("no header, signed", own(format!(".{claims}"))),
        ("signature over the header alone", own(header.to_owned())),
        ("a dot at the end", format!("{good}.")),
        ("a dot at the beginning", format!(".{good}")),
        ("a dot more in the middle", format!("{header}..{claims}.{signature}")),
        ("four parts", format!("{good}.{signature}")),
        ("three parts signed as one", own(format!("{header}.{claims}.{signature}"))),
        ("claims twice, signed", own(format!("{header}.{claims}.{claims}"))),
        ("header twice, signed", own(format!("{header}.{header}.{claims}"))),
        ("parts in another order", format!("{claims}.{header}.{signature}")),
        ("nested", own(format!("{header}.{}", forge::encode(good)))),
        ("token twice", format!("{good}{good}")),
        ("two tokens", format!("{good} {good}")),
        ("two tokens with a comma", format!("{good},{good}")),
        ("the scheme twice", format!("Bearer {good}")),
        ("quoted", format!("\"{good}\"")),
        ("in angle brackets", format!("<{good}>")),
        ("encrypted (RFC 7516)", format!("{}.AAAA.AAAA.AAAA.AAAA", forge::encode(r#"{"alg":"dir","enc":"A256GCM"}"#))),
        ("five parts under our header", format!("{good}.AAAA.AAAA")),
        ("in capitals", good.to_uppercase()),
        ("in small letters", good.to_lowercase()),
        ("backwards", good.chars().rev().collect()),
        ("cut by one", good[..good.len() - 1].to_owned()),
        ("longer by one", format!("{good}A")),
        ("cut in the claims", good[..header.len() + 10].to_owned()),
        ("a blank after the header", format!("{header} .{claims}.{signature}")),
        ("a blank before the claims", format!("{header}. {claims}.{signature}")),
        ("a tab in the claims, signed", own(format!("{header}.{}\t{}", &claims[..8], &claims[8..]))),
        ("a blank before the signature", format!("{header}.{claims}. {signature}")),
        ("percent-encoded", good.replace('.', "%2E")),
        ("a fragment after it", format!("{good}#")),
        ("a parameter after it", format!("{good};x=y")),
        ("letters beyond ASCII", format!("{good}ü")),
        ("a full stop beyond ASCII", good.replace('.', "\u{ff0e}")),
        ("padded signature", format!("{header}.{claims}.{signature}=")),
        ("padded claims, signed", own(format!("{header}.{claims}="))),
        ("padded header, signed", own(format!("{header}=.{claims}"))),
        ("an access token in the form of a cookie", format!("access_token={good}")),
    ]
    .into_iter()
    .map(|(what, token)| row(what, token))
    .collect();

    let raw = claims_of(good).to_string();
    table.push(row("nothing encoded", format!("{}.{raw}.{signature}", stage.header())));
    table.push(row("claims not encoded, signed", own(format!("{header}.{raw}"))));
    table.push(row("claims in hexadecimal, signed", own(format!("{header}.{}", forge::hex(raw.as_bytes())))));
    let bytes = forge::decode(signature);
    table.push(row("signature in hexadecimal", format!("{header}.{claims}.{}", forge::hex(&bytes))));
    table.push(row("signature in padded base64", format!("{header}.{claims}.{}", BASE64_STANDARD.encode(&bytes))));
    table.push(row("signature in padded base64url", format!("{header}.{claims}.{}", BASE64_URL_SAFE.encode(&bytes))));
    // Question marks are a `/` in one alphabet and a `_` in the other.
    let telling = raw.replacen('{', "{\"x\":\"????????\",", 1);
    let standard = BASE64_STANDARD_NO_PAD.encode(&telling);
    assert!(standard.contains('/'));
    table.push(row("claims in the standard alphabet, signed", own(format!("{header}.{standard}"))));
    let flattened = json!({ "protected": header, "payload": claims, "signature": signature });
    table.push(row("as JSON (RFC 7515, 7.2)", flattened.to_string()));
    table.extend(truncated(header, claims, &bytes));
    table
}

/// Signatures that are a part of the right one, or hold it.
fn truncated(header: &str, claims: &str, right: &[u8]) -> Vec<Row> {
    let with = |signature: &[u8]| format!("{header}.{claims}.{}", forge::encode(signature));
    vec![
        row("signature of zeros", with(&[0; 32])),
        row("signature of ones", with(&[0xff; 32])),
        row("half of the signature", with(&right[..16])),
        row("signature short of a byte", with(&right[..31])),
        row("signature and a byte", with(&[right, &[0]].concat())),
        row("a byte and the signature", with(&[&[0], right].concat())),
        row("signature twice", with(&[right, right].concat())),
        row("signature of 4,000 bytes", with(&[right, &[0; 4_000]].concat())),
    ]
}
