//! Claims that are not those of a sign-in that goes on, under the right header and a right signature.

use serde_json::Value;

use super::{NOW, Row, Stage, row, sign_with_secret};
use crate::support::{claims_of, forge};

/// What other sign-ins' claims were.
pub struct Others {
    pub bob: Value,
    /// The session of alice that she ended.
    pub ended: Value,
}

const UNKNOWN: &str = "\"00000000-0000-4000-8000-000000000000\"";

/// Values of one claim that are none of ours.
const VALUES: [(&str, &str); 71] = [
    ("exp", "\"9999999999\""),
    ("exp", "9999999999.0"),
    ("exp", "9999999999.5"),
    ("exp", "1e12"),
    ("exp", "1e999"),
    ("exp", "null"),
    ("exp", "true"),
    ("exp", "[9999999999]"),
    ("exp", "{\"$gt\":0}"),
    ("exp", "9223372036854775808"),
    ("exp", "18446744073709551616"),
    ("exp", "99999999999999999999999999999999999999"),
    ("exp", "-9223372036854775808"),
    ("exp", "-1"),
    ("exp", "-0"),
    ("exp", "0"),
    ("exp", "NaN"),
    ("exp", "Infinity"),
    ("exp", "0x7fffffff"),
    ("exp", "09999999999"),
    ("exp", "+9999999999"),
    ("exp", "9_999_999_999"),
    ("exp", ""),
    ("nbf", "null"),
    ("nbf", "\"0\""),
    ("nbf", "0.0"),
    ("nbf", "[0]"),
    ("nbf", "9223372036854775807"),
    ("nbf", "9223372036854775808"),
    ("iat", "null"),
    ("iat", "\"0\""),
    ("iat", "0.0"),
    ("iat", "9223372036854775807"),
    ("iat", "-9223372036854775809"),
    ("iss", "null"),
    ("iss", "\"\""),
    ("iss", "\"http://localhost:8228/\""),
    ("iss", "\"HTTP://LOCALHOST:8228\""),
    ("iss", "\"http://localhost:8228\\u0000\""),
    ("iss", "\"https://attacker.example\""),
    ("iss", "[\"http://localhost:8228\"]"),
    ("iss", "{}"),
    ("aud", "null"),
    ("aud", "\"\""),
    ("aud", "\"anonymous\""),
    ("aud", "\"http://localhost:8228/v2\""),
    ("aud", "\"https://other.example\""),
    ("aud", "[\"http://localhost:8228\"]"),
    ("aud", "[\"https://other.example\",\"http://localhost:8228\"]"),
    ("aud", "[]"),
    ("aud", "{\"0\":\"http://localhost:8228\"}"),
    ("sub", "null"),
    ("sub", "\"\""),
    ("sub", "\"alice\""),
    ("sub", "\"admin\""),
    ("sub", "0"),
    ("sub", "\"' or '1'='1\""),
    ("sub", UNKNOWN),
    ("sid", "null"),
    ("sid", "\"\""),
    ("sid", "[]"),
    ("sid", UNKNOWN),
    ("auth_epoch", "null"),
    ("auth_epoch", "\"0\""),
    ("auth_epoch", "0.0"),
    ("auth_epoch", "1"),
    ("auth_epoch", "-1"),
    ("auth_epoch", "9223372036854775808"),
    ("client_id", "null"),
    ("jti", "null"),
    ("jti", "\"x\""),
];

/// Every row of this file.
pub fn rows(stage: &Stage, others: &Others) -> Vec<Row> {
    let good = claims_of(&stage.good);
    let now = NOW.unix_timestamp();
    let signed = |claims: &str| forge::token(stage.header(), claims, sign_with_secret);
    let bob = |name: &str| others.bob[name].to_string();
    let mut values: Vec<_> =
        VALUES.iter().map(|(name, text)| (*name, (*text).to_owned(), (*text).to_owned())).collect();
    values.extend([
        ("exp", "thirty seconds ago".to_owned(), (now - 30).to_string()),
        ("nbf", "in 31 seconds".to_owned(), (now + 31).to_string()),
        ("iat", "in 31 seconds".to_owned(), (now + 31).to_string()),
        ("sub", "bob's".to_owned(), bob("sub")),
        ("sid", "bob's".to_owned(), bob("sid")),
        ("sid", "of a session that was ended".to_owned(), others.ended.to_string()),
        ("aud", "nested deeply".to_owned(), "[".repeat(1_000) + &"]".repeat(1_000)),
        ("aud", "nested deeply and not closed".to_owned(), "[".repeat(4_000)),
        ("iss", "of 4,000 letters".to_owned(), format!("\"{}\"", "x".repeat(4_000))),
    ]);
    let mut table: Vec<Row> = values
        .iter()
        .map(|(name, what, text)| row(format!("{name} {what}"), signed(&before(&without(&good, name), name, text))))
        .collect();
    for name in ["iss", "aud", "sub", "client_id", "sid", "auth_epoch", "iat", "exp", "jti"] {
        table.push(row(format!("{name} absent"), signed(&without(&good, name))));
        table.push(row(
            format!("{name} in other letters"),
            signed(&before(&without(&good, name), &name.to_uppercase(), &good[name].to_string())),
        ));
        table.push(row(
            format!("{name} twice, the same"),
            signed(&before(&good.to_string(), name, &good[name].to_string())),
        ));
    }
    for (name, text) in [
        ("exp", "1".to_owned()),
        ("iss", "\"https://attacker.example\"".to_owned()),
        ("aud", "\"https://other.example\"".to_owned()),
        ("sub", bob("sub")),
        ("sid", bob("sid")),
        ("auth_epoch", "1".to_owned()),
    ] {
        table.push(row(format!("{name} twice, the wrong one first"), signed(&before(&good.to_string(), name, &text))));
        table.push(row(format!("{name} twice, the wrong one last"), signed(&after(&good.to_string(), name, &text))));
    }
    table.push(row("nbf twice", signed(&after(&before(&good.to_string(), "nbf", "0"), "nbf", "0"))));
    table.extend(not_an_object(&good).into_iter().map(|(what, text)| row(what, signed(&text))));
    table.extend(
        not_text(&good)
            .into_iter()
            .map(|(what, bytes)| row(what, forge::token(stage.header(), bytes, sign_with_secret))),
    );
    table
}

fn without(claims: &Value, name: &str) -> String {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims.to_string()
}

/// The object with one more member, the first or the last.
fn before(object: &str, name: &str, value: &str) -> String {
    format!("{{\"{name}\":{value},{}", object.strip_prefix('{').unwrap())
}

fn after(object: &str, name: &str, value: &str) -> String {
    format!("{},\"{name}\":{value}}}", object.strip_suffix('}').unwrap())
}

fn not_an_object(good: &Value) -> Vec<(&'static str, String)> {
    let text = good.to_string();
    // In the order that the server writes them in.
    let names = ["iss", "aud", "sub", "client_id", "sid", "auth_epoch", "iat", "exp"];
    let values: Vec<_> = names.iter().map(|name| good[name].clone()).collect();
    let positional = [values.as_slice(), &[Value::from(0), good["jti"].clone()]].concat();
    vec![
        ("claims null", "null".to_owned()),
        ("claims true", "true".to_owned()),
        ("claims a number", "1".to_owned()),
        ("claims an empty array", "[]".to_owned()),
        ("claims an array of the right values", Value::from(positional).to_string()),
        ("claims in an array", format!("[{text}]")),
        ("claims in a string", Value::from(text.clone()).to_string()),
        ("claims in an object", format!("{{\"claims\":{text}}}")),
        ("claims an empty object", "{}".to_owned()),
        ("claims empty", String::new()),
        ("claims and more", format!("{text}{{}}")),
        ("claims and a letter", format!("{text}x")),
        ("claims and U+0000", format!("{text}\0")),
        ("claims twice", format!("{text}{text}")),
        ("claims cut", text[..text.len() - 1].to_owned()),
        ("claims with a comma at the end", text.replace('}', ",}")),
        ("claims with a comment", text.replace('}', "/**/}")),
        ("claims in single quotes", text.replace('"', "'")),
        ("claims after a byte order mark", format!("\u{feff}{text}")),
        ("claims encoded twice", forge::encode(&text)),
        ("a token for claims", forge::token("{\"alg\":\"none\"}", &text, |_| vec![])),
    ]
}

fn not_text(good: &Value) -> Vec<(&'static str, Vec<u8>)> {
    let text = good.to_string();
    let spoiled = |name: &str| {
        let (head, tail) = text.split_at(text.find(&format!("\"{name}\":\"")).unwrap() + name.len() + 4);
        [head.as_bytes(), b"\xff\xfe", tail.as_bytes()].concat()
    };
    vec![
        ("iss in no UTF-8", spoiled("iss")),
        ("client_id in no UTF-8", spoiled("client_id")),
        ("an unknown claim in no UTF-8", [b"{\"x\":\"\xff\",", &text.as_bytes()[1..]].concat()),
        ("an overlong U+002F in an unknown claim", [b"{\"x\":\"\xc0\xaf\",", &text.as_bytes()[1..]].concat()),
        ("claims in UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("claims that are random bytes", vec![0x9f; 300]),
    ]
}
