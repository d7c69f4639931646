//! What mail is sent for.

use std::fmt;

/// Why somebody gets a mail. Each address may ask for each so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailPurpose {
    /// A token that sets a new password.
    PasswordReset,
    /// A token that proves the address of a user.
    EmailVerification,
    /// A token that makes the address a user's; or a warning, if it is another user's.
    EmailChange,
    /// Tells the address of a user that it is to be replaced.
    EmailChangeRequested,
    /// Tells an address that it no longer is its user's.
    EmailChanged,
}

impl MailPurpose {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::PasswordReset,
        Self::EmailVerification,
        Self::EmailChange,
        Self::EmailChangeRequested,
        Self::EmailChanged,
    ];
}

/// What a one-time token is redeemed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPurpose {
    /// A new password.
    PasswordReset,
    /// The proof of an address.
    EmailVerification,
    /// Another address.
    EmailChange,
}

/// What a token for it comes by.
impl From<TokenPurpose> for MailPurpose {
    fn from(purpose: TokenPurpose) -> Self {
        match purpose {
            TokenPurpose::PasswordReset => Self::PasswordReset,
            TokenPurpose::EmailVerification => Self::EmailVerification,
            TokenPurpose::EmailChange => Self::EmailChange,
        }
    }
}

/// As logs name it.
impl fmt::Display for MailPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PasswordReset => "password_reset",
            Self::EmailVerification => "email_verification",
            Self::EmailChange => "email_change",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
        })
    }
}
