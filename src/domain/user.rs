//! The user: the account that a password opens.

use std::fmt;

use super::{Email, EmailKey, EmailPrefix, RegistrationId, SessionId, Timestamp, UserId};

/// The `User` model: one row of `users`.
#[derive(Debug, Clone)]
pub struct User {
    /// Never used again.
    pub id: UserId,
    /// As typed at registration, in NFC.
    pub email: UserEmail,
    /// `None`: no password is set, and none is right.
    pub hashed_password: Option<HashedPassword>,
    /// How the password became the bytes that were hashed.
    pub password_scheme: PasswordScheme,
    /// Whether the user may log in.
    pub status: UserStatus,
    /// Raised to end every session at once; see `Session::epoch`.
    pub session_epoch: i64,
    /// Raised by each change that callers can see.
    pub version: i64,
    /// Of the registration that made this user, for a day.
    pub request_id: Option<RegistrationId>,
    /// When the address was proven, if it was.
    pub email_verified_at: Option<Timestamp>,
    /// When the user registered.
    pub created_at: Timestamp,
    /// The last change that callers can see.
    pub updated_at: Timestamp,
}

/// The fields that a user is found by. All are unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserKey {
    /// The user's id.
    Id(UserId),
    /// The address in canonical form.
    Email(EmailKey),
    /// The id of one of the user's sessions, live or ended.
    Session(SessionId),
}

/// An address as stored. Its `Debug` tells nothing: addresses are never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct UserEmail(pub String);

/// Whether a user may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserStatus {
    /// May log in.
    Active,
    /// Refused everywhere.
    Disabled,
}

/// What to write of a user; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct UserEdit {
    /// The address.
    pub email: Option<Email>,
    /// Whether mail to it is known to reach the user.
    pub email_verified: Option<bool>,
    /// The etag that the user must still have.
    pub etag: Option<String>,
}

/// Which users are asked for: those that every part of it fits.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Of this status.
    pub status: Option<UserStatus>,
    /// Whose address begins so.
    pub email_prefix: Option<EmailPrefix>,
}

/// How a password became the bytes that were hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordScheme {
    /// Over the bytes as another system received them.
    Imported,
    /// Over UTF-8 in NFC.
    Nfc,
}

/// A stored hash: a PHC string, or what another system had. Its `Debug` tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct HashedPassword(String);

/// All that an attempt is verified against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// The hash.
    pub hashed: HashedPassword,
    /// What it is of.
    pub scheme: PasswordScheme,
}

impl User {
    /// The password, if one is set.
    pub fn stored_password(&self) -> Option<StoredPassword> {
        Some(StoredPassword {
            hashed: self.hashed_password.clone()?,
            scheme: self.password_scheme,
        })
    }
}

impl From<Email> for UserKey {
    fn from(email: Email) -> Self {
        Self::Email(email.key().clone())
    }
}

impl HashedPassword {
    /// Takes a text as it is; whether it can be verified is the hashing engine's to say.
    pub fn from_phc(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPassword(…)")
    }
}

impl fmt::Debug for UserEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserEmail(…)")
    }
}
