//! Ids: UUIDs with a type for each kind, so that a session's id cannot be used as a user's.

use std::fmt;

use uuid::Uuid;

use super::Timestamp;

/// Makes a UUID version 7 (RFC 9562) of a time, in milliseconds, and ten random bytes.
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
            /// An id of this kind.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id without its kind.
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
    /// A user's id. Ids of erased users are not used again.
    UserId
}
id! {
    /// The public id of a session. It can be logged and proves nothing.
    SessionId
}
id! {
    /// The `request_id` that a caller makes for one registration and sends with each retry of it.
    RegistrationId
}
id! {
    /// The public id of a one-time token. It can be logged and proves nothing.
    OneTimeTokenId
}
id! {
    /// The public id of a caller's key. It can be logged and proves nothing.
    CallerKeyId
}
id! {
    /// An event's id. Events are listed in the order of their ids, which is that of time.
    EventId
}

impl UserId {
    /// Parses a UUID of 36 lower-case characters, the only accepted spelling.
    pub fn parse(text: &str) -> Option<Self> {
        parse_canonical(text).map(Self)
    }
}

impl SessionId {
    /// Parses a UUID of 36 lower-case characters, the only accepted spelling.
    pub fn parse(text: &str) -> Option<Self> {
        parse_canonical(text).map(Self)
    }
}

impl RegistrationId {
    /// Parses a UUID of 36 characters in any case.
    pub fn parse(text: &str) -> Option<Self> {
        parse_canonical(&text.to_ascii_lowercase()).map(Self)
    }
}

/// `Uuid` parses four spellings; ids have one.
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
