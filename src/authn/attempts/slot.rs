//! Which slot a name and an address count in. Slots are few enough to bound the table and many enough that nobody meets
//! another's; the digest is keyed, so that nobody can work out a name that shares a slot with a chosen one.

use std::net::IpAddr;

use aws_lc_rs::hmac;

/// How many bits a slot's number has, besides the one that tells the two kinds apart.
const BITS: u32 = 20;

/// The slots of addresses begin here, those of users from an address are before.
pub const FIRST_OF_ADDRESSES: i32 = 1 << BITS;

/// The key of the digests, the same on every node.
pub type Key = [u8; 32];

/// Finds slots.
pub struct Slots(hmac::Key);

impl Slots {
    pub fn new(key: Key) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// The slot of a user's sign-ins from an address; without an address, of all of them.
    pub fn of_user_and_address(&self, username: &str, address: Option<IpAddr>) -> i32 {
        let mut text = address.map(network).unwrap_or_default();
        // The length first: no name and address read like another pair.
        text.insert(0, u8::try_from(text.len()).unwrap_or(u8::MAX));
        text.extend_from_slice(username.as_bytes());
        self.number(b"user", &text)
    }

    /// The slot of everything from an address.
    pub fn of_address(&self, address: IpAddr) -> i32 {
        self.number(b"address", &network(address)) | FIRST_OF_ADDRESSES
    }

    fn number(&self, kind: &[u8], text: &[u8]) -> i32 {
        let mut digest = hmac::Context::with_key(&self.0);
        digest.update(kind);
        digest.update(text);
        let digest = digest.sign();
        let first = digest.as_ref().first_chunk().copied().unwrap_or_default();
        i32::from_be_bytes(first) & (FIRST_OF_ADDRESSES - 1)
    }
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slots")
    }
}

/// What counts as one address: an IPv4 address, or the /64 that an IPv6 client can move in as it likes.
#[must_use]
pub fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().into_iter().take(8).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn name_and_address_both_count_and_the_kinds_never_meet() {
        let slots = Slots::new([7; 32]);
        let here = Some(address("192.0.2.1"));
        let alice = slots.of_user_and_address("alice", here);
        assert_eq!(alice, slots.of_user_and_address("alice", here));
        assert_ne!(alice, slots.of_user_and_address("bob", here));
        assert_ne!(alice, slots.of_user_and_address("alice", Some(address("192.0.2.2"))));
        assert_ne!(alice, slots.of_user_and_address("alice", None));
        assert_ne!(alice, Slots::new([8; 32]).of_user_and_address("alice", here));
        for number in 0..1000 {
            let name = number.to_string();
            assert!((0..1 << 20).contains(&slots.of_user_and_address(&name, here)));
            let somewhere = IpAddr::from([10, 0, 1, u8::try_from(number % 256).unwrap()]);
            assert!((1 << 20..1 << 21).contains(&slots.of_address(somewhere)));
        }
    }

    #[test]
    fn ipv6_counts_by_its_64_and_a_mapped_address_as_what_it_is() {
        let slots = Slots::new([7; 32]);
        let of = |text: &str| slots.of_address(address(text));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
