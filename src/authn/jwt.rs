//! The claims of an access token: a JWT (RFC 7519) by the profile of RFC 9068. What signs it is
//! [`super::signing_keys`].

use std::ops::Range;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// How far the clocks of two machines may differ, in seconds.
pub const CLOCK_SKEW: i64 = 30;

/// What an access token says. A claim of another type than here, or given twice, refuses the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it: `server.external_url`.
    pub iss: String,
    /// Whom it is for: the same.
    pub aud: String,
    /// The user, by id: a namesake made anew is another user.
    pub sub: Uuid,
    pub client_id: String,
    /// The session that it belongs to and ends with.
    pub sid: Uuid,
    /// The user's, when it was issued: it ends when that is raised.
    pub auth_epoch: i64,
    /// Seconds since 1970, as all moments here.
    pub iat: i64,
    pub exp: i64,
    /// Kedge sets none; one that is there counts.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub nbf: Option<i64>,
    pub jti: Uuid,
}

/// A claim that is there must have its type: null is not left out.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

impl Claims {
    /// From when and until when the token counts; where one of them is a moment that there is not, never.
    #[must_use]
    pub fn counts(&self) -> Range<OffsetDateTime> {
        let begins = self.iat.max(self.nbf.unwrap_or(i64::MIN)).saturating_sub(CLOCK_SKEW);
        let begins = OffsetDateTime::from_unix_timestamp(begins);
        let ends = OffsetDateTime::from_unix_timestamp(self.exp.saturating_add(CLOCK_SKEW));
        match (begins, ends) {
            (Ok(begins), Ok(ends)) => begins..ends,
            _ => OffsetDateTime::UNIX_EPOCH..OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// Whether a token with these claims counts for `audience` at `now`; the error is a reason for the log.
    ///
    /// # Errors
    /// Says which claim is wrong.
    pub fn admit(&self, audience: &str, now: i64) -> Result<(), &'static str> {
        if self.iss != audience || self.aud != audience {
            return Err("access token of another issuer or for another audience");
        }
        if now >= self.exp.saturating_add(CLOCK_SKEW) {
            return Err("access token that has run out");
        }
        let begins = self.iat.max(self.nbf.unwrap_or(i64::MIN));
        if begins > now.saturating_add(CLOCK_SKEW) {
            return Err("access token that does not count yet");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://kedge.example.com";

    fn claims() -> Claims {
        let id = Uuid::nil();
        let (iss, aud, client_id) = (ISSUER.to_owned(), ISSUER.to_owned(), "anonymous".to_owned());
        Claims { iss, aud, sub: id, client_id, sid: id, auth_epoch: 0, iat: 1_000, exp: 4_600, nbf: None, jti: id }
    }

    #[test]
    fn token_counts_from_its_moment_to_its_end_and_thirty_seconds_around() {
        for (now, counts) in [(969, false), (970, true), (1_000, true), (4_629, true), (4_630, false)] {
            assert_eq!(claims().admit(ISSUER, now).is_ok(), counts, "{now}");
        }
    }

    #[test]
    fn token_is_remembered_no_longer_than_it_counts() {
        let moment = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        for (changed, counts) in [
            (claims(), moment(970)..moment(4_630)),
            (Claims { nbf: Some(2_000), ..claims() }, moment(1_970)..moment(4_630)),
        ] {
            assert_eq!(changed.counts(), counts);
        }
        for never in [Claims { nbf: Some(i64::MAX), ..claims() }, Claims { exp: i64::MAX, ..claims() }] {
            assert!(never.counts().is_empty());
        }
    }

    #[test]
    fn later_of_two_beginnings_counts() {
        let later = Claims { nbf: Some(2_000), ..claims() };
        assert!(later.admit(ISSUER, 1_969).is_err());
        assert!(later.admit(ISSUER, 1_970).is_ok());
    }

    #[test]
    fn extreme_moments_are_judged_without_overflow() {
        assert!(Claims { exp: i64::MAX, ..claims() }.admit(ISSUER, 1_000).is_ok());
        assert!(Claims { exp: i64::MIN, ..claims() }.admit(ISSUER, 1_000).is_err());
        assert!(Claims { iat: i64::MIN, ..claims() }.admit(ISSUER, 1_000).is_ok());
        assert!(Claims { iat: i64::MAX, ..claims() }.admit(ISSUER, 1_000).is_err());
    }

    #[test]
    fn issuer_and_audience_are_compared_to_the_letter() {
        for other in ["", "https://kedge.example.com/", "http://kedge.example.com", "HTTPS://KEDGE.EXAMPLE.COM"] {
            assert!(Claims { iss: other.to_owned(), ..claims() }.admit(ISSUER, 1_000).is_err());
            assert!(Claims { aud: other.to_owned(), ..claims() }.admit(ISSUER, 1_000).is_err());
        }
    }
}
