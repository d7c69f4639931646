//! A row of an import: texts in, a user or all faults of the row out.

use chrono::{DateTime, SubsecRound, Utc};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    domain::{
        Email, EmailFault, HashedPassword, ImportedUser, PasswordScheme, StoredPassword, Timestamp,
        UserId, UserStatus, opaque_debug,
    },
    hashing::{UnreadableHash, check_readable},
};

/// The texts of a row, from a message or from a file of any format; `None` where a text is absent.
/// `Debug` prints none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawUser {
    /// A UUID, the id to keep.
    pub id: Option<String>,
    /// An e-mail address; required.
    pub email: Option<String>,
    /// The hash of the password; required.
    pub password_hash: Option<String>,
    /// `true` where the hash is over the password in NFC, like the hashes of this service; else
    /// `false`.
    pub password_nfc: Option<String>,
    /// `true` or `false`; else `false`.
    pub email_verified: Option<String>,
    /// A time of RFC 3339, not in the future.
    pub created_at: Option<String>,
    /// `active` or `disabled`; else `active`.
    pub status: Option<String>,
}

/// What is wrong with a row. No fault repeats a text of the row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowFault {
    /// A required field is absent.
    #[error("{0}: is missing")]
    Missing(&'static str),
    /// The address is not accepted.
    #[error("email: {0}")]
    Email(#[from] EmailFault),
    /// The hash cannot be verified, so every password would be wrong.
    #[error("password_hash: {0}")]
    Hash(#[from] UnreadableHash),
    /// The text of another field is not accepted.
    #[error("{field}: {must}")]
    Field {
        /// The name of the field.
        field: &'static str,
        /// The rule that the text breaks, beginning with "must".
        must: &'static str,
    },
    /// The id is a user's, or was that of an erased user.
    #[error("id: is, or was, another user's")]
    IdTaken,
    /// The address is a user's, or that of an earlier row.
    #[error("email: is another user's, who was here before or is in an earlier row")]
    EmailTaken,
    /// The row does not have the form of a row.
    #[error("{0}")]
    Unreadable(String),
}

impl RowFault {
    /// The name of the field at fault; empty for the whole row.
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

    /// The field of a name.
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
        let id = keep_fault(&mut faults, optional(self.id.as_ref(), parse_id));
        let email = required("email", self.email.as_ref(), parse_email);
        let email = keep_fault(&mut faults, email);
        let hashed = required("password_hash", self.password_hash.as_ref(), parse_hash);
        let hashed = keep_fault(&mut faults, hashed);
        let nfc = optional(self.password_nfc.as_ref(), |text| {
            parse_bool("password_nfc", text)
        });
        let nfc = keep_fault(&mut faults, nfc);
        let verified = optional(self.email_verified.as_ref(), |text| {
            parse_bool("email_verified", text)
        });
        let verified = keep_fault(&mut faults, verified);
        let created_at = optional(self.created_at.as_ref(), |text| parse_past(text, now));
        let created_at = keep_fault(&mut faults, created_at);
        let status = keep_fault(&mut faults, optional(self.status.as_ref(), parse_status));
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

opaque_debug!(RawUser);

fn keep_fault<T>(faults: &mut Vec<RowFault>, parsed: Result<T, RowFault>) -> Option<T> {
    parsed.map_err(|fault| faults.push(fault)).ok()
}

fn required<T>(
    field: &'static str,
    text: Option<&String>,
    parse: impl FnOnce(&str) -> Result<T, RowFault>,
) -> Result<T, RowFault> {
    parse(text.ok_or(RowFault::Missing(field))?)
}

fn optional<T>(
    text: Option<&String>,
    parse: impl FnOnce(&str) -> Result<T, RowFault>,
) -> Result<Option<T>, RowFault> {
    text.map(|text| parse(text)).transpose()
}

fn parse_email(text: &str) -> Result<Email, RowFault> {
    Ok(Email::parse(text)?)
}

fn parse_hash(text: &str) -> Result<HashedPassword, RowFault> {
    let hashed = HashedPassword::from_phc(text.to_owned());
    check_readable(&hashed)?;
    Ok(hashed)
}

fn parse_id(text: &str) -> Result<UserId, RowFault> {
    let uuid = Uuid::try_parse(text).map_err(|_| RowFault::Field {
        field: "id",
        must: "must be a UUID",
    })?;
    Ok(UserId::new(uuid))
}

/// Parses the spellings of JSON, Python and Postgres.
fn parse_bool(field: &'static str, text: &str) -> Result<bool, RowFault> {
    match text {
        "true" | "True" | "TRUE" | "t" | "1" => Ok(true),
        "false" | "False" | "FALSE" | "f" | "0" => Ok(false),
        _ => Err(RowFault::Field {
            field,
            must: "must be true or false",
        }),
    }
}

fn parse_past(text: &str, now: Timestamp) -> Result<Timestamp, RowFault> {
    let field = "created_at";
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| RowFault::Field {
        field,
        must: "must be an instant of RFC 3339, such as 2026-01-05T09:00:00Z",
    })?;
    let time = time.with_timezone(&Utc).trunc_subsecs(6);
    if time > now {
        return Err(RowFault::Field {
            field,
            must: "must not be in the future",
        });
    }
    Ok(time)
}

fn parse_status(text: &str) -> Result<UserStatus, RowFault> {
    UserStatus::parse(text).ok_or(RowFault::Field {
        field: "status",
        must: "must be active or disabled",
    })
}

#[cfg(test)]
mod tests;
