//! What is verified where there is nothing to verify, so that an unknown user, a user without a
//! password and an unreadable stored hash cost what a known user costs.

use super::{parameters::Parameters, phc::StoredHash};
use crate::domain::EmailKey;

/// The stored hash of nobody: fixed bytes, so that none is computed at start. Nothing that matches
/// it is ever right.
///
/// It belongs to an address, because decoys will have to have the mix of costs that the stored
/// hashes have; while all are stored with one cost, all decoys have it.
pub(super) fn decoy(_key: &EmailKey, current: Parameters) -> StoredHash {
    StoredHash::without_tag(current, *b"nobody's salt is")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Email;

    #[test]
    fn a_decoy_costs_what_a_new_hash_costs() {
        let current = Parameters::new(64, 1, 1).unwrap();
        let email = Email::parse("ada@example.com").unwrap();
        assert!(decoy(email.key(), current).is_current(current));
    }
}
