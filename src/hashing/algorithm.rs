//! The algorithms of stored hashes, and the cap on the cost of each. New hashes are Argon2id; the others
//! came with imported users and are replaced at their next login.

use std::{fmt, time::Duration};

use argon2::{Algorithm as Variant, Version};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{
    arena::Arena,
    parameters::{MEMORY_KIB_MAX, Parameters},
};

/// bcrypt reads at most this many bytes of a password, including the NUL at its end.
const BCRYPT_BYTES: usize = 72;
/// The exponent of the rounds: 2^13 = 8,192, about half a second.
const BCRYPT_COST_MAX: u32 = 13;
/// The least that bcrypt defines.
const BCRYPT_COST_MIN: u32 = 4;
/// The cap on 128·N·r: 64 MiB.
const SCRYPT_BYTES_MAX: u64 = 64 * 1024 * 1024;
const SCRYPT_PARALLELISM_MAX: u32 = 5;
const PBKDF2_ROUNDS_MAX: u32 = 2_000_000;

/// An algorithm and its cost, within the caps. The order is the same on every replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    Argon2 {
        variant: Variant,
        version: Version,
        parameters: Parameters,
    },
    Bcrypt {
        cost: u32,
    },
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
    },
    Pbkdf2 {
        digest: Digest,
        rounds: u32,
    },
}

/// The hash function of PBKDF2's HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

/// Why a tag was not computed. Logged, never answered.
#[derive(Debug, Error)]
pub(super) enum ComputeError {
    #[error("no memory for a stored hash above the configured cost")]
    Memory(#[from] std::collections::TryReserveError),
    #[error("argon2: {0}")]
    Argon2(#[from] argon2::Error),
    #[error("scrypt: {0}")]
    ScryptCost(#[from] scrypt::errors::InvalidParams),
    #[error("scrypt: {0}")]
    ScryptTag(#[from] scrypt::errors::InvalidOutputLen),
    #[error("bcrypt: the salt has another length")]
    BcryptSalt(#[from] std::array::TryFromSliceError),
}

impl Algorithm {
    /// The algorithm of new hashes.
    pub(super) fn argon2id(parameters: Parameters) -> Self {
        Self::Argon2 {
            variant: Variant::Argon2id,
            version: Version::V0x13,
            parameters,
        }
    }

    /// `None`: outside the caps.
    pub(super) fn bcrypt(cost: u32) -> Option<Self> {
        (BCRYPT_COST_MIN..=BCRYPT_COST_MAX)
            .contains(&cost)
            .then_some(Self::Bcrypt { cost })
    }

    /// `None`: outside the caps, or N is not above 1 (RFC 7914 §2).
    pub(super) fn scrypt(log_n: u32, r: u32, p: u32) -> Option<Self> {
        let log_n = u8::try_from(log_n).ok().filter(|log_n| *log_n >= 1)?;
        let lanes = (1..=SCRYPT_PARALLELISM_MAX).contains(&p);
        let mixed = scrypt_bytes(log_n, r, 0)?;
        // With a huge r and a small N, the lanes need more than the table.
        let needed = scrypt_bytes(log_n, r, p)?;
        let fits = mixed <= SCRYPT_BYTES_MAX && needed <= u64::from(MEMORY_KIB_MAX) * 1024;
        (r >= 1 && lanes && fits).then_some(Self::Scrypt { log_n, r, p })
    }

    /// `None`: outside the caps.
    pub(super) fn pbkdf2(digest: Digest, rounds: u32) -> Option<Self> {
        (1..=PBKDF2_ROUNDS_MAX)
            .contains(&rounds)
            .then_some(Self::Pbkdf2 { digest, rounds })
    }

    /// The arena that the algorithm needs, in KiB.
    pub(super) fn arena_kib(self) -> u32 {
        match self {
            Self::Argon2 { parameters, .. } => parameters.memory_kib(),
            Self::Bcrypt { .. } | Self::Scrypt { .. } | Self::Pbkdf2 { .. } => 0,
        }
    }

    /// Whether it needs memory beyond an arena of `arena_kib`. scrypt always allocates its own.
    pub(super) fn is_heavy(self, arena_kib: u32) -> bool {
        match self {
            Self::Argon2 { .. } => self.arena_kib() > arena_kib,
            Self::Scrypt { .. } => true,
            Self::Bcrypt { .. } | Self::Pbkdf2 { .. } => false,
        }
    }

    /// About how long it takes on a server of this decade, to compare costs of several algorithms.
    pub(super) fn nominal_time(self) -> Duration {
        let nanoseconds = match self {
            Self::Argon2 { parameters, .. } => {
                500 * u64::from(parameters.memory_kib()) * u64::from(parameters.iterations())
            }
            Self::Bcrypt { cost } => 50_000 << cost,
            // 128·N·r bytes are filled and read, for each of p lanes (RFC 7914).
            Self::Scrypt { log_n, r, p } => (300 * u64::from(r) * u64::from(p)) << log_n,
            Self::Pbkdf2 { rounds, .. } => 300 * u64::from(rounds),
        };
        Duration::from_nanos(nanoseconds)
    }

    /// Whether it ignores the end of this password.
    pub(super) fn cuts(self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt { .. } => password.len() > BCRYPT_BYTES,
            Self::Argon2 { .. } | Self::Scrypt { .. } | Self::Pbkdf2 { .. } => false,
        }
    }

    /// Fills `tag` with the tag of a password.
    ///
    /// # Errors
    /// The algorithm does not allow the length of the salt or tag; parsed hashes never have such.
    pub(super) fn compute(
        self,
        password: &[u8],
        salt: &[u8],
        arena: &mut Arena,
        tag: &mut [u8],
    ) -> Result<(), ComputeError> {
        match self {
            Self::Argon2 {
                variant,
                version,
                parameters,
            } => {
                let blocks = arena.blocks(parameters.memory_kib());
                parameters.hash((variant, version), password, salt, blocks, tag)?;
            }
            Self::Bcrypt { cost } => compute_bcrypt(cost, password, salt.try_into()?, tag),
            Self::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p)?;
                scrypt::scrypt(password, salt, &params, tag)?;
            }
            Self::Pbkdf2 { digest, rounds } => match digest {
                Digest::Sha1 => pbkdf2_hmac::<Sha1>(password, salt, rounds, tag),
                Digest::Sha256 => pbkdf2_hmac::<Sha256>(password, salt, rounds, tag),
                Digest::Sha512 => pbkdf2_hmac::<Sha512>(password, salt, rounds, tag),
            },
        }
        Ok(())
    }
}

/// 128·r·(N + p + 1 if p > 0) bytes: the table, a block for each lane, and a working block.
fn scrypt_bytes(log_n: u8, r: u32, p: u32) -> Option<u64> {
    let n = 1_u64.checked_shl(log_n.into())?;
    let blocks = n.checked_add(u64::from(p) + u64::from(p > 0))?;
    (128 * u64::from(r)).checked_mul(blocks)
}

/// bcrypt as other systems compute it: over the first 72 bytes of the NUL-terminated password.
fn compute_bcrypt(cost: u32, password: &[u8], salt: [u8; 16], tag: &mut [u8]) {
    let read = password.len().min(BCRYPT_BYTES);
    let mut text = Zeroizing::new([0; BCRYPT_BYTES]);
    text[..read].copy_from_slice(&password[..read]);
    let output = bcrypt::bcrypt(cost, salt, &text[..(read + 1).min(BCRYPT_BYTES)]);
    // The last of the 24 bytes was never stored.
    for (to, from) in tag.iter_mut().zip(output) {
        *to = from;
    }
}

/// The beginning of the stored text.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2 {
                variant,
                version,
                parameters,
            } => write!(
                f,
                "${variant}$v={}$m={},t={},p={}",
                u32::from(*version),
                parameters.memory_kib(),
                parameters.iterations(),
                parameters.parallelism()
            ),
            Self::Bcrypt { cost } => write!(f, "$2b${cost:02}"),
            Self::Scrypt { log_n, r, p } => write!(f, "$scrypt$ln={log_n},r={r},p={p}"),
            Self::Pbkdf2 { digest, rounds } => write!(f, "${}$i={rounds}", digest.name()),
        }
    }
}

impl Digest {
    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "pbkdf2-sha1",
            Self::Sha256 => "pbkdf2-sha256",
            Self::Sha512 => "pbkdf2-sha512",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_costs_within_the_caps_are_taken() {
        for (cost, taken) in [(3, false), (4, true), (13, true), (14, false), (31, false)] {
            assert_eq!(Algorithm::bcrypt(cost).is_some(), taken, "{cost}");
        }
        for (rounds, taken) in [(0, false), (1, true), (2_000_000, true), (2_000_001, false)] {
            let pbkdf2 = Algorithm::pbkdf2(Digest::Sha512, rounds);
            assert_eq!(pbkdf2.is_some(), taken, "{rounds}");
        }
        for (log_n, r, p, taken) in [
            (16, 8, 1, true),
            (16, 8, 5, true),
            (19, 1, 1, true),
            (1, 1, 1, true),
            (16, 8, 6, false),
            (16, 8, 0, false),
            (16, 9, 1, false),
            (16, 0, 1, false),
            (17, 8, 1, false),
            (0, 8, 1, false),
            (63, 1, 1, false),
            (64, 1, 1, false),
            (256, 8, 1, false),
            (u32::MAX, u32::MAX, u32::MAX, false),
            // 128·N·r is 64 MiB, and 256 MiB with its lanes.
            (1, 1 << 18, 5, false),
            (1, 1 << 18, 1, true),
        ] {
            let scrypt = Algorithm::scrypt(log_n, r, p);
            assert_eq!(scrypt.is_some(), taken, "ln={log_n},r={r},p={p}");
        }
    }

    #[test]
    fn a_job_that_needs_more_than_an_arena_is_heavy() {
        let argon2 = Algorithm::argon2id(Parameters::new(64, 1, 1).unwrap());
        assert!(!argon2.is_heavy(64));
        assert!(argon2.is_heavy(63));
        assert!(Algorithm::scrypt(1, 1, 1).unwrap().is_heavy(64));
        assert!(!Algorithm::bcrypt(13).unwrap().is_heavy(8));
        assert!(!Algorithm::pbkdf2(Digest::Sha1, 1).unwrap().is_heavy(8));
    }

    #[test]
    fn only_bcrypt_cuts_and_only_beyond_72_bytes() {
        let bcrypt = Algorithm::bcrypt(4).unwrap();
        assert!(!bcrypt.cuts(&[b'x'; 72]));
        assert!(bcrypt.cuts(&[b'x'; 73]));
        let pbkdf2 = Algorithm::pbkdf2(Digest::Sha256, 1).unwrap();
        assert!(!pbkdf2.cuts(&[b'x'; 1024]));
    }
}
