//! Decoys: hashes that are verified when no readable password is stored, so that a login takes as long
//! for an unknown user, a user without a password and an unreadable hash as for a known user.
//!
//! If hashes of several costs are stored (after an import or a change of the cost), decoys have these
//! costs in the same proportion. An address gets the same decoy at each try and on each replica, so that
//! it cannot be distinguished from a user whose password is stored at that cost.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use parking_lot::RwLock;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{algorithm::Algorithm, parameters::Parameters, stored::StoredHash};
use crate::domain::{EmailKey, HashedPassword, ServerKey};

/// The salt of decoys. A decoy is never a match, so its bytes need not be random.
const SALT: [u8; 16] = *b"nobody's salt is";

/// The source of decoys.
pub(super) struct Decoys {
    current: Parameters,
    census: RwLock<Option<HashCensus>>,
}

/// The number of stored hashes of each class, in the same order on all replicas.
struct HashCensus {
    key: ServerKey,
    classes: BTreeMap<HashClass, u64>,
}

/// The properties of a hash that the time of its verification depends on. The length of the tag is one
/// of them, because PBKDF2 computes a long tag in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct HashClass {
    algorithm: Algorithm,
    tag_bytes: usize,
}

impl Decoys {
    /// Draws decoys with the current parameters until the first census.
    pub(super) fn new(current: Parameters) -> Self {
        Self {
            current,
            census: RwLock::new(None),
        }
    }

    /// Takes a new census. Unreadable hashes are left out: their verification uses a decoy.
    pub(super) fn follow(&self, stored: &[(HashedPassword, u64)], key: &ServerKey) {
        let mut classes = BTreeMap::new();
        for (hash, count) in stored {
            if let Ok(hash) = StoredHash::parse(hash.as_str()) {
                *classes.entry(HashClass::from_hash(&hash)).or_default() += count;
            }
        }
        let key = key.clone();
        *self.census.write() = Some(HashCensus { key, classes });
    }

    /// The decoy of an address.
    pub(super) fn draw(&self, email: &EmailKey) -> StoredHash {
        let census = self.census.read();
        match census.as_ref().and_then(|census| census.draw(email)) {
            Some(class) => class.decoy(),
            None => StoredHash::without_tag(self.current, SALT),
        }
    }
}

impl HashCensus {
    /// The class that an address draws; `None`: the census is empty.
    fn draw(&self, email: &EmailKey) -> Option<HashClass> {
        let total: u64 = self.classes.values().sum();
        let point = (u128::from(draw_point(&self.key, email)) * u128::from(total)) >> u64::BITS;
        let mut up_to = 0;
        let reached = |(class, count): (&HashClass, &u64)| {
            up_to += u128::from(*count);
            (point < up_to).then_some(*class)
        };
        self.classes.iter().find_map(reached)
    }
}

impl HashClass {
    fn from_hash(hash: &StoredHash) -> Self {
        Self {
            algorithm: hash.algorithm,
            tag_bytes: hash.tag.len(),
        }
    }

    fn decoy(self) -> StoredHash {
        StoredHash {
            algorithm: self.algorithm,
            salt: SALT.to_vec(),
            tag: vec![0; self.tag_bytes],
        }
    }
}

/// A number that depends only on the address and the key. It is unpredictable without the key: otherwise
/// an attacker could recognise a stored hash by a class that the decoy of its address would not have.
fn draw_point(key: &ServerKey, email: &EmailKey) -> u64 {
    // HMAC pads a key with zeros to its block of 64 bytes; doing so here avoids a fallible constructor.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key.as_bytes());
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&(*block).into());
    mac.update(email.as_str().as_bytes());
    let digest = mac.finalize().into_bytes();
    let bytes = digest.iter().take(8);
    bytes.fold(0, |point, byte| (point << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Email;

    const ADDRESSES: usize = 20_000;

    fn current() -> Parameters {
        Parameters::new(64, 1, 1).unwrap()
    }

    fn key(byte: u8) -> ServerKey {
        ServerKey::new([byte; 32])
    }

    fn address(number: usize) -> Email {
        Email::parse(&format!("user{number}@example.com")).unwrap()
    }

    fn hash(text: &str) -> HashedPassword {
        HashedPassword::from_phc(text.to_owned())
    }

    fn argon2(memory_kib: u32) -> HashedPassword {
        let parameters = Parameters::new(memory_kib, 1, 1).unwrap();
        let stored = StoredHash::without_tag(parameters, [7; 16]);
        HashedPassword::from_phc(stored.to_string())
    }

    const BCRYPT: &str = "$2y$04$0D.70nRlrWJYR83sZejzAe1BK92UY5SIDtS8KSJekkcZn1dTvlJ5S";

    /// How many of the addresses draw each algorithm.
    fn drawn(decoys: &Decoys) -> BTreeMap<String, usize> {
        let mut drawn = BTreeMap::new();
        for number in 0..ADDRESSES {
            let decoy = decoys.draw(address(number).key());
            *drawn.entry(decoy.algorithm.to_string()).or_default() += 1;
        }
        drawn
    }

    #[test]
    fn a_decoy_costs_what_a_new_hash_costs_while_nothing_is_stored() {
        let decoys = Decoys::new(current());
        assert!(decoys.draw(address(0).key()).is_current(current()));
        decoys.follow(&[(hash("no hash"), 7)], &key(1));
        assert!(decoys.draw(address(0).key()).is_current(current()));
    }

    #[test]
    fn decoys_have_the_one_class_that_is_stored() {
        let decoys = Decoys::new(current());
        decoys.follow(&[(argon2(128), 3)], &key(1));
        let one = BTreeMap::from([("$argon2id$v=19$m=128,t=1,p=1".to_owned(), ADDRESSES)]);
        assert_eq!(drawn(&decoys), one);
    }

    /// (E2) To within a hundredth; five standard deviations are 0.018.
    #[test]
    fn decoys_follow_the_census_of_stored_hashes() {
        let decoys = Decoys::new(current());
        let census = [
            (argon2(128), 5),
            (hash(BCRYPT), 2),
            (argon2(64), 2),
            (hash("?"), 9),
        ];
        decoys.follow(&census, &key(1));
        let drawn = drawn(&decoys);
        assert_eq!(drawn.len(), 3);
        for (algorithm, share) in [
            ("$argon2id$v=19$m=128,t=1,p=1", 5.0 / 9.0),
            ("$2b$04", 2.0 / 9.0),
            ("$argon2id$v=19$m=64,t=1,p=1", 2.0 / 9.0),
        ] {
            let share_drawn = f64::from(u32::try_from(drawn[algorithm]).unwrap()) / 20_000.0;
            assert!(
                (share_drawn - share).abs() < 0.018,
                "{algorithm}: {share_drawn}"
            );
        }
    }

    #[test]
    fn an_address_has_the_same_decoy_on_every_replica_and_another_with_another_key() {
        let census = [(argon2(128), 1), (hash(BCRYPT), 1)];
        let mut reversed = census.clone();
        reversed.reverse();
        let replicas = [Decoys::new(current()), Decoys::new(current())];
        replicas[0].follow(&census, &key(1));
        replicas[1].follow(&reversed, &key(1));
        let other = Decoys::new(current());
        other.follow(&census, &key(2));
        let all = |decoys: &Decoys| -> Vec<_> {
            (0..100)
                .map(|number| decoys.draw(address(number).key()))
                .collect()
        };
        assert_eq!(all(&replicas[0]), all(&replicas[1]));
        assert_ne!(all(&replicas[0]), all(&other));
    }

    /// RFC 4231 has no case with a key of 32 bytes; this is Python's hmac.
    #[test]
    fn the_point_is_the_beginning_of_an_hmac() {
        let email = Email::parse("ada@example.com").unwrap();
        assert_eq!(draw_point(&key(7), email.key()), 0xc7f2_2a2b_3094_d750);
    }
}
