//! The cost of an Argon2 hash: the floor of the configuration, and the caps on every computation, so that
//! neither a setting nor a stored hash can exhaust the machine.
#![expect(
    clippy::disallowed_types,
    reason = "the one place that computes Argon2, on the threads and in the arenas of the engine"
)]

use argon2::{Algorithm as Variant, Argon2, Block, Params, Version};
use thiserror::Error;

/// The most memory of a hash, in KiB: 128 MiB.
pub const MEMORY_KIB_MAX: u32 = 128 * 1024;
/// The most passes of a hash.
pub const ITERATIONS_MAX: u32 = 10;
/// The most lanes of a hash.
pub const PARALLELISM_MAX: u32 = 8;
/// The most memory × passes of a hash, in KiB: 512 MiB.
pub const WORK_KIB_MAX: u32 = 512 * 1024;
/// RFC 9106 §3.1: at least 8 KiB for each lane.
const MEMORY_KIB_PER_LANE: u32 = 8;

/// The minimum of OWASP's Password Storage Cheat Sheet: memory in KiB, passes.
const FLOOR: [(u32, u32); 2] = [(19_456, 2), (47_104, 1)];

/// The cost of an Argon2 hash, within the caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parameters {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

/// Why a cost is outside the caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParametersError {
    /// Memory outside 8 KiB a lane to 128 MiB.
    #[error("memory must be 8 KiB for each lane to {MEMORY_KIB_MAX} KiB")]
    Memory,
    /// Passes outside 1 to 10.
    #[error("iterations must be 1 to {ITERATIONS_MAX}")]
    Iterations,
    /// Lanes outside 1 to 8.
    #[error("parallelism must be 1 to {PARALLELISM_MAX}")]
    Parallelism,
    /// Memory × passes over 512 MiB.
    #[error("memory × iterations must be at most {WORK_KIB_MAX} KiB")]
    Work,
}

/// Whether a cost is allowed for new hashes: at least 19 MiB in 2 passes or 46 MiB in 1.
pub fn meets_floor(memory_kib: u32, iterations: u32) -> bool {
    FLOOR
        .iter()
        .any(|&(memory, passes)| memory_kib >= memory && iterations >= passes)
}

impl Parameters {
    /// Checks a cost: memory in KiB, passes, lanes.
    ///
    /// # Errors
    /// The first cap that is exceeded, or a cost that Argon2 does not define.
    pub fn new(
        memory_kib: u32,
        iterations: u32,
        parallelism: u32,
    ) -> Result<Self, ParametersError> {
        if !(1..=PARALLELISM_MAX).contains(&parallelism) {
            return Err(ParametersError::Parallelism);
        }
        if !(1..=ITERATIONS_MAX).contains(&iterations) {
            return Err(ParametersError::Iterations);
        }
        if !(MEMORY_KIB_PER_LANE * parallelism..=MEMORY_KIB_MAX).contains(&memory_kib) {
            return Err(ParametersError::Memory);
        }
        // Both factors are capped by now: no overflow.
        if memory_kib * iterations > WORK_KIB_MAX {
            return Err(ParametersError::Work);
        }
        Ok(Self {
            memory_kib,
            iterations,
            parallelism,
        })
    }

    /// Memory in KiB, which is also the number of blocks that a hash needs.
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub fn iterations(self) -> u32 {
        self.iterations
    }

    pub fn parallelism(self) -> u32 {
        self.parallelism
    }

    /// Fills `tag` with the tag of a password. `arena` must have a block for each KiB.
    ///
    /// # Errors
    /// The salt, tag or arena is shorter than Argon2 allows.
    pub(super) fn hash(
        self,
        (variant, version): (Variant, Version),
        password: &[u8],
        salt: &[u8],
        arena: &mut [Block],
        tag: &mut [u8],
    ) -> Result<(), argon2::Error> {
        let params = Params::new(
            self.memory_kib,
            self.iterations,
            self.parallelism,
            Some(tag.len()),
        )?;
        Argon2::new(variant, version, params)
            .hash_password_into_with_memory(password, salt, tag, arena)
    }
}

/// Computes an Argon2id tag at any cost: calibration also measures costs beyond the caps.
pub(super) fn compute_argon2id(
    params: Params,
    password: &[u8],
    salt: &[u8],
    arena: &mut [Block],
    tag: &mut [u8],
) -> Result<(), argon2::Error> {
    Argon2::new(Variant::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, tag, arena)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_costs_within_the_caps_are_taken() {
        use ParametersError::{Iterations, Memory, Parallelism, Work};
        let cases = [
            (19_456, 2, 1, Ok(())),
            (8, 1, 1, Ok(())),
            (64, 1, 8, Ok(())),
            (131_072, 4, 8, Ok(())),
            (52_428, 10, 1, Ok(())),
            (7, 1, 1, Err(Memory)),
            (63, 1, 8, Err(Memory)),
            (131_073, 1, 1, Err(Memory)),
            (u32::MAX, 1, 1, Err(Memory)),
            (19_456, 0, 1, Err(Iterations)),
            (19_456, 11, 1, Err(Iterations)),
            (64, u32::MAX, 1, Err(Iterations)),
            (19_456, 2, 0, Err(Parallelism)),
            (19_456, 2, 9, Err(Parallelism)),
            (131_072, 5, 1, Err(Work)),
            (52_429, 10, 1, Err(Work)),
        ];
        for (memory, iterations, parallelism, expected) in cases {
            assert_eq!(
                Parameters::new(memory, iterations, parallelism).map(|_| ()),
                expected,
                "m={memory} t={iterations} p={parallelism}"
            );
        }
    }

    #[test]
    fn the_floor_is_19_mib_in_two_passes_or_46_in_one() {
        assert!(meets_floor(19_456, 2));
        assert!(meets_floor(19_456, 3));
        assert!(meets_floor(47_104, 1));
        assert!(!meets_floor(19_455, 10));
        assert!(!meets_floor(47_103, 1));
        assert!(!meets_floor(47_104, 0));
    }

    #[test]
    fn a_tag_equals_that_of_the_reference_implementation() {
        // phc-winner-argon2, src/test.c: hashtest(0x13, 2, 8, 1, "password", "somesalt", Argon2_id).
        let mut tag = [0; 32];
        let mut arena = vec![Block::new(); 256];
        Parameters::new(256, 2, 1)
            .unwrap()
            .hash(
                (Variant::Argon2id, Version::V0x13),
                b"password",
                b"somesalt",
                &mut arena,
                &mut tag,
            )
            .unwrap();
        assert_eq!(
            tag.map(|byte| format!("{byte:02x}")).concat(),
            "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"
        );
    }

    #[test]
    fn the_crate_computes_the_vector_of_rfc_9106() {
        // §5.3, Argon2id; only here is a secret or associated data ever used.
        let mut params = argon2::ParamsBuilder::new();
        params.m_cost(32).t_cost(3).p_cost(4).output_len(32);
        params.data(argon2::AssociatedData::new(&[4; 12]).unwrap());
        let mut tag = [0; 32];
        Argon2::new_with_secret(
            &[3; 8],
            Variant::Argon2id,
            Version::V0x13,
            params.build().unwrap(),
        )
        .unwrap()
        .hash_password_into(&[1; 32], &[2; 16], &mut tag)
        .unwrap();
        assert_eq!(
            tag.map(|byte| format!("{byte:02x}")).concat(),
            "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
        );
    }
}
