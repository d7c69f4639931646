//! What named callers send about users.

use std::time::Duration;

use super::Faults;
use crate::{
    auth::SessionsToEnd,
    domain::{
        ClientInfo, EmailPrefix, Timestamp, UserEdit, UserFilter, UserId, UserKey, UserStatus,
    },
    proto::v1::{
        self, ErrorReason, create_password_reset_request::User as ResetUser,
        create_session_for_user_request::User as SessionUser, find_user_request::Key,
        revoke_user_sessions_request::Sessions,
    },
    transport::{failure::Failure, page::Page},
};

/// The fields of a user that callers write.
const WRITABLE: [&str; 2] = ["email", "email_verified"];
const LIST_USERS: &str = "vestibule.v1.UserService/ListUsers";

/// A page of what belongs to a user.
pub(crate) struct UserPage {
    /// Whose.
    pub(crate) user_id: UserId,
    /// Which page.
    pub(crate) page: Page,
}

/// Reads a user's id.
///
/// # Errors
/// `InvalidInput`.
pub(crate) fn user_id(text: &str) -> Result<UserId, Failure> {
    let mut faults = Faults::default();
    let id = faults.user_id("user_id", text);
    id.ok_or_else(|| Failure::invalid_input(faults.0))
}

/// Reads what a user is to be found by.
///
/// # Errors
/// `InvalidInput`.
pub(crate) fn user_key(key: Option<&Key>) -> Result<UserKey, Failure> {
    let mut faults = Faults::default();
    let key = match key {
        Some(Key::Id(id)) => faults.user_id("id", id).map(UserKey::Id),
        Some(Key::Email(email)) => faults.email("email", Some(email)).map(UserKey::from),
        Some(Key::SessionId(id)) => faults.session_id("session_id", id).map(UserKey::Session),
        None => faults.missing("key"),
    };
    key.ok_or_else(|| Failure::invalid_input(faults.0))
}

/// Reads whom a session is for, and by which client.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn session_user(
    message: &v1::CreateSessionForUserRequest,
) -> Result<(UserKey, ClientInfo), Failure> {
    let mut faults = Faults::default();
    let key = match &message.user {
        Some(SessionUser::UserId(id)) => faults.user_id("user_id", id).map(UserKey::Id),
        Some(SessionUser::Email(email)) => faults.email("email", Some(email)).map(UserKey::from),
        None => faults.missing("user"),
    };
    let client = faults.client(message.client.as_ref());
    match key {
        Some(key) if faults.0.is_empty() => Ok((key, client)),
        Some(_) | None => Err(Failure::invalid_input(faults.0)),
    }
}

/// Reads whom a password reset is for.
///
/// # Errors
/// `InvalidInput`.
pub(crate) fn password_reset_user(user: Option<&ResetUser>) -> Result<UserKey, Failure> {
    let mut faults = Faults::default();
    let key = match user {
        Some(ResetUser::UserId(id)) => faults.user_id("user_id", id).map(UserKey::Id),
        Some(ResetUser::Email(email)) => faults.email("email", Some(email)).map(UserKey::from),
        None => faults.missing("user"),
    };
    key.ok_or_else(|| Failure::invalid_input(faults.0))
}

/// Reads which users are asked for.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn users_page(message: &v1::ListUsersRequest) -> Result<(UserFilter, Page), Failure> {
    let mut faults = Faults::default();
    let status = faults.status(message.status);
    let email_prefix = faults.email_prefix(&message.email_prefix);
    let prefix = email_prefix.as_ref().map_or("", EmailPrefix::first);
    let filter = format!("{} {prefix}", message.status);
    let page = faults.page(
        LIST_USERS,
        filter.as_bytes(),
        message.page_size,
        &message.page_token,
    );
    match page {
        Some(page) if faults.0.is_empty() => Ok((
            UserFilter {
                status,
                email_prefix,
            },
            page,
        )),
        Some(_) | None => Err(Failure::invalid_input(faults.0)),
    }
}

/// Reads which page of what belongs to a user is asked for.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn user_page(
    method: &str,
    user_id: &str,
    page_size: i32,
    page_token: &str,
) -> Result<UserPage, Failure> {
    let mut faults = Faults::default();
    let id = faults.user_id("user_id", user_id);
    let page = faults.page(method, user_id.as_bytes(), page_size, page_token);
    match (id, page) {
        (Some(user_id), Some(page)) => Ok(UserPage { user_id, page }),
        (Some(_) | None, Some(_) | None) => Err(Failure::invalid_input(faults.0)),
    }
}

/// Reads what to write of a user.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn user_edit(message: &v1::UpdateUserRequest) -> Result<(UserId, UserEdit), Failure> {
    let mut faults = Faults::default();
    let id = faults.user_id("user_id", &message.user_id);
    let mask = message.update_mask.as_ref();
    let paths = mask.map_or(&[][..], |mask| &mask.paths[..]);
    for path in paths {
        if !WRITABLE.contains(&path.as_str()) {
            let (field, reason) = ("update_mask", ErrorReason::FieldMaskInvalid);
            faults.add(
                field,
                reason,
                "must name nothing but email and email_verified",
            );
        }
    }
    let is_written = |field: &str, is_set: bool| {
        let is_named = paths.iter().any(|path| path == field);
        is_named || (paths.is_empty() && is_set)
    };
    let email = message.email.as_deref();
    let email = if is_written("email", email.is_some()) {
        faults.email("email", Some(email.unwrap_or_default()))
    } else {
        None
    };
    let verified = message.email_verified;
    let email_verified =
        is_written("email_verified", verified.is_some()).then_some(verified.unwrap_or_default());
    match id {
        Some(id) if faults.0.is_empty() => Ok((
            id,
            UserEdit {
                email,
                email_verified,
                etag: (!message.etag.is_empty()).then(|| message.etag.clone()),
            },
        )),
        Some(_) | None => Err(Failure::invalid_input(faults.0)),
    }
}

/// Reads which sessions of a user are to end.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn sessions_to_end(
    message: &v1::RevokeUserSessionsRequest,
) -> Result<(UserId, SessionsToEnd), Failure> {
    let mut faults = Faults::default();
    let id = faults.user_id("user_id", &message.user_id);
    let ended = match &message.sessions {
        Some(Sessions::All(true)) => Some(SessionsToEnd::All),
        Some(Sessions::All(false)) => {
            faults.add("all", ErrorReason::InvalidField, "must be true");
            None
        }
        Some(Sessions::ExceptSessionId(id)) => faults
            .session_id("except_session_id", id)
            .map(SessionsToEnd::AllBut),
        Some(Sessions::SessionId(id)) => {
            faults.session_id("session_id", id).map(SessionsToEnd::One)
        }
        Some(Sessions::IssuedBefore(instant)) => faults
            .instant("issued_before", Some(instant))
            .map(|instant| SessionsToEnd::IssuedBefore(whole_micros(instant))),
        None => faults.missing("sessions"),
    };
    match (id, ended) {
        (Some(id), Some(ended)) => Ok((id, ended)),
        (Some(_) | None, Some(_) | None) => Err(Failure::invalid_input(faults.0)),
    }
}

impl Faults {
    /// A choice that was not made.
    fn missing<T>(&mut self, choice: &str) -> Option<T> {
        self.add(
            choice,
            ErrorReason::InvalidField,
            "must be one of its fields",
        );
        None
    }

    /// UNSPECIFIED asks for any.
    fn status(&mut self, status: i32) -> Option<UserStatus> {
        match v1::UserStatus::try_from(status) {
            Ok(v1::UserStatus::Unspecified) => None,
            Ok(v1::UserStatus::Active) => Some(UserStatus::Active),
            Ok(v1::UserStatus::Disabled) => Some(UserStatus::Disabled),
            Err(_) => {
                self.add(
                    "status",
                    ErrorReason::InvalidField,
                    "must be a known status",
                );
                None
            }
        }
    }

    /// Empty asks for any.
    fn email_prefix(&mut self, text: &str) -> Option<EmailPrefix> {
        if text.is_empty() {
            return None;
        }
        EmailPrefix::parse(text)
            .map_err(|fault| self.add("email_prefix", ErrorReason::InvalidField, fault))
            .ok()
    }

    fn page(&mut self, method: &str, filter: &[u8], size: i32, token: &str) -> Option<Page> {
        Page::parse(method, filter, size, token)
            .map_err(|faults| self.0.extend(faults))
            .ok()
    }
}

/// Rounded up to microseconds, which is what instants are kept in.
fn whole_micros(instant: Timestamp) -> Timestamp {
    let over = u64::from(instant.timestamp_subsec_nanos() % 1_000);
    let missing = if over == 0 { 0 } else { 1_000 - over };
    instant + Duration::from_nanos(missing)
}
