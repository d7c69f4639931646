//! stub
use super::*;
use crate::domain::{ClientInfo, Email, PasswordAttempt, UserId};

/// What somebody presents to log in.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: PasswordAttempt,
    /// The client.
    pub client: ClientInfo,
}

/// Whether the credentials are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LoginVerdict {
    /// They are this user's.
    Valid(UserId),
    /// Unknown user, wrong password or disabled user.
    Invalid,
}
impl Auth {
    /// doc
    pub async fn valid_login(
        &self,
        call: &CallContext,
        credentials: Credentials,
    ) -> Result<LoginVerdict, AuthError> {
        todo!()
    }
}
