//! What `UserService` answers.

use super::{client, timestamp};
use crate::{
    auth::{NewPasswordReset, NewSession},
    domain::{EventKind, KeptEvent, User},
    proto::v1::{
        self, CreatePasswordResetResponse, CreateSessionForUserResponse, DisableUserResponse,
        EnableUserResponse, FindUserResponse, UpdateUserResponse,
    },
};

macro_rules! answers_with_the_user {
    ($($message:ident),*) => {$(
        impl From<User> for $message {
            fn from(user: User) -> Self {
                Self {
                    user: Some(user.into()),
                }
            }
        }
    )*};
}

answers_with_the_user!(
    FindUserResponse,
    UpdateUserResponse,
    DisableUserResponse,
    EnableUserResponse
);

impl From<NewSession> for CreateSessionForUserResponse {
    fn from(new: NewSession) -> Self {
        Self {
            session_token: new.token.expose().to_string(),
            session: Some(new.session.into()),
            user: Some(new.user.into()),
        }
    }
}

impl From<NewPasswordReset> for CreatePasswordResetResponse {
    fn from(new: NewPasswordReset) -> Self {
        Self {
            reset_token: new.token.to_string(),
            expires_at: Some(timestamp(new.expires_at)),
        }
    }
}

impl From<KeptEvent> for v1::Event {
    fn from(event: KeptEvent) -> Self {
        let caller = event.origin.caller;
        Self {
            id: event.id.to_string(),
            kind: event
                .kind
                .map(v1::EventKind::from)
                .unwrap_or_default()
                .into(),
            occurred_at: Some(timestamp(event.at)),
            user_id: event.user_id.map(|id| id.to_string()).unwrap_or_default(),
            session_id: event
                .session_id
                .map(|id| id.to_string())
                .unwrap_or_default(),
            caller: caller.map(|name| name.to_string()).unwrap_or_default(),
            client: client(event.origin.client),
            count: i64::try_from(event.count).unwrap_or(i64::MAX),
        }
    }
}

impl From<EventKind> for v1::EventKind {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::UserRegistered => Self::UserRegistered,
            EventKind::LoginSucceeded => Self::LoginSucceeded,
            EventKind::LoginFailed => Self::LoginFailed,
            EventKind::SessionCreated => Self::SessionCreated,
            EventKind::SessionRevoked => Self::SessionRevoked,
            EventKind::SessionsRevoked => Self::SessionsRevoked,
            EventKind::SessionSecretReused => Self::SessionSecretReused,
            EventKind::PasswordChanged => Self::PasswordChanged,
            EventKind::PasswordReset => Self::PasswordReset,
            EventKind::EmailVerified => Self::EmailVerified,
            EventKind::EmailChanged => Self::EmailChanged,
            EventKind::UserDisabled => Self::UserDisabled,
            EventKind::UserEnabled => Self::UserEnabled,
            EventKind::UserDeleted => Self::UserDeleted,
            EventKind::UserImported => Self::UserImported,
            EventKind::CallerAdded => Self::CallerAdded,
            EventKind::CallerRemoved => Self::CallerRemoved,
            EventKind::PasswordResetRequested => Self::PasswordResetRequested,
            EventKind::EmailVerificationRequested => Self::EmailVerificationRequested,
            EventKind::EmailChangeRequested => Self::EmailChangeRequested,
        }
    }
}
