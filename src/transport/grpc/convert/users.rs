//! What `UserService` answers.

use super::timestamp;
use crate::{
    auth::{NewSession, NewToken},
    domain::User,
    proto::v1::{
        CreatePasswordResetResponse, CreateSessionForUserResponse, DisableUserResponse,
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

impl From<NewToken> for CreatePasswordResetResponse {
    fn from(new: NewToken) -> Self {
        Self {
            reset_token: new.text.to_string(),
            expires_at: Some(timestamp(new.expires_at)),
        }
    }
}
