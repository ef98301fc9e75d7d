//! Bodies that are forms. Strangers send them, too, so what they take of the memory is bounded for all of them
//! together.

use axum::extract::{FromRequest, Request};
use http_body_util::BodyExt;
use serde::de::{DeserializeOwned, value::MapDeserializer};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::extract::unreadable;
use crate::{
    error::{Error, OAuthError, Result},
    names::shown,
};

/// How many bytes a form has that anyone may send at any time.
const SMALL: usize = 16 * 1024;
/// How many KiB there may be of what has come of larger ones: they come from strangers, too, and take memory until they
/// are whole. Counted as they come: whoever sends little, slowly, keeps no place from others.
static LARGE_FORMS: Semaphore = Semaphore::const_new(64 * 1024);

/// A form. A parameter without a value counts as left out, one that is given twice is refused (RFC 6749, 3.2).
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, OAuthError> {
        Ok(Self(read_form::<T>(request).await?))
    }
}

/// A form as [`Form`] takes it, of an operation that is not OAuth2's: what is wrong with it answers a problem.
#[derive(Debug)]
pub struct ApiForm<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        Ok(Self(read_form::<T>(request).await?))
    }
}

/// All of a body, of what is beyond [`SMALL`] within the room that there is. Who finds none is refused and does not
/// wait: those who wait would keep what they have come to hold from each other, and none of them would end.
async fn read_within(body: axum::body::Body, room: &Semaphore) -> Result<Vec<u8>> {
    let mut body = body;
    let (mut bytes, mut held) = (Vec::new(), None::<SemaphorePermit<'_>>);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(&error))?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        let wanted = (bytes.len() + data.len()).saturating_sub(SMALL).div_ceil(1024);
        let more = wanted - held.as_ref().map_or(0, SemaphorePermit::num_permits);
        if more > 0 {
            let more = room.try_acquire_many(u32::try_from(more).unwrap_or(u32::MAX));
            let more = more.map_err(|_| Error::Unavailable("too many large forms come at once"))?;
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}

async fn read_form<T: DeserializeOwned>(request: Request) -> Result<T> {
    let bytes = read_within(request.into_body(), &LARGE_FORMS).await?;
    let mut pairs = Vec::new();
    for pair in bytes.split(|byte| *byte == b'&') {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decoded("body", halves.next().unwrap_or_default())?;
        let value = decoded(&name, halves.next().unwrap_or_default())?;
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    let read = T::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(pairs.into_iter()));
    read.map_err(|error| Error::malformed("body", error.to_string()))
}

/// One half of a pair, decoded once.
fn decoded(name: &str, text: &[u8]) -> Result<String> {
    let mut escapes = text.split(|byte| *byte == b'%').skip(1);
    if !escapes.all(|rest| rest.len() >= 2 && rest.iter().take(2).all(u8::is_ascii_hexdigit)) {
        // What the client meant is not known, so nothing is tried: a password would only count as a wrong one.
        return Err(Error::malformed(shown(name), "holds a broken percent escape"));
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_encoding::percent_decode(&spaced).decode_utf8();
    let text = text.map_err(|_| Error::malformed(shown(name), "is not UTF-8"))?;
    if text.contains('\0') {
        return Err(Error::malformed(shown(name), "contains U+0000"));
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body as HttpBody, Bytes};
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;

    fn begun() -> HttpBody {
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'a'; SMALL + 1024]))]);
        HttpBody::from_stream(begun.chain(stream::pending()))
    }

    fn whole(kib: usize) -> HttpBody {
        HttpBody::from(vec![b'a'; SMALL + kib * 1024])
    }

    #[tokio::test]
    async fn slow_senders_of_large_forms_leave_room_for_others() {
        let room = Semaphore::new(32);
        let pending = || {
            let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"a"))]).chain(stream::pending());
            HttpBody::from_stream(begun)
        };
        let mut slow: Vec<_> = (0..500).map(|_| Box::pin(read_within(pending(), &room))).collect();
        for read in &mut slow {
            assert!(read.now_or_never().is_none());
        }
        let read = read_within(whole(32), &room).await.unwrap();
        assert_eq!((read.len(), room.available_permits()), (SMALL + 32 * 1024, 32));
    }

    #[tokio::test]
    async fn large_form_that_finds_no_room_is_refused_and_holds_none() {
        let room = Semaphore::new(4);
        let mut slow: Vec<_> = (0..4).map(|_| Box::pin(read_within(begun(), &room))).collect();
        for read in &mut slow {
            assert!(read.now_or_never().is_none());
        }
        for _ in 0..3 {
            let refused = read_within(whole(2), &room).await.unwrap_err();
            assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
        }
        // What is small needs none.
        assert_eq!(read_within(whole(0), &room).await.unwrap().len(), SMALL);
        slow.truncate(2);
        assert_eq!(read_within(whole(2), &room).await.unwrap().len(), SMALL + 2 * 1024);
        drop(slow);
        assert_eq!(room.available_permits(), 4);
    }
}
