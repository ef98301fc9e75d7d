//! Signatures by other algorithms and other keys than the one that the server's pair is for.

use serde_json::{Value, json};

use super::{Row, Stage, row};
use crate::support::{
    claims_of,
    forge::{self, KINDS, Kind, Pair},
};

/// The order of P-256 (SEC 2, 2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order of Ed25519's group (RFC 8032, 5.1), the lowest byte first.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Every row of this file, against a server that signs with `pair`.
pub fn rows(stage: &Stage, pair: &Pair) -> Vec<Row> {
    let mut table = shared_secrets(stage, pair);
    table.extend(other_keys(stage, pair));
    table.extend(degenerate(stage, pair));
    table
}

/// The header of the server with another algorithm.
fn header(stage: &Stage, algorithm: &str) -> String {
    let mut header: Value = serde_json::from_str(&stage.header()).unwrap();
    header["alg"] = json!(algorithm);
    header.to_string()
}

/// HMAC with what everyone knows of the pair, announced and not.
fn shared_secrets(stage: &Stage, pair: &Pair) -> Vec<Row> {
    type Mac = fn(&[u8], &[u8]) -> Vec<u8>;
    let claims = claims_of(&stage.good).to_string();
    let pem = pair.public_pem();
    let right: Value = serde_json::from_str(&stage.header()).unwrap();
    let kid = right["kid"].as_str().unwrap();
    let secrets = [
        ("the public PEM", pem.as_bytes().to_vec()),
        ("the public PEM without its newline", pem.trim_end().as_bytes().to_vec()),
        ("the public PEM with CRLF", pem.replace('\n', "\r\n").into_bytes()),
        ("the public DER", pair.spki.clone()),
        ("the public key", pair.public.clone()),
        ("the public key in base64url", forge::encode(&pair.public).into_bytes()),
        ("the JWK", pair.jwk().to_string().into_bytes()),
        ("the kid", kid.as_bytes().to_vec()),
        ("nothing", vec![]),
    ];
    let macs: [(&str, Mac); 3] = [("HS256", forge::hs256), ("HS384", forge::hs384), ("HS512", forge::hs512)];
    let mut table = vec![];
    for (algorithm, mac) in macs {
        for (what, secret) in &secrets {
            let sign = |message: &[u8]| mac(secret, message);
            let announced = forge::token(header(stage, algorithm), &claims, sign);
            table.push(row(format!("{algorithm} with {what}"), announced));
            let hidden = forge::token(stage.header(), &claims, sign);
            table.push(row(format!("{algorithm} with {what} under the right header"), hidden));
        }
    }
    for none in ["none", "None", "NONE", ""] {
        table.push(row(format!("alg {none:?}"), forge::token(header(stage, none), &claims, |_| vec![])));
    }
    table
}

/// Right signatures by keys that are not the server's, and by the server's under other names.
fn other_keys(stage: &Stage, pair: &Pair) -> Vec<Row> {
    let claims = claims_of(&stage.good).to_string();
    let mut table = vec![];
    for kind in KINDS {
        let other = Pair::new(kind);
        let sign = |message: &[u8]| other.sign(message);
        let announced = header(stage, kind.algorithm());
        table.push(row(format!("another key, {}", kind.algorithm()), forge::token(&announced, &claims, sign)));
        let hidden = forge::token(stage.header(), &claims, sign);
        table.push(row(format!("another key, {}, under the right header", kind.algorithm()), hidden));
        let mut with_jwk: Value = serde_json::from_str(&announced).unwrap();
        with_jwk["jwk"] = other.jwk();
        table.push(row(
            format!("jwk of another key, {}", kind.algorithm()),
            forge::token(with_jwk.to_string(), &claims, sign),
        ));
        if kind != pair.kind {
            let sign = |message: &[u8]| pair.sign(message);
            table.push(row(format!("the right key as {}", kind.algorithm()), forge::token(&announced, &claims, sign)));
        }
    }
    let message = format!("{}.{}", forge::encode(stage.header()), forge::encode(&claims));
    for (what, signature) in pair.sign_otherwise(message.as_bytes()) {
        table.push(row(format!("{what} under the right header"), format!("{message}.{}", forge::encode(signature))));
    }
    for algorithm in ["PS256", "RS384", "RS512", "ES256K", "ES384", "Ed25519", "Ed448", "RS1"] {
        let sign = |message: &[u8]| pair.sign(message);
        table.push(row(format!("the right key as {algorithm}"), forge::token(header(stage, algorithm), &claims, sign)));
    }
    table
}

/// Signatures that verify anything where a verifier forgets a check.
fn degenerate(stage: &Stage, pair: &Pair) -> Vec<Row> {
    let (message, signature) = stage.good.rsplit_once('.').unwrap();
    let right = forge::decode(signature);
    let zeros = vec![0; right.len()];
    let mut signatures = vec![
        ("zeros", zeros.clone()),
        ("ones", vec![0xff; right.len()]),
        ("empty", vec![]),
        ("one zero", vec![0]),
        ("short of a byte", right[..right.len() - 1].to_vec()),
        ("and a byte", [right.as_slice(), &[0]].concat()),
        ("after a zero", [&[0], right.as_slice()].concat()),
        ("twice", [right.as_slice(), &right].concat()),
    ];
    match pair.kind {
        Kind::Rsa => {
            let mut one = zeros;
            *one.last_mut().unwrap() = 1;
            signatures.extend([("one", one), ("the modulus", pair.public[9..265].to_vec())]);
        }
        Kind::P256 => {
            // CVE-2022-21449 and its neighbours.
            let (zero, mut one) = ([0; 32], [0; 32]);
            one[31] = 1;
            let (r, s) = right.split_at(32);
            for (what, r, s) in [
                ("r 0, s 1", &zero[..], &one[..]),
                ("r 1, s 0", &one, &zero),
                ("r n, s n", &P256_ORDER, &P256_ORDER),
                ("r n, s 1", &P256_ORDER, &one),
                ("r 1, s n", &one, &P256_ORDER),
                ("r 0, s n", &zero, &P256_ORDER),
                ("r n, s 0", &P256_ORDER, &zero),
                ("r, s 0", r, &zero),
                ("r 0, s", &zero, s),
                ("r and s swapped", s, r),
            ] {
                signatures.push((what, [r, s].concat()));
            }
            // DER of two zeros, which is what Java took, too.
            signatures.push(("DER of r 0, s 0", vec![0x30, 6, 2, 1, 0, 2, 1, 0]));
        }
        Kind::Ed25519 => {
            let (r, s) = right.split_at(32);
            let mut identity = [0; 32];
            identity[0] = 1;
            let mut minus_one = [0xff; 32];
            (minus_one[0], minus_one[31]) = (0xec, 0x7f);
            for (what, r, s) in [
                ("identity, 0", &identity[..], &[0; 32][..]),
                ("point of order 2, 0", &minus_one, &[0; 32]),
                ("point of order 4, 0", &[0; 32], &[0; 32]),
                ("identity, the order", &identity, &ED25519_ORDER),
                ("the public key, 0", &pair.public, &[0; 32]),
                ("R, 0", r, &[0; 32]),
                ("R, S and the order", r, &sum(s, &ED25519_ORDER)),
            ] {
                signatures.push((what, [r, s].concat()));
            }
        }
    }
    let algorithm = pair.kind.algorithm();
    let rows = signatures.into_iter();
    rows.map(|(what, signature)| {
        row(format!("{algorithm} signature: {what}"), format!("{message}.{}", forge::encode(signature)))
    })
    .collect()
}

/// The sum of two numbers, the lowest byte first.
fn sum(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let bytes = one.iter().zip(other).map(|(one, other)| {
        let sum = u16::from(*one) + u16::from(*other) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    bytes.collect()
}
