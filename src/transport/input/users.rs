//! What named callers send about users.

use std::time::Duration;

use super::{Faults, client};
use crate::{
    auth::{CallContext, SessionToOpen, SessionsToEnd, Unverified},
    domain::{EmailPrefix, Timestamp, UserEdit, UserFilter, UserId, UserKey, UserStatus},
    proto::v1::{
        self, ErrorReason, create_password_reset_request::User as ResetUser,
        create_session_for_user_request::User as SessionUser, find_user_request::Key,
        revoke_user_sessions_request::Sessions,
    },
    transport::{failure::Failure, page::Page},
};

/// The fields of a user that callers write.
const WRITABLE: [&str; 2] = ["email", "email_verified"];
/// The most paths of a mask, repetitions included.
const PATHS_MAX: usize = 16;
const LIST_USERS: &str = "vestibule.v1.UserService/ListUsers";

/// A page of a list that belongs to a user.
pub(crate) struct UserPage {
    pub(crate) user_id: UserId,
    pub(crate) page: Page,
}

/// Reads a user's id.
pub(crate) fn user_id(text: &str) -> Result<UserId, Failure> {
    let mut faults = Faults::default();
    let id = faults.user_id("user_id", text);
    faults.finish(id)
}

/// Reads the key to find a user by.
pub(crate) fn user_key(key: Option<&Key>) -> Result<UserKey, Failure> {
    let mut faults = Faults::default();
    let key = match key {
        Some(Key::Id(id)) => faults.user_id("id", id).map(UserKey::Id),
        Some(Key::Email(email)) => faults.email("email", Some(email)).map(UserKey::from),
        Some(Key::SessionId(id)) => faults.session_id("session_id", id).map(UserKey::Session),
        None => faults.missing("key"),
    };
    faults.finish(key)
}

/// Reads the user and the client of a new session.
pub(crate) fn session_user(
    call: &CallContext,
    message: &v1::CreateSessionForUserRequest,
) -> Result<SessionToOpen, Failure> {
    let mut faults = Faults::default();
    let key = match &message.user {
        Some(SessionUser::UserId(id)) => faults.user_id("user_id", id).map(UserKey::Id),
        Some(SessionUser::Email(email)) => faults.email("email", Some(email)).map(UserKey::from),
        None => faults.missing("user"),
    };
    let client = client(call, message.client.as_ref());
    let unverified = match (message.proves_email, message.allow_unverified) {
        (true, _) => Unverified::Claim,
        (false, true) => Unverified::Allow,
        (false, false) => Unverified::Refuse,
    };
    faults.finish(key.map(|key| SessionToOpen {
        key,
        unverified,
        client,
    }))
}

/// Reads the user of a password reset.
pub(crate) fn password_reset_user(user: Option<&ResetUser>) -> Result<UserKey, Failure> {
    let mut faults = Faults::default();
    let key = match user {
        Some(ResetUser::UserId(id)) => faults.user_id("user_id", id).map(UserKey::Id),
        Some(ResetUser::Email(email)) => faults.email("email", Some(email)).map(UserKey::from),
        None => faults.missing("user"),
    };
    faults.finish(key)
}

/// Reads the filter and the page of a list of users.
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
    let filter = UserFilter {
        status,
        email_prefix,
    };
    faults.finish(page.map(|page| (filter, page)))
}

/// Reads a page of a list that belongs to a user.
pub(crate) fn user_page(
    method: &str,
    user_id: &str,
    page_size: i32,
    page_token: &str,
) -> Result<UserPage, Failure> {
    let mut faults = Faults::default();
    let id = faults.user_id("user_id", user_id);
    let page = faults.page(method, user_id.as_bytes(), page_size, page_token);
    let parsed = id.zip(page);
    faults.finish(parsed.map(|(user_id, page)| UserPage { user_id, page }))
}

/// Reads a change of a user's fields.
pub(crate) fn user_edit(message: &v1::UpdateUserRequest) -> Result<(UserId, UserEdit), Failure> {
    let mut faults = Faults::default();
    let id = faults.user_id("user_id", &message.user_id);
    let mask = message.update_mask.as_ref();
    let paths = mask.map_or(&[][..], |mask| &mask.paths[..]);
    let is_unknown = |path: &String| !WRITABLE.contains(&path.as_str());
    if paths.len() > PATHS_MAX || paths.iter().any(is_unknown) {
        let (field, reason) = ("update_mask", ErrorReason::FieldMaskInvalid);
        let message = "must name nothing but email and email_verified";
        faults.add(field, reason, message);
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
    let edit = UserEdit {
        email,
        email_verified,
        etag: (!message.etag.is_empty()).then(|| message.etag.clone()),
    };
    faults.finish(id.map(|id| (id, edit)))
}

/// Reads the sessions of a user that are to end.
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
        Some(Sessions::IssuedBefore(sent)) => faults
            .timestamp("issued_before", Some(sent))
            .map(|at| SessionsToEnd::IssuedBefore(round_up_to_micros(at))),
        None => faults.missing("sessions"),
    };
    faults.finish(id.zip(ended))
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
}

/// Timestamps are stored in microseconds.
fn round_up_to_micros(at: Timestamp) -> Timestamp {
    let over = u64::from(at.timestamp_subsec_nanos() % 1_000);
    let missing = if over == 0 { 0 } else { 1_000 - over };
    at + Duration::from_nanos(missing)
}
