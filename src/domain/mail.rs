//! The purposes of mail and of one-time tokens.

use std::fmt;

/// Why a mail is sent. The limits on mail to an address hold for each purpose by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailPurpose {
    /// A token that sets a new password.
    PasswordReset,
    /// A token that proves the address of a user.
    EmailVerification,
    /// A token that makes the address a user's, or a warning where it is another user's.
    EmailChange,
    /// A notice to the current address of a user who requested another.
    EmailChangeRequested,
    /// A notice to the former address of a user who has another now.
    EmailChanged,
    /// The same, with a token that restores the former address.
    EmailRestore,
    /// A notice to the address that an operator or a named caller gave a user.
    EmailAssigned,
    /// A notice that the password was changed or reset.
    PasswordChanged,
    /// A notice that a named caller opened a session.
    SessionOpened,
}

impl MailPurpose {
    pub const ALL: [Self; 9] = [
        Self::PasswordReset,
        Self::EmailVerification,
        Self::EmailChange,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::EmailRestore,
        Self::EmailAssigned,
        Self::PasswordChanged,
        Self::SessionOpened,
    ];
}

/// What the redemption of a one-time token does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPurpose {
    /// It sets a new password.
    PasswordReset,
    /// It proves the address of the user.
    EmailVerification,
    /// It replaces the address of the user.
    EmailChange,
    /// It gives the user a former address back, and a new password.
    EmailRestore,
}

impl From<TokenPurpose> for MailPurpose {
    fn from(purpose: TokenPurpose) -> Self {
        match purpose {
            TokenPurpose::PasswordReset => Self::PasswordReset,
            TokenPurpose::EmailVerification => Self::EmailVerification,
            TokenPurpose::EmailChange => Self::EmailChange,
            TokenPurpose::EmailRestore => Self::EmailRestore,
        }
    }
}

/// The name in logs.
impl fmt::Display for MailPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PasswordReset => "password_reset",
            Self::EmailVerification => "email_verification",
            Self::EmailChange => "email_change",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::EmailRestore => "email_restore",
            Self::EmailAssigned => "email_assigned",
            Self::PasswordChanged => "password_changed",
            Self::SessionOpened => "session_opened",
        })
    }
}
