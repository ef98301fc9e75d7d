//! Headers that are not the one of the server's key. The signature is right wherever there is one.

use serde_json::{Value, json};

use super::{Row, SECRET, Stage, row, sign_with_secret};
use crate::support::{
    claims_of,
    forge::{self, Kind, Pair},
};

/// Spellings of the algorithm that are not `HS256`.
const ALGORITHMS: [&str; 26] = [
    "\"none\"",
    "\"None\"",
    "\"NONE\"",
    "\"nOnE\"",
    "\"none \"",
    "\" none\"",
    "\"no\\u006ee\"",
    "\"none\\u0000\"",
    "\"\"",
    "null",
    "false",
    "0",
    "[\"none\"]",
    "[\"HS256\"]",
    "{\"HS256\":null}",
    "\"hs256\"",
    "\"HS256 \"",
    "\"\\u0048S256\"",
    "\"HS256,none\"",
    "\"HS384\"",
    "\"HS512\"",
    "\"RS256\"",
    "\"PS256\"",
    "\"ES256\"",
    "\"EdDSA\"",
    "\"dir\"",
];

const TYPES: [&str; 14] = [
    "\"JWT\"",
    "\"jwt\"",
    "\"AT+JWT\"",
    "\"At+jwt\"",
    "\"at+jwt \"",
    "\"application/at+jwt\"",
    "\"at+jwt; charset=utf-8\"",
    "\"rt+jwt\"",
    "\"id_token\"",
    "\"logout+jwt\"",
    "\"\"",
    "null",
    "[\"at+jwt\"]",
    "1",
];

const KIDS: [&str; 10] = [
    "\"\"",
    "null",
    "0",
    "[]",
    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
    "\"../../../../../../dev/null\"",
    "\"/proc/sys/kernel/randomize_va_space\"",
    "\"x' union select 'AAAA'; --\"",
    "\"https://attacker.example/key\"",
    "\"\\u0000\"",
];

/// Every row of this file.
pub fn rows(stage: &Stage) -> Vec<Row> {
    let header = stage.header();
    let right: Value = serde_json::from_str(&header).unwrap();
    let claims = claims_of(&stage.good).to_string();
    let signed = |header: &str| forge::token(header, &claims, sign_with_secret);
    let (kid, rest) = (right["kid"].as_str().unwrap(), header.strip_prefix('{').unwrap());
    assert_eq!(signed(&header).split('.').next(), stage.good.split('.').next());

    let mut table = vec![];
    for algorithm in ALGORITHMS {
        let header = format!("{{\"alg\":{algorithm},\"kid\":\"{kid}\",\"typ\":\"at+jwt\"}}");
        table.push(row(format!("alg {algorithm}"), signed(&header)));
        table.push(row(format!("alg {algorithm}, unsigned"), forge::token(&header, &claims, |_| vec![])));
    }
    for kind in TYPES {
        let header = format!("{{\"alg\":\"HS256\",\"kid\":\"{kid}\",\"typ\":{kind}}}");
        table.push(row(format!("typ {kind}"), signed(&header)));
    }
    for kid in KIDS {
        let header = format!("{{\"alg\":\"HS256\",\"kid\":{kid},\"typ\":\"at+jwt\"}}");
        table.push(row(format!("kid {kid}"), signed(&header)));
        // What the file, the row or the page behind the name might hold.
        for secret in ["", "AAAA", "2\n"] {
            let sign = |message: &[u8]| forge::hs256(secret.as_bytes(), message);
            table.push(row(format!("kid {kid}, signed with {secret:?}"), forge::token(&header, &claims, sign)));
        }
    }
    let long = format!("{{\"alg\":\"HS256\",\"kid\":\"{}\",\"typ\":\"at+jwt\"}}", "k".repeat(4_000));
    table.push(row("kid of 4,000 letters", signed(&long)));
    for name in ["alg", "kid", "typ"] {
        let mut header = right.clone();
        header.as_object_mut().unwrap().remove(name);
        table.push(row(format!("no {name}"), signed(&header.to_string())));
        let twice = format!("{{{},{rest}", member(name, &right[name]));
        table.push(row(format!("{name} twice, the same"), signed(&twice)));
        let wrong = Value::from("none");
        table.push(row(
            format!("{name} twice, the wrong one first"),
            signed(&format!("{{{},{rest}", member(name, &wrong))),
        ));
        let last = format!("{},{}}}", header_without_end(&right), member(name, &wrong));
        table.push(row(format!("{name} twice, the wrong one last"), signed(&last)));
    }
    table.extend(extra_members().into_iter().map(|(name, value)| {
        let mut header = right.clone();
        header[name] = value.clone();
        row(format!("{name}: {}", value.to_string().chars().take(60).collect::<String>()), signed(&header.to_string()))
    }));
    table.extend(own_key(kid, &claims));
    for (what, text) in [
        ("blanks in the header", header.replace(',', ", ")),
        ("a newline after the header", format!("{header}\n")),
        ("members in another order", format!("{{\"typ\":\"at+jwt\",\"alg\":\"HS256\",\"kid\":\"{kid}\"}}")),
        ("an escape in the header", header.replace("HS256", "HS25\\u0036")),
        ("members in other letters", header.replace("alg", "ALG")),
        ("more after the header", format!("{header}{header}")),
        ("a comment in the header", header.replace('}', "/**/}")),
        ("a byte order mark before the header", format!("\u{feff}{header}")),
        ("header null", "null".to_owned()),
        ("header an array", format!("[\"HS256\",\"{kid}\",\"at+jwt\"]")),
        ("header a string", Value::from(header.clone()).to_string()),
        ("header empty", String::new()),
        ("header an empty object", "{}".to_owned()),
        ("header nested deeply", "{\"alg\":".repeat(500)),
    ] {
        table.push(row(what, signed(&text)));
    }
    table.push(row(
        "header in no UTF-8",
        forge::token(b"{\"alg\":\"HS256\",\"kid\":\"\xff\"}", &claims, sign_with_secret),
    ));
    table
}

fn member(name: &str, value: &Value) -> String {
    format!("\"{name}\":{value}")
}

fn header_without_end(header: &Value) -> String {
    header.to_string().trim_end_matches('}').to_owned()
}

/// Members that a library might act on.
fn extra_members() -> Vec<(&'static str, Value)> {
    vec![
        ("jwk", json!({ "kty": "oct", "k": forge::encode(SECRET) })),
        ("jwk", json!(null)),
        ("jku", json!("https://attacker.example/jwks.json")),
        ("jku", json!("http://localhost:8228/.well-known/jwks.json")),
        ("x5u", json!("https://attacker.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!("b64")),
        ("b64", json!(true)),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("nonce", json!("x")),
        ("iss", json!("http://localhost:8228")),
        ("", json!("")),
    ]
}

/// Tokens that bring the attacker's key along, and claims that are not encoded (RFC 7797).
fn own_key(kid: &str, claims: &str) -> Vec<Row> {
    let pair = Pair::new(Kind::Ed25519);
    let mut table = vec![];
    for (what, header) in [
        ("jwk of the attacker", json!({ "alg": "EdDSA", "kid": kid, "typ": "at+jwt", "jwk": pair.jwk() })),
        ("jwk of the attacker without kid", json!({ "alg": "EdDSA", "typ": "at+jwt", "jwk": pair.jwk() })),
        ("kid that is a key", json!({ "alg": "EdDSA", "kid": pair.jwk(), "typ": "at+jwt" })),
    ] {
        table.push(row(what, forge::token(header.to_string(), claims, |message| pair.sign(message))));
    }
    let header = json!({ "alg": "HS256", "kid": kid, "typ": "at+jwt", "b64": false, "crit": ["b64"] }).to_string();
    let message = format!("{}.{claims}", forge::encode(&header));
    table.push(row("b64 false", forge::signed(&message, sign_with_secret)));
    let detached = forge::encode(sign_with_secret(message.as_bytes()));
    table.push(row("b64 false, detached", format!("{}..{detached}", forge::encode(&header))));
    table
}
