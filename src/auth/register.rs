//! stub
use super::*;
use crate::domain::{ClientInfo, Email, NewPassword, RegistrationId, User};

/// A user to register.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: NewPassword,
    /// Kept over the retries of one submission.
    pub request_id: Option<RegistrationId>,
    /// The client.
    pub client: ClientInfo,
}
impl Auth {
    /// doc
    pub async fn register_user(
        &self,
        call: &CallContext,
        registration: Registration,
    ) -> Result<User, AuthError> {
        todo!()
    }
}
