//! A user as another system had them, read from what it exported.

use super::{Email, StoredPassword, Timestamp, UserId, UserStatus};

/// A user to add with what they had.
#[derive(Debug, Clone)]
pub struct ImportedUser {
    /// The id to keep; `None`: a new one.
    pub id: Option<UserId>,
    /// The address, which must be free.
    pub email: Email,
    /// The hash, which can be verified.
    pub password: StoredPassword,
    /// Whether mail to the address is known to reach the user.
    pub email_verified: bool,
    /// When they registered there; `None`: now.
    pub created_at: Option<Timestamp>,
    /// Whether they may log in.
    pub status: UserStatus,
}
