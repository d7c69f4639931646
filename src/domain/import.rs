//! A user of another system, parsed from its export.

use super::{Email, StoredPassword, Timestamp, UserId, UserStatus};

/// A user to import.
#[derive(Debug, Clone)]
pub struct ImportedUser {
    /// The id to keep. `None`: the user gets a new id.
    pub id: Option<UserId>,
    /// The address, which no other user may have.
    pub email: Email,
    /// The hash of the password, in a format that can be verified.
    pub password: StoredPassword,
    /// Whether mail to the address is known to reach the user.
    pub email_verified: bool,
    /// When the user registered with the other system. `None`: the time of the import.
    pub created_at: Option<Timestamp>,
    /// Whether the user may log in.
    pub status: UserStatus,
}
