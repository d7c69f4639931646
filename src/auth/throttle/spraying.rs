//! Password spraying: one wrong password, tried on many accounts, so that none of them is delayed.
//!
//! What is kept of a password is a keyed hash whose key is in the memory of this process alone, and of
//! its accounts a bitmap that counts them roughly. Both are forgotten after an hour.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::db::ThrottleKey;

/// For how long the accounts of a password are counted together.
const WINDOW: Duration = Duration::from_hours(1);
/// The most passwords that are counted, of 64 bytes each.
const PASSWORDS_MAX: usize = 4_096;
/// The bits of a bitmap that raise suspicion: those of about 18 accounts.
const SUSPICIOUS: u32 = 16;

/// The wrong passwords of the last hour.
#[derive(Default)]
pub(super) struct Sprayed {
    hasher: RandomState,
    passwords: Mutex<HashMap<u64, Accounts>>,
}

/// The accounts that a password was tried on.
struct Accounts {
    /// A bit for each account, which some share (linear counting).
    bitmap: u64,
    since: Instant,
}

impl Sprayed {
    /// Notes a wrong password. Returns whether it was tried on suspiciously many accounts.
    pub(super) fn note(&self, password: &[u8], account: ThrottleKey) -> bool {
        let now = Instant::now();
        let bit = 1 << (self.hasher.hash_one(account) % u64::from(u64::BITS));
        let password = self.hasher.hash_one(password);
        let mut passwords = self.passwords.lock();
        if passwords.len() >= PASSWORDS_MAX && !passwords.contains_key(&password) {
            passwords.retain(|_, accounts| now - accounts.since < WINDOW);
            // In no order that anybody chooses.
            let any = passwords.keys().next().copied();
            if let Some(any) = any.filter(|_| passwords.len() >= PASSWORDS_MAX) {
                passwords.remove(&any);
            }
        }
        let accounts = passwords.entry(password).or_insert(Accounts {
            bitmap: 0,
            since: now,
        });
        if now - accounts.since >= WINDOW {
            *accounts = Accounts {
                bitmap: 0,
                since: now,
            };
        }
        accounts.bitmap |= bit;
        accounts.bitmap.count_ones() >= SUSPICIOUS
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn account(number: u8) -> ThrottleKey {
        ThrottleKey::new([number; 16])
    }

    /// The number of accounts at which a password becomes suspicious.
    fn tried(sprayed: &Sprayed, password: &[u8]) -> Option<u8> {
        (0..200).find(|number| sprayed.note(password, account(*number)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_password_on_many_accounts_is_suspicious_and_many_on_one_are_not() {
        let sprayed = Sprayed::default();
        for guess in 0..1_000_u32 {
            assert!(!sprayed.note(&guess.to_be_bytes(), account(1)));
        }
        for again in 0..1_000 {
            assert!(!sprayed.note(b"one user's typo", account(2)), "{again}");
        }
        let accounts = tried(&sprayed, b"Summer2026!").unwrap();
        assert!((15..60).contains(&accounts), "{accounts}");
        advance(WINDOW).await;
        assert!(!sprayed.note(b"Summer2026!", account(1)), "an hour later");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_bounded() {
        let sprayed = Sprayed::default();
        for guess in 0..20_000_u32 {
            sprayed.note(&guess.to_be_bytes(), account(1));
        }
        assert_eq!(sprayed.passwords.lock().len(), PASSWORDS_MAX);
        assert!(tried(&sprayed, b"Summer2026!").is_some());
    }
}
