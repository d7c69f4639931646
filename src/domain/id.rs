//! Ids: UUIDs with a type each, so that a session's cannot be taken for a user's.

use std::fmt;

use uuid::Uuid;

use super::Timestamp;

/// Makes a UUID version 7 (RFC 9562) from an instant and ten random bytes.
pub fn uuid_v7(now: Timestamp, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a UUID for this kind of id.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }
    };
}

id! {
    /// A user's id; never used again.
    UserId
}
id! {
    /// A session's public handle; it opens nothing.
    SessionId
}
id! {
    /// `request_id`: made once by a caller for one registration and kept over its retries.
    RegistrationId
}

id! {
    /// The public handle of a one-time token.
    OneTimeTokenId
}
id! {
    /// The public handle of a caller's key.
    CallerKeyId
}
id! {
    /// An event's id; events sort by it.
    EventId
}

impl UserId {
    /// Reads the one spelling: 36 lower-case characters.
    pub fn parse(text: &str) -> Option<Self> {
        parse_canonical(text).map(Self)
    }
}

impl SessionId {
    /// Reads the one spelling: 36 lower-case characters.
    pub fn parse(text: &str) -> Option<Self> {
        parse_canonical(text).map(Self)
    }
}

impl RegistrationId {
    /// Reads a UUID of 36 characters, upper or lower case.
    pub fn parse(text: &str) -> Option<Self> {
        parse_canonical(&text.to_ascii_lowercase()).map(Self)
    }
}

/// `Uuid` reads four spellings; ids have one.
fn parse_canonical(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    (uuid.hyphenated().to_string() == text).then_some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_later_sort_later() {
        let at = |secs| uuid_v7(Timestamp::from_timestamp(secs, 0).unwrap(), [0xFF; 10]);
        assert!(at(1_700_000_000) < at(1_700_000_001));
        assert_eq!(at(1_700_000_000).get_version_num(), 7);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let text = "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f";
        assert_eq!(UserId::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "018C2E65-4B7E-7CC3-98C4-DC0C0C07398F",
            "018c2e654b7e7cc398c4dc0c0c07398f",
            "{018c2e65-4b7e-7cc3-98c4-dc0c0c07398f}",
        ] {
            assert!(UserId::parse(bad).is_none(), "{bad}");
        }
    }
}
