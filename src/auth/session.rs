//! stub
use super::*;
use crate::domain::*;

/// A session that was just created, with the secret that proves it.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Told once.
    pub token: SessionToken,
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
}
impl Auth {
    /// doc
    pub async fn create_session(
        &self,
        call: &CallContext,
        credentials: Credentials,
    ) -> Result<NewSession, AuthError> {
        todo!()
    }
    /// doc
    pub async fn validate_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<SessionVerdict, AuthError> {
        todo!()
    }
    /// doc
    pub async fn revoke_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(), AuthError> {
        todo!()
    }
    /// The user that a session proves; REST `/users/me` (`None`) and `/users/{id}`. SessionInvalid, UserNotFound.
    pub async fn user_of_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
        id: Option<UserId>,
    ) -> Result<User, AuthError> {
        todo!()
    }
    /// Deletes sessions that ended longer than `keep_ended` ago, in batches, and clears registration ids older than a day. Called hourly by the server.
    pub async fn purge(&self) -> Result<u64, AuthError> {
        todo!()
    }
    /// Waits for rehashes that go on (drain).
    pub async fn finish_background(&self) {
        todo!()
    }
}
