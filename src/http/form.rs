//! Bodies that are forms. Strangers send them, too, so what they take of the memory is bounded for all of them
//! together, and for those of one network.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use http_body_util::BodyExt;
use serde::de::{DeserializeOwned, value::MapDeserializer};

use super::{client_address::client_address, extract::unreadable};
use crate::{
    authn::attempts::network,
    error::{Error, OAuthError, Result},
    names::shown,
    state::App,
};

/// How many bytes a form has that anyone may send at any time.
const SMALL: usize = 16 * 1024;
/// Where there may be what has come of larger ones: they come from strangers, too, and take memory until they are
/// whole. Counted as they come: whoever sends little, slowly, keeps no place from others.
static LARGE_FORMS: Room = Room::new(64 * 1024, 4 * 1024);

/// A form. A parameter without a value counts as left out, one that is given twice is refused (RFC 6749, 3.2).
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = OAuthError;

    async fn from_request(request: Request, app: &App) -> Result<Self, OAuthError> {
        Ok(Self(read_form::<T>(app, request).await?))
    }
}

/// A form as [`Form`] takes it, of an operation that is not OAuth2's: what is wrong with it answers a problem.
#[derive(Debug)]
pub struct ApiForm<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for ApiForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        Ok(Self(read_form::<T>(app, request).await?))
    }
}

/// So many KiB, of which those who send from one network hold a share at most: nobody keeps all others out.
struct Room {
    all: usize,
    share: usize,
    taken: Mutex<Taken>,
}

struct Taken {
    all: usize,
    /// Of each network that holds some.
    by_network: BTreeMap<Vec<u8>, usize>,
}

impl Room {
    const fn new(all: usize, share: usize) -> Self {
        Self { all, share, taken: Mutex::new(Taken { all: 0, by_network: BTreeMap::new() }) }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a form takes of a room, until this is dropped.
struct Held<'r> {
    room: &'r Room,
    network: Vec<u8>,
    kib: usize,
}

impl Held<'_> {
    /// Takes as much as is missing to `kib`; answers whether there is room for it.
    fn grow_to(&mut self, kib: usize) -> bool {
        let more = kib.saturating_sub(self.kib);
        if more == 0 {
            return true;
        }
        let mut taken = self.room.taken();
        let of_network = taken.by_network.get(&self.network).copied().unwrap_or_default() + more;
        if of_network > self.room.share || taken.all + more > self.room.all {
            return false;
        }
        taken.by_network.insert(self.network.clone(), of_network);
        taken.all += more;
        self.kib = kib;
        true
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.all -= self.kib;
        if let Some(of_network) = taken.by_network.get_mut(&self.network) {
            *of_network -= self.kib;
            if *of_network == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}

/// All of a body, of what is beyond [`SMALL`] within the room that there is for the sender's network. Who finds none is
/// refused and does not wait: those who wait would keep what they have come to hold from each other, and none of them
/// would end.
async fn read_within(mut body: Body, room: &Room, network: Vec<u8>) -> Result<Vec<u8>> {
    let (mut bytes, mut held) = (Vec::new(), Held { room, network, kib: 0 });
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(&error))?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if !held.grow_to((bytes.len() + data.len()).saturating_sub(SMALL).div_ceil(1024)) {
            return Err(Error::Unavailable("too many large forms come at once"));
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}

async fn read_form<T: DeserializeOwned>(app: &App, request: Request) -> Result<T> {
    let (parts, body) = request.into_parts();
    let network = client_address(app, &parts).map(network).unwrap_or_default();
    let bytes = read_within(body, &LARGE_FORMS, network).await?;
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
    use std::pin::Pin;

    use axum::body::Bytes;
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;

    /// So many bytes, and then nothing more.
    fn begun(length: usize) -> Body {
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'a'; length]))]);
        Body::from_stream(begun.chain(stream::pending()))
    }

    fn whole(kib: usize) -> Body {
        Body::from(vec![b'a'; SMALL + kib * 1024])
    }

    /// Reads what is begun, each from this network.
    fn reading(
        bodies: impl Iterator<Item = (u16, Body)>,
        room: &Room,
    ) -> Vec<Pin<Box<impl Future<Output = Result<Vec<u8>>>>>> {
        let reads = bodies.map(|(network, body)| Box::pin(read_within(body, room, network.to_be_bytes().into())));
        let mut reads: Vec<_> = reads.collect();
        for read in &mut reads {
            assert!(read.now_or_never().is_none());
        }
        reads
    }

    fn assert_empty(room: &Room) {
        let taken = room.taken();
        assert_eq!((taken.all, &taken.by_network), (0, &BTreeMap::new()));
    }

    #[tokio::test]
    async fn slow_senders_of_large_forms_leave_room_for_others() {
        let room = Room::new(32, 32);
        let _slow = reading((0..500).map(|network| (network, begun(1))), &room);
        let read = read_within(whole(32), &room, Vec::new()).await.unwrap();
        assert_eq!(read.len(), SMALL + 32 * 1024);
        assert_empty(&room);
    }

    #[tokio::test]
    async fn large_form_that_finds_no_room_is_refused_and_holds_none() {
        let room = Room::new(4, 4);
        let mut slow = reading((0..4).map(|network| (network, begun(SMALL + 1024))), &room);
        for _ in 0..3 {
            let refused = read_within(whole(2), &room, Vec::new()).await.unwrap_err();
            assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
        }
        // What is small needs none.
        assert_eq!(read_within(whole(0), &room, Vec::new()).await.unwrap().len(), SMALL);
        slow.truncate(2);
        assert_eq!(read_within(whole(2), &room, Vec::new()).await.unwrap().len(), SMALL + 2 * 1024);
        drop(slow);
        assert_empty(&room);
    }

    #[tokio::test]
    async fn network_that_holds_its_share_leaves_the_rest_to_others() {
        let room = Room::new(8, 2);
        let mut slow = reading((0..2).map(|_| (1, begun(SMALL + 1024))), &room);
        let refused = read_within(whole(1), &room, vec![0, 1]).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
        assert_eq!(read_within(whole(2), &room, vec![0, 2]).await.unwrap().len(), SMALL + 2 * 1024);
        // Whoever hangs up gives back what was held.
        slow.pop();
        assert_eq!(read_within(whole(1), &room, vec![0, 1]).await.unwrap().len(), SMALL + 1024);
        drop(slow);
        assert_empty(&room);
    }
}
