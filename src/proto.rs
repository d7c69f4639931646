//! The code that `build.rs` generates from `proto/`: messages, the server traits and the clients.

/// The descriptor set that reflection serves.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub use generated::{google, vestibule::v1};

/// A request whose secrets, the fields that are `debug_redact`, can be wiped.
pub(crate) trait Wipe {
    /// Overwrites the secrets.
    fn wipe(&mut self);
}

#[expect(
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    missing_docs,
    unreachable_pub,
    reason = "generated from protos that are documented there"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/protos.rs"));

    /// The `Debug` of messages with a field that is `debug_redact`: prost would print it.
    mod redacted {
        use super::vestibule::v1::*;
        use crate::domain::opaque_debug;

        include!(concat!(env!("OUT_DIR"), "/opaque_debug.rs"));
    }

    mod wiped {
        use zeroize::Zeroize;

        use super::vestibule::v1::*;
        use crate::proto::Wipe;

        include!(concat!(env!("OUT_DIR"), "/wipe.rs"));
    }
}
