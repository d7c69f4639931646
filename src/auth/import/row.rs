//! A row of an import: texts in, a user or every fault out.

use std::fmt;

use chrono::{DateTime, SubsecRound, Utc};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    domain::{
        Email, EmailFault, HashedPassword, ImportedUser, PasswordScheme, StoredPassword, Timestamp,
        UserId, UserStatus,
    },
    hashing::{UnreadableHash, check_readable},
};

/// A row as it came, whatever it came in; `None`: nothing was there. Its `Debug` tells nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawUser {
    /// A UUID to keep.
    pub id: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// The hash of the password.
    pub password_hash: Option<String>,
    /// `true` when the hash is of the password in NFC, as this service's own are.
    pub password_nfc: Option<String>,
    /// `true` or `false`.
    pub email_verified: Option<String>,
    /// An instant of RFC 3339.
    pub created_at: Option<String>,
    /// `active` or `disabled`.
    pub status: Option<String>,
}

/// What is wrong with a row; no fault repeats what was there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowFault {
    /// A field that every user has is not there.
    #[error("{0}: is missing")]
    Missing(&'static str),
    /// The address is none.
    #[error("email: {0}")]
    Email(#[from] EmailFault),
    /// The hash cannot be checked, so no password would ever be right.
    #[error("password_hash: {0}")]
    Hash(#[from] UnreadableHash),
    /// Another field has a text that it cannot have.
    #[error("{field}: {must}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// The id is a user's, or was one's who was erased.
    #[error("id: is, or was, another user's")]
    IdTaken,
    /// The address is a user's.
    #[error("email: is another user's, who was here before or is in an earlier row")]
    EmailTaken,
    /// The row is not of the form that all have.
    #[error("{0}")]
    Unreadable(String),
}

impl RowFault {
    /// The field that is at fault; empty: the row.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Missing(field) | Self::Field { field, .. } => field,
            Self::Email(_) | Self::EmailTaken => "email",
            Self::Hash(_) => "password_hash",
            Self::IdTaken => "id",
            Self::Unreadable(_) => "",
        }
    }
}

impl RawUser {
    /// The names of the fields.
    pub const FIELDS: [&str; 7] = [
        "id",
        "email",
        "password_hash",
        "password_nfc",
        "email_verified",
        "created_at",
        "status",
    ];

    /// A field by its name.
    pub fn field(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "id" => Some(&mut self.id),
            "email" => Some(&mut self.email),
            "password_hash" => Some(&mut self.password_hash),
            "password_nfc" => Some(&mut self.password_nfc),
            "email_verified" => Some(&mut self.email_verified),
            "created_at" => Some(&mut self.created_at),
            "status" => Some(&mut self.status),
            _ => None,
        }
    }

    pub(super) fn parse(&self, now: Timestamp) -> Result<ImportedUser, Vec<RowFault>> {
        let mut faults = Vec::new();
        let id = noted(&mut faults, optional(self.id.as_ref(), id));
        let email = noted(&mut faults, required("email", self.email.as_ref(), email));
        let hash = self.password_hash.as_ref();
        let hashed = noted(&mut faults, required("password_hash", hash, hashed));
        let nfc = self.password_nfc.as_ref();
        let nfc = noted(
            &mut faults,
            optional(nfc, |text| flag("password_nfc", text)),
        );
        let verified = self.email_verified.as_ref();
        let verified = optional(verified, |text| flag("email_verified", text));
        let verified = noted(&mut faults, verified);
        let created_at = self.created_at.as_ref();
        let created_at = noted(&mut faults, optional(created_at, |text| past(text, now)));
        let status = noted(&mut faults, optional(self.status.as_ref(), status));
        match (email, hashed) {
            (Some(email), Some(hashed)) if faults.is_empty() => Ok(ImportedUser {
                id: id.flatten(),
                email,
                password: StoredPassword {
                    hashed,
                    scheme: match nfc.flatten() {
                        Some(true) => PasswordScheme::Nfc,
                        Some(false) | None => PasswordScheme::Imported,
                    },
                },
                email_verified: verified.flatten().unwrap_or_default(),
                created_at: created_at.flatten(),
                status: status.flatten().unwrap_or(UserStatus::Active),
            }),
            _ => Err(faults),
        }
    }
}

impl fmt::Debug for RawUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawUser(…)")
    }
}

fn noted<T>(faults: &mut Vec<RowFault>, read: Result<T, RowFault>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

fn required<T>(
    field: &'static str,
    text: Option<&String>,
    read: impl FnOnce(&str) -> Result<T, RowFault>,
) -> Result<T, RowFault> {
    read(text.ok_or(RowFault::Missing(field))?)
}

fn optional<T>(
    text: Option<&String>,
    read: impl FnOnce(&str) -> Result<T, RowFault>,
) -> Result<Option<T>, RowFault> {
    text.map(|text| read(text)).transpose()
}

fn email(text: &str) -> Result<Email, RowFault> {
    Ok(Email::parse(text)?)
}

fn hashed(text: &str) -> Result<HashedPassword, RowFault> {
    let hashed = HashedPassword::from_phc(text.to_owned());
    check_readable(&hashed)?;
    Ok(hashed)
}

fn id(text: &str) -> Result<UserId, RowFault> {
    let uuid = Uuid::try_parse(text).map_err(|_| RowFault::Field {
        field: "id",
        must: "must be a UUID",
    })?;
    Ok(UserId::new(uuid))
}

/// As JSON, Python and Postgres spell it.
fn flag(field: &'static str, text: &str) -> Result<bool, RowFault> {
    match text {
        "true" | "True" | "TRUE" | "t" | "1" => Ok(true),
        "false" | "False" | "FALSE" | "f" | "0" => Ok(false),
        _ => Err(RowFault::Field {
            field,
            must: "must be true or false",
        }),
    }
}

fn past(text: &str, now: Timestamp) -> Result<Timestamp, RowFault> {
    let field = "created_at";
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| RowFault::Field {
        field,
        must: "must be an instant of RFC 3339, such as 2026-01-05T09:00:00Z",
    })?;
    let instant = instant.with_timezone(&Utc).trunc_subsecs(6);
    if instant > now {
        return Err(RowFault::Field {
            field,
            must: "must not be in the future",
        });
    }
    Ok(instant)
}

fn status(text: &str) -> Result<UserStatus, RowFault> {
    match text {
        "active" => Ok(UserStatus::Active),
        "disabled" => Ok(UserStatus::Disabled),
        _ => Err(RowFault::Field {
            field: "status",
            must: "must be active or disabled",
        }),
    }
}

#[cfg(test)]
mod tests;
