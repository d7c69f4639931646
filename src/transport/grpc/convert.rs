//! Domain values ↔ the messages of `vestibule.v1`. An answer fails closed: nothing that identifies a
//! user is set unless the verdict is ACTIVE or the login valid.

use crate::{
    auth::{LoginVerdict, NewSession, NewToken, RotatedSession},
    domain::{
        AuthenticationMethod, ClientInfo, Session, SessionVerdict, StoredEvent, Timestamp, User,
        UserStatus,
    },
    proto::v1::{
        self, BatchValidateSessionsResponse, CreatePasswordResetResponse,
        CreateSessionForUserResponse, CreateSessionResponse, DisableUserResponse,
        EnableUserResponse, FindUserResponse, GetAccountResponse, RegisterUserRequest,
        RegisterUserResponse, RotateSessionResponse, SessionStatus, UpdateUserResponse,
        ValidLoginResponse, ValidateSessionResponse,
    },
    transport::input::{RawRegistration, wire_kind},
};

impl<'a> From<&'a RegisterUserRequest> for RawRegistration<'a> {
    fn from(message: &'a RegisterUserRequest) -> Self {
        Self {
            email: Some(&message.email),
            password: Some(&message.password),
            request_id: ("request_id", Some(&message.request_id)),
            client: message.client.as_ref(),
            unknown: Vec::new(),
        }
    }
}

macro_rules! answer_with_a_user {
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

answer_with_a_user!(
    RegisterUserResponse,
    GetAccountResponse,
    FindUserResponse,
    UpdateUserResponse,
    DisableUserResponse,
    EnableUserResponse
);

macro_rules! answer_with_a_session {
    ($($message:ident),*) => {$(
        impl From<NewSession> for $message {
            fn from(new: NewSession) -> Self {
                Self {
                    session_token: new.token.expose().to_string(),
                    session: Some(new.session.into()),
                    user: Some(new.user.into()),
                }
            }
        }
    )*};
}

answer_with_a_session!(CreateSessionResponse, CreateSessionForUserResponse);

impl From<LoginVerdict> for ValidLoginResponse {
    fn from(verdict: LoginVerdict) -> Self {
        match verdict {
            LoginVerdict::Valid(id) => Self {
                valid: true,
                user_id: id.to_string(),
            },
            LoginVerdict::Invalid => Self::default(),
        }
    }
}

impl From<NewToken> for CreatePasswordResetResponse {
    fn from(new: NewToken) -> Self {
        Self {
            reset_token: new.text.to_string(),
            expires_at: Some(timestamp(new.expires_at)),
        }
    }
}

impl From<SessionVerdict> for ValidateSessionResponse {
    fn from(verdict: SessionVerdict) -> Self {
        let (status, found) = match verdict {
            SessionVerdict::Active(found) => (SessionStatus::Active, Some(*found)),
            SessionVerdict::Expired => (SessionStatus::Expired, None),
            SessionVerdict::Revoked => (SessionStatus::Revoked, None),
            SessionVerdict::NotFound => (SessionStatus::NotFound, None),
            SessionVerdict::UserDisabled => (SessionStatus::UserDisabled, None),
        };
        let (session, user) = found.unzip();
        Self {
            status: status.into(),
            session: session.map(Into::into),
            user: user.map(Into::into),
        }
    }
}

impl From<Vec<SessionVerdict>> for BatchValidateSessionsResponse {
    fn from(verdicts: Vec<SessionVerdict>) -> Self {
        Self {
            verdicts: verdicts.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<RotatedSession> for RotateSessionResponse {
    fn from(rotated: RotatedSession) -> Self {
        Self {
            session_token: rotated.token.expose().to_string(),
            session: Some(rotated.session.into()),
        }
    }
}

impl From<User> for v1::User {
    fn from(user: User) -> Self {
        let status = match user.status {
            UserStatus::Active => v1::UserStatus::Active,
            UserStatus::Disabled => v1::UserStatus::Disabled,
        };
        Self {
            id: user.id.to_string(),
            email: user.email.0,
            status: status.into(),
            created_at: Some(timestamp(user.created_at)),
            updated_at: Some(timestamp(user.updated_at)),
            email_verified_at: user.email_verified_at.map(timestamp),
            etag: user.version.to_string(),
        }
    }
}

impl From<Session> for v1::Session {
    fn from(session: Session) -> Self {
        let method = match session.method {
            AuthenticationMethod::Password => v1::AuthenticationMethod::Password,
            AuthenticationMethod::Caller => v1::AuthenticationMethod::Caller,
        };
        Self {
            id: session.id.to_string(),
            user_id: session.user_id.to_string(),
            created_at: Some(timestamp(session.created_at)),
            expires_at: Some(timestamp(session.expires_at)),
            authenticated_at: Some(timestamp(session.authenticated_at)),
            methods: vec![method.into()],
            last_seen_at: Some(timestamp(session.last_seen_at)),
            idle_expires_at: Some(timestamp(session.idle_expires_at)),
            client: client(session.client),
        }
    }
}

impl From<StoredEvent> for v1::Event {
    fn from(event: StoredEvent) -> Self {
        let kind = event.kind.map_or(v1::EventKind::Unspecified, wire_kind);
        let text = |id: Option<String>| id.unwrap_or_default();
        let client = event.origin.client;
        Self {
            id: event.id.to_string(),
            kind: kind.into(),
            occurred_at: Some(timestamp(event.at)),
            user_id: text(event.user_id.map(|id| id.to_string())),
            session_id: text(event.session_id.map(|id| id.to_string())),
            caller: text(event.origin.caller.map(|name| name.to_string())),
            client: Some(v1::ClientInfo {
                ip: text(client.ip.map(|ip| ip.to_string())),
                user_agent: text(client.user_agent),
            }),
            count: i64::try_from(event.count).unwrap_or(i64::MAX),
        }
    }
}

/// `None`: nothing is known of the client.
fn client(client: ClientInfo) -> Option<v1::ClientInfo> {
    (client != ClientInfo::default()).then(|| v1::ClientInfo {
        ip: client.ip.map(|ip| ip.to_string()).unwrap_or_default(),
        user_agent: client.user_agent.unwrap_or_default(),
    })
}

fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.timestamp(),
        // Below 2·10⁹ even in a leap second.
        nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests;
