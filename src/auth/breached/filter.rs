//! A binary fuse filter (arXiv:2201.01174) in a file: 18 bits a password, and one in 65,536 others is taken
//! for one of them. A look-up reads three places of two bytes.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
};

use xorf::{BinaryFuse16, Descriptor};

use super::BreachedFault;

/// What the file begins with, its version included.
const MAGIC: [u8; 8] = *b"vbreach1";
/// The magic, the seed, and three lengths; little-endian.
const HEAD: usize = 8 + 8 + 3 * 4;

pub(super) struct Filter {
    file: File,
    descriptor: Descriptor,
}

impl Filter {
    /// Whether a file that begins like this is a filter.
    pub(super) fn is_one(head: &[u8]) -> bool {
        head.starts_with(&MAGIC)
    }

    pub(super) fn open(file: File, length: u64) -> Result<Self, BreachedFault> {
        let mut head = [0; HEAD];
        file.read_exact_at(&mut head, 0)?;
        let number = |at: usize| {
            let [a, b, c, d] = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            u32::from_le_bytes([a, b, c, d])
        };
        let descriptor = Descriptor {
            seed: u64::from(number(8)) | u64::from(number(12)) << 32,
            segment_length: number(16),
            segment_length_mask: number(20),
            segment_count_length: number(24),
        };
        let segments =
            u64::from(descriptor.segment_count_length) + 2 * u64::from(descriptor.segment_length);
        if length != HEAD as u64 + 2 * segments
            || u64::from(descriptor.segment_length_mask) + 1 != u64::from(descriptor.segment_length)
        {
            return Err(BreachedFault::CutShort);
        }
        Ok(Self { file, descriptor })
    }

    pub(super) fn contains(&self, key: u64) -> io::Result<bool> {
        let (hash, places) = places(&self.descriptor, key);
        // The fingerprint: the low 16 bits.
        let [mut low, mut high, ..] = (hash ^ (hash >> 32)).to_le_bytes();
        for place in places {
            let mut bytes = [0; 2];
            self.file
                .read_exact_at(&mut bytes, HEAD as u64 + 2 * u64::from(place))?;
            low ^= bytes[0];
            high ^= bytes[1];
        }
        Ok(low == 0 && high == 0)
    }

    /// Writes a filter.
    pub(super) fn write(filter: &BinaryFuse16, file: &File) -> io::Result<()> {
        let mut out = BufWriter::new(file);
        let Descriptor {
            seed,
            segment_length,
            segment_length_mask,
            segment_count_length,
        } = filter.descriptor;
        out.write_all(&MAGIC)?;
        out.write_all(&seed.to_le_bytes())?;
        for number in [segment_length, segment_length_mask, segment_count_length] {
            out.write_all(&number.to_le_bytes())?;
        }
        for fingerprint in &filter.fingerprints {
            out.write_all(&fingerprint.to_le_bytes())?;
        }
        out.flush()
    }
}

/// The hash of a key, and where its fingerprint is spread, as xorf's own look-up in memory has them.
fn places(descriptor: &Descriptor, key: u64) -> (u64, [u32; 3]) {
    let hash = mix(key.wrapping_add(descriptor.seed));
    let [.., a, b, c, d] = (hash >> 18).to_be_bytes();
    let second = u32::from_be_bytes([a, b, c, d]);
    let [.., a, b, c, d] = hash.to_be_bytes();
    let third = u32::from_be_bytes([a, b, c, d]);
    let product = u128::from(hash) * u128::from(descriptor.segment_count_length);
    let [_, _, _, _, a, b, c, d, ..] = product.to_be_bytes();
    let first = u32::from_be_bytes([a, b, c, d]);
    let mask = descriptor.segment_length_mask;
    let next = first.wrapping_add(descriptor.segment_length);
    let last = next.wrapping_add(descriptor.segment_length);
    (hash, [first, next ^ (second & mask), last ^ (third & mask)])
}

/// The finalizer of `MurmurHash3`.
fn mix(mut key: u64) -> u64 {
    key ^= key >> 33;
    key = key.wrapping_mul(0xff51_afd7_ed55_8ccd);
    key ^= key >> 33;
    key = key.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    key ^ (key >> 33)
}
