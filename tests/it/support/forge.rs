//! What an operator or an attacker makes by hand: key pairs, their PEM files, and tokens signed with anything.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaKeyPair,
    },
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

/// The kinds of keys that a deployment may configure as a pair.
pub const KINDS: [Kind; 3] = [Kind::Rsa, Kind::P256, Kind::Ed25519];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rsa,
    P256,
    Ed25519,
}

impl Kind {
    /// What a token's header calls it.
    pub fn algorithm(self) -> &'static str {
        match self {
            Self::Rsa => "RS256",
            Self::P256 => "ES256",
            Self::Ed25519 => "EdDSA",
        }
    }
}

/// A key pair, in the forms that files hold.
pub struct Pair {
    pub kind: Kind,
    /// The private key (RFC 5208).
    pub pkcs8: Vec<u8>,
    /// The public key (RFC 5280, 4.1).
    pub spki: Vec<u8>,
    /// The public key without a wrapping: PKCS #1, a point, or 32 bytes.
    pub public: Vec<u8>,
}

impl Pair {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let pkcs8 = AsDer::<Pkcs8V1Der>::as_der(&pair).unwrap().as_ref().to_vec();
                Self { kind, pkcs8, spki: spki(pair.public_key()), public: pair.public_key().as_ref().to_vec() }
            }
            Kind::P256 => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pkcs8 = elliptic(algorithm);
                let pair = EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8).unwrap();
                Self { kind, pkcs8, spki: spki(pair.public_key()), public: pair.public_key().as_ref().to_vec() }
            }
            Kind::Ed25519 => {
                Self::ed25519(Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap().as_ref().to_vec())
            }
        }
    }

    /// The pair that Kedge keeps as this seed (RFC 8410, 7).
    pub fn of_seed(seed: &[u8]) -> Self {
        let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        Self::ed25519([&prefix, seed].concat())
    }

    fn ed25519(pkcs8: Vec<u8>) -> Self {
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap();
        let (spki, public) = (spki(pair.public_key()), pair.public_key().as_ref().to_vec());
        Self { kind: Kind::Ed25519, pkcs8, spki, public }
    }

    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8)
    }

    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki)
    }

    /// The members of the public key's JWK that count for its thumbprint (RFC 7638, 3.2; RFC 8037, 2).
    pub fn jwk(&self) -> Value {
        match self.kind {
            // SEQUENCE { INTEGER of 256 bytes and a sign, INTEGER 65537 }
            Kind::Rsa => json!({ "e": "AQAB", "kty": "RSA", "n": encode(&self.public[9..265]) }),
            Kind::P256 => {
                let (x, y) = self.public[1..].split_at(32);
                json!({ "crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y) })
            }
            Kind::Ed25519 => json!({ "crv": "Ed25519", "kty": "OKP", "x": encode(&self.public) }),
        }
    }

    /// A signature by the algorithm of the pair's tokens.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self.kind {
            Kind::Rsa => self.sign_rsa(&RSA_PKCS1_SHA256, message),
            Kind::P256 => self.sign_elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING, message),
            Kind::Ed25519 => Ed25519KeyPair::from_pkcs8(&self.pkcs8).unwrap().sign(message).as_ref().to_vec(),
        }
    }

    /// Signatures by the same key that belong to other algorithms.
    pub fn sign_otherwise(&self, message: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        match self.kind {
            Kind::Rsa => vec![
                ("PS256", self.sign_rsa(&RSA_PSS_SHA256, message)),
                ("RS384", self.sign_rsa(&RSA_PKCS1_SHA384, message)),
            ],
            Kind::P256 => vec![("ES256 in DER", self.sign_elliptic(&ECDSA_P256_SHA256_ASN1_SIGNING, message))],
            Kind::Ed25519 => vec![],
        }
    }

    fn sign_rsa(&self, encoding: &'static dyn aws_lc_rs::signature::RsaEncoding, message: &[u8]) -> Vec<u8> {
        let pair = RsaKeyPair::from_pkcs8(&self.pkcs8).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    fn sign_elliptic(&self, algorithm: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Vec<u8> {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.pkcs8).unwrap();
        pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }
}

fn spki(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
    key.as_der().unwrap().as_ref().to_vec()
}

fn elliptic(algorithm: &'static EcdsaSigningAlgorithm) -> Vec<u8> {
    EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap().as_ref().to_vec()
}

/// A private key on a curve that no algorithm of ours uses.
pub fn p384_pem() -> String {
    pem("PRIVATE KEY", &elliptic(&ECDSA_P384_SHA384_FIXED_SIGNING))
}

/// The text of a PEM file (RFC 7468).
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A token with this header and these claims, and whatever `sign` makes of them.
pub fn token(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    signed(&format!("{}.{}", encode(header), encode(claims)), sign)
}

/// A token of this message, encoded or not.
pub fn signed(message: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    format!("{message}.{}", encode(sign(message.as_bytes())))
}

pub fn hs256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac(hmac::HMAC_SHA256, secret, message)
}

pub fn hs384(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac(hmac::HMAC_SHA384, secret, message)
}

pub fn hs512(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac(hmac::HMAC_SHA512, secret, message)
}

fn hmac(algorithm: hmac::Algorithm, secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, secret), message).as_ref().to_vec()
}
