//! The user: the account of an end user, with an address and usually a password.

use super::{
    Email, EmailKey, EmailPrefix, RegistrationId, SessionId, Timestamp, UserId, opaque_debug,
};

/// One row of `users`.
#[derive(Debug, Clone)]
pub struct User {
    /// The id, which no later user gets.
    pub id: UserId,
    /// The address as [`Email::as_given`] has it.
    pub email: StoredEmail,
    /// `None`: the user has no password, and every attempt is wrong.
    pub hashed_password: Option<HashedPassword>,
    /// Over which bytes of the password the hash is.
    pub password_scheme: PasswordScheme,
    /// Whether the user may log in.
    pub status: UserStatus,
    /// Raised to end every session at once; `session` explains the epoch.
    pub session_epoch: i64,
    /// Raised by each change that callers can see.
    pub version: i64,
    /// The `request_id` of the registration, kept for a day to recognise its retries.
    pub request_id: Option<RegistrationId>,
    /// When mail to the address was last proven to reach the user.
    pub email_verified_at: Option<Timestamp>,
    /// When the user registered.
    pub created_at: Timestamp,
    /// When the last change that callers can see was made.
    pub updated_at: Timestamp,
}

/// What a user is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserKey {
    /// The user's id.
    Id(UserId),
    /// The address in canonical form.
    Email(EmailKey),
    /// The id of one of the user's sessions, live or ended.
    Session(SessionId),
}

/// An address as stored. `Debug` does not print it: addresses are never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredEmail(pub String);

impl StoredEmail {
    /// The address with little of it shown, so that its user recognises it and nobody else learns it:
    /// `a***@e***.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        let (name, last) = domain.rsplit_once('.').unwrap_or_default();
        let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
        format!("{}***@{}***.{last}", first(local), first(name))
    }
}

/// Whether a user may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserStatus {
    /// The user may log in.
    Active,
    /// Every login, session and token of the user is refused.
    Disabled,
}

/// The fields of a user to write; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct UserEdit {
    /// The address, which no other user may have.
    pub email: Option<Email>,
    /// Whether mail to the address is known to reach the user.
    pub email_verified: Option<bool>,
    /// The etag that the user must have. `None`: the write is unconditional.
    pub etag: Option<String>,
}

/// Selects users. Every condition that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Users of this status.
    pub status: Option<UserStatus>,
    /// Users whose address has this prefix.
    pub email_prefix: Option<EmailPrefix>,
}

/// Over which bytes of a password its hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordScheme {
    /// Over the bytes as received, by another system.
    Imported,
    /// Over UTF-8 in NFC.
    Nfc,
}

/// A stored hash: a PHC string, or the format of another system. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct HashedPassword(String);

/// What an attempt is verified against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPassword {
    pub hashed: HashedPassword,
    /// Over which bytes of the password it is.
    pub scheme: PasswordScheme,
}

impl User {
    /// The password, where one is set.
    pub fn stored_password(&self) -> Option<StoredPassword> {
        Some(StoredPassword {
            hashed: self.hashed_password.clone()?,
            scheme: self.password_scheme,
        })
    }
}

impl UserStatus {
    /// The name in files, in commands and over REST.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

impl From<Email> for UserKey {
    fn from(email: Email) -> Self {
        Self::Email(email.key().clone())
    }
}

impl HashedPassword {
    /// A hash of any text. Whether it can be verified is decided by `hashing`.
    pub fn from_phc(text: String) -> Self {
        Self(text)
    }

    /// The text of the hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

opaque_debug!(HashedPassword, StoredEmail);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_address_shows_two_characters_and_the_last_label() {
        for (address, masked) in [
            ("ada@example.com", "a***@e***.com"),
            ("x@mail.example.co.uk", "x***@m***.uk"),
            ("ada@münchen.example", "a***@m***.example"),
        ] {
            assert_eq!(StoredEmail(address.to_owned()).masked(), masked);
        }
    }
}
