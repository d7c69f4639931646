//! The code that `build.rs` generates from `proto/`: messages, the server traits and the clients.

use std::fmt;

/// The descriptor set that reflection serves.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub use generated::{google, vestibule::v1};

#[expect(
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    missing_docs,
    unreachable_pub,
    reason = "generated from protos that are documented there"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/protos.rs"));
}

/// prost would derive a `Debug` that prints passwords and tokens.
macro_rules! redacted {
    ($($message:ident),*) => {$(
        impl fmt::Debug for v1::$message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($message), "(…)"))
            }
        }
    )*};
}

redacted!(
    RegisterUserRequest,
    ValidLoginRequest,
    CreateSessionRequest,
    CreateSessionResponse,
    ValidateSessionRequest,
    RevokeSessionRequest,
    GetAccountRequest,
    ChangePasswordRequest,
    ResetPasswordRequest,
    VerifyEmailRequest,
    RequestEmailChangeRequest,
    ConfirmEmailChangeRequest,
    CloseAccountRequest,
    BatchValidateSessionsRequest,
    RotateSessionRequest,
    RotateSessionResponse,
    ListSessionsRequest,
    RevokeSessionByIdRequest,
    RevokeOtherSessionsRequest,
    CreateSessionForUserResponse,
    CreatePasswordResetResponse,
    ImportedUser
);
