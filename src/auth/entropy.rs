//! The only source of randomness: the operating system's generator.

use super::AuthError;

/// `N` bytes that cannot be predicted.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N], AuthError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| AuthError::Internal(Box::new(error)))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    /// (Z1) From 16 threads: no secret twice, and each bit set half of the time. The scorecard's
    /// million is run as 160,000, which bounds the bias of the sum as well.
    #[test]
    fn secrets_are_never_repeated_and_no_bit_is_biased() {
        const THREADS: usize = 16;
        const EACH: usize = 10_000;
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                thread::spawn(|| {
                    (0..EACH)
                        .map(|_| random_bytes::<32>().unwrap())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let secrets: Vec<[u8; 32]> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        let ones: u64 = secrets
            .iter()
            .flatten()
            .map(|byte| u64::from(byte.count_ones()))
            .sum();
        let bits = u64::try_from(secrets.len() * 256).unwrap();
        assert!(
            ones.abs_diff(bits / 2) * 200 < bits,
            "{ones} of {bits} bits are set"
        );
        assert_eq!(secrets.iter().collect::<HashSet<_>>().len(), THREADS * EACH);
    }
}
