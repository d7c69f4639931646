//! Stored hashes as PHC strings (<https://github.com/P-H-C/phc-string-format>): the text that other
//! systems read as well, with its cost checked before anything is allocated for it.

use std::{fmt, ops::RangeInclusive};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use super::parameters::Parameters;

/// Version 19 is 0x13, the only one that Argon2id was ever released with.
const PREFIX: &str = "$argon2id$v=19$";
const TEXT_MAX: usize = 512;
const SALT_BYTES: RangeInclusive<usize> = 8..=64;
const TAG_BYTES: RangeInclusive<usize> = 16..=64;
/// RFC 9106 §4: what new hashes have.
const NEW_SALT_BYTES: usize = 16;
const NEW_TAG_BYTES: usize = 32;

/// An Argon2id hash within the caps: all that a verification needs.
pub(super) struct StoredHash {
    pub(super) parameters: Parameters,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

impl StoredHash {
    /// A new hash whose tag is still to be computed.
    pub(super) fn without_tag(parameters: Parameters, salt: [u8; NEW_SALT_BYTES]) -> Self {
        Self {
            parameters,
            salt: salt.to_vec(),
            tag: vec![0; NEW_TAG_BYTES],
        }
    }

    /// Reads a PHC string; `None`: another format, another spelling or beyond the caps.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let mut fields = text.strip_prefix(PREFIX)?.split('$');
        let stored = Self {
            parameters: parse_cost(fields.next()?)?,
            salt: parse_bytes(fields.next()?, &SALT_BYTES)?,
            tag: parse_bytes(fields.next()?, &TAG_BYTES)?,
        };
        fields.next().is_none().then_some(stored)
    }

    /// Whether a new hash would be no better than this one.
    pub(super) fn is_current(&self, current: Parameters) -> bool {
        self.parameters == current
            && self.salt.len() >= NEW_SALT_BYTES
            && self.tag.len() == NEW_TAG_BYTES
    }
}

impl fmt::Display for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{PREFIX}m={},t={},p={}${}${}",
            self.parameters.memory_kib(),
            self.parameters.iterations(),
            self.parameters.parallelism(),
            STANDARD_NO_PAD.encode(&self.salt),
            STANDARD_NO_PAD.encode(&self.tag),
        )
    }
}

fn parse_cost(text: &str) -> Option<Parameters> {
    let mut values = text.split(',');
    let mut value = |name: &str| parse_decimal(values.next()?.strip_prefix(name)?);
    let (memory_kib, iterations, parallelism) = (value("m=")?, value("t=")?, value("p=")?);
    match values.next() {
        None => Parameters::new(memory_kib, iterations, parallelism).ok(),
        Some(_) => None,
    }
}

/// One spelling per number: no sign, no leading zero.
fn parse_decimal(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if is_plain { text.parse().ok() } else { None }
}

fn parse_bytes(text: &str, lengths: &RangeInclusive<usize>) -> Option<Vec<u8>> {
    let bytes = STANDARD_NO_PAD.decode(text).ok()?;
    lengths.contains(&bytes.len()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
    const TAG: &str = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    fn text_of(cost: &str, salt: &str, tag: &str) -> String {
        format!("$argon2id$v=19${cost}${salt}${tag}")
    }

    fn of_bytes(length: usize) -> String {
        STANDARD_NO_PAD.encode(vec![7; length])
    }

    #[test]
    fn what_is_within_the_caps_is_read() {
        let stored = StoredHash::parse(&text_of("m=19456,t=2,p=1", SALT, TAG)).unwrap();
        assert_eq!(stored.parameters, Parameters::new(19_456, 2, 1).unwrap());
        assert_eq!(stored.salt, b"somesaltsomesalt");
        assert_eq!(stored.tag.len(), 32);
        for (salt, tag) in [(8, 16), (64, 64)] {
            let text = text_of("m=131072,t=4,p=8", &of_bytes(salt), &of_bytes(tag));
            assert!(StoredHash::parse(&text).is_some(), "{text}");
        }
    }

    /// (U3) A stored text never costs more than the caps and never has a second spelling.
    #[test]
    fn what_is_beyond_the_caps_or_spelled_otherwise_is_not_read() {
        let costs = [
            "m=4194304,t=2,p=1",
            "m=4294967296,t=2,p=1",
            "m=131073,t=1,p=1",
            "m=131072,t=5,p=1",
            "m=19456,t=11,p=1",
            "m=19456,t=2,p=9",
            "m=19456,t=0,p=1",
            "m=7,t=1,p=1",
            "m=019456,t=2,p=1",
            "m=+19456,t=2,p=1",
            "m=,t=2,p=1",
            "t=2,m=19456,p=1",
            "m=19456,t=2",
            "m=19456,t=2,p=1,",
            "m=19456,t=2,p=1,data=AAAA",
            "",
        ];
        let by_cost = costs.map(|cost| text_of(cost, SALT, TAG));
        let by_length = [(7, 32), (65, 32), (16, 15), (16, 65)]
            .map(|(salt, tag)| text_of("m=64,t=1,p=1", &of_bytes(salt), &of_bytes(tag)));
        let good = text_of("m=64,t=1,p=1", SALT, TAG);
        let by_form = [
            String::new(),
            "ä€𝄞".to_owned(),
            "$2b$12$abcdefghijklmnopqrstuv".to_owned(),
            good.replace("argon2id", "argon2i"),
            good.replace("v=19", "v=16"),
            good.replace("$v=19", ""),
            good.replace(TAG, "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPd"),
            format!("{good}="),
            format!("{good}$"),
            format!(" {good}"),
            format!("{good}\n"),
            format!("{good}{}", "A".repeat(512)),
            good[..good.len() - TAG.len() - 1].to_owned(),
        ];
        for text in by_cost.iter().chain(&by_length).chain(&by_form) {
            assert!(StoredHash::parse(text).is_none(), "{text:?}");
        }
    }

    fn any_stored() -> impl Strategy<Value = (u32, u32, u32, Vec<u8>, Vec<u8>)> {
        let bytes = |lengths| prop::collection::vec(any::<u8>(), lengths);
        (
            64..=52_428_u32,
            1..=10_u32,
            1..=8_u32,
            bytes(SALT_BYTES),
            bytes(TAG_BYTES),
        )
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = StoredHash::parse(&text);
        }

        #[test]
        fn what_is_written_reads_back((m, t, p, salt, tag) in any_stored()) {
            let parameters = Parameters::new(m, t, p).unwrap();
            let text = StoredHash { parameters, salt: salt.clone(), tag: tag.clone() }.to_string();
            let read = StoredHash::parse(&text).unwrap();
            prop_assert_eq!(read.parameters, parameters);
            prop_assert_eq!(read.salt, salt);
            prop_assert_eq!(read.tag, tag);
        }

        #[test]
        fn what_is_read_is_written_the_same(
            text in r"\$argon2id\$v=19\$m=[0-9]{2,7},t=[0-9]{1,2},p=[0-9]\$[A-Za-z0-9+/=]{10,24}\$[A-Za-z0-9+/]{20,44}\$?"
        ) {
            if let Some(stored) = StoredHash::parse(&text) {
                prop_assert_eq!(stored.to_string(), text);
            }
        }
    }
}
