//! One key: its algorithm, its name, and the two things it does.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, crypto,
    errors::Error,
    jwk::{AlgorithmParameters, Jwk, PublicKeyUse, ThumbprintHash},
};
use serde_json::json;

use crate::{authn::jwt::Claims, secret::Secret};

/// The media type of an access token (RFC 9068, 2.1).
const TYPE: &str = "at+jwt";

/// A key that signs tokens and verifies them, by one algorithm only.
pub struct SigningKey {
    /// The thumbprint of the key (RFC 7638).
    pub kid: String,
    algorithm: Algorithm,
    /// The first part of every token that this key signs. A token is this key's if it begins with exactly that: what
    /// its header may say else (another algorithm, `jwk`, `jku`, `crit`) is never read.
    header: String,
    signs: EncodingKey,
    verifies: DecodingKey,
    /// `None` for a shared secret, which is shown to nobody.
    public: Option<Jwk>,
}

impl SigningKey {
    /// A key and its counterpart, which are known to belong together.
    pub(super) fn new(algorithm: Algorithm, signs: EncodingKey, verifies: DecodingKey) -> Result<Self, Error> {
        let mut jwk = Jwk::from_encoding_key(&signs, algorithm)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let header = json!({ "alg": algorithm, "kid": kid, "typ": TYPE }).to_string();
        let public = (!matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_))).then_some(jwk);
        Ok(Self { kid, algorithm, header: BASE64_URL_SAFE_NO_PAD.encode(header), signs, verifies, public })
    }

    /// An Ed25519 pair from its seed (RFC 8032, 5.1.5).
    pub(super) fn ed25519(seed: &[u8; 32]) -> Result<Self, Error> {
        // PKCS #8 (RFC 8410, 7) around the seed.
        const PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let der = zeroize::Zeroizing::new([PREFIX.as_slice(), seed].concat());
        let signs = EncodingKey::from_ed_der(&der);
        let verifies = DecodingKey::from_jwk(&Jwk::from_encoding_key(&signs, Algorithm::EdDSA)?)?;
        Self::new(Algorithm::EdDSA, signs, verifies)
    }

    /// The public half, as the JWKS shows it.
    pub(super) const fn public(&self) -> Option<&Jwk> {
        self.public.as_ref()
    }

    /// The token that says this (RFC 7515, 7.1).
    pub fn sign(&self, claims: &Claims) -> Result<Secret, Error> {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims)?);
        let message = format!("{}.{claims}", self.header);
        let signature = crypto::sign(message.as_bytes(), &self.signs, self.algorithm)?;
        Ok(Secret::new(message + "." + &signature))
    }

    /// Whether the token's header is that of a pair which Kedge made, perhaps on another node a moment ago.
    pub(super) fn could_be_ours(token: &str) -> bool {
        let Some((header, _)) = token.split_once('.') else { return false };
        let Ok(header) = BASE64_URL_SAFE_NO_PAD.decode(header) else { return false };
        let kid = header
            .strip_prefix(br#"{"alg":"EdDSA","kid":""#)
            .and_then(|rest| rest.strip_suffix(br#"","typ":"at+jwt"}"#));
        kid.is_some_and(|kid| kid.len() == 43)
    }

    /// Whether the token's header is that of this key's tokens.
    pub(super) fn is_header_of(&self, token: &str) -> bool {
        token.strip_prefix(&self.header).is_some_and(|rest| rest.starts_with('.'))
    }

    /// Whether what it signs is what it verifies: not every key that can be read can also sign.
    pub(super) fn try_out(&self) -> bool {
        let message = b"kedge";
        let signed = crypto::sign(message, &self.signs, self.algorithm);
        signed.and_then(|signature| crypto::verify(&signature, message, &self.verifies, self.algorithm)) == Ok(true)
    }

    /// What the token says, if this key signed it; the error is a reason for the log.
    pub(super) fn verify(&self, token: &str) -> Result<Claims, &'static str> {
        let (message, signature) = token.rsplit_once('.').ok_or("access token of one part")?;
        let claims = message.strip_prefix(&self.header).and_then(|rest| rest.strip_prefix('.'));
        let claims = claims.ok_or("access token with the header of no key")?;
        if crypto::verify(signature, message.as_bytes(), &self.verifies, self.algorithm) != Ok(true) {
            return Err("access token with a wrong signature");
        }
        let claims =
            BASE64_URL_SAFE_NO_PAD.decode(claims).map_err(|_| "access token whose claims are not base64url")?;
        // An object: serde would take the claims from an array, too. `serde_json` passes over the bytes of an unknown
        // claim, so that they are looked at here.
        let claims = std::str::from_utf8(&claims).ok().filter(|claims| claims.starts_with('{'));
        claims.and_then(|claims| serde_json::from_str(claims).ok()).ok_or("access token whose claims are not ours")
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}
