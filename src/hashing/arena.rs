//! The memory of a hash: reserved once and reused, because allocating 19 MiB for each hash takes a third
//! of its time.

use std::collections::TryReserveError;

use argon2::Block;
use zeroize::Zeroize;

/// The memory blocks of one hash at a time. Wiped on drop.
pub(super) struct Arena(Vec<Block>);

impl Arena {
    /// Reserves `memory_kib` without touching them, so that an idle engine costs only address space
    /// until its first hash.
    pub(super) fn reserve(memory_kib: u32) -> Result<Self, TryReserveError> {
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(memory_kib as usize)?;
        Ok(Self(blocks))
    }

    /// One block for each KiB of a hash.
    pub(super) fn blocks(&mut self, memory_kib: u32) -> &mut [Block] {
        let needed = memory_kib as usize;
        if self.0.len() < needed {
            self.0.resize(needed, Block::new());
        }
        &mut self.0[..needed]
    }

    /// Overwrites the content, which is derived from passwords.
    pub(super) fn wipe(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_is_touched_by_its_first_hash_and_never_moves() {
        let mut arena = Arena::reserve(64).unwrap();
        assert_eq!(arena.0.len(), 0);
        let reserved = arena.0.as_ptr();
        assert_eq!(arena.blocks(64).len(), 64);
        assert_eq!(arena.blocks(8).len(), 8);
        assert_eq!(arena.0.as_ptr(), reserved);
    }

    #[test]
    fn a_wiped_arena_holds_nothing() {
        let mut arena = Arena::reserve(8).unwrap();
        arena
            .blocks(8)
            .iter_mut()
            .for_each(|block| block.as_mut().fill(7));
        arena.wipe();
        assert!(
            arena
                .0
                .iter()
                .all(|block| block.as_ref().iter().all(|word| *word == 0))
        );
    }
}
