//! What users send about their own account. A malformed token is no fault of the input: it is refused
//! like every token that proves nothing.

use super::Faults;
use crate::{
    auth::{OwnerProof, PasswordChange, PasswordReset},
    domain::{ClientInfo, Email, PasswordPolicy, Presented, TokenKind},
    proto::v1,
    transport::failure::Failure,
};

/// A token as it was presented.
pub(crate) fn proof<K: TokenKind>(text: &str) -> Presented<K> {
    Presented::parse(text).unwrap_or(Presented::Malformed)
}

/// Reads a session and its user's password.
pub(crate) fn owner(session_token: &str, current_password: &str) -> Result<OwnerProof, Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("current_password", current_password);
    faults.finish(password.map(|password| OwnerProof {
        session: proof(session_token),
        password,
    }))
}

/// Reads a change of the password. Whether the new password is the address is checked later, when the
/// session has identified the user.
pub(crate) fn password_change(
    message: &v1::ChangePasswordRequest,
    policy: PasswordPolicy,
) -> Result<PasswordChange, Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("current_password", &message.current_password);
    let new = faults.new_password("new_password", Some(&message.new_password), policy, None);
    let client = faults.client(message.client.as_ref());
    let parsed = password.zip(new);
    faults.finish(parsed.map(|(password, new)| PasswordChange {
        proof: OwnerProof {
            session: proof(&message.session_token),
            password,
        },
        new,
        client,
    }))
}

/// Reads a reset of the password.
pub(crate) fn password_reset(
    message: &v1::ResetPasswordRequest,
    policy: PasswordPolicy,
) -> Result<PasswordReset, Failure> {
    let mut faults = Faults::default();
    let new = faults.new_password("new_password", Some(&message.new_password), policy, None);
    let client = faults.client(message.client.as_ref());
    faults.finish(new.map(|new| PasswordReset {
        token: proof(&message.reset_token),
        new,
        client,
    }))
}

/// Reads a change of the address.
pub(crate) fn email_change(
    message: &v1::RequestEmailChangeRequest,
) -> Result<(OwnerProof, Email), Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("current_password", &message.current_password);
    let new = faults.email("new_email", Some(&message.new_email));
    let owner = password.map(|password| OwnerProof {
        session: proof(&message.session_token),
        password,
    });
    faults.finish(owner.zip(new))
}

/// Reads the address that mail is requested for, and the client of the request.
pub(crate) fn addressee(
    email: &str,
    client: Option<&v1::ClientInfo>,
) -> Result<(Email, ClientInfo), Failure> {
    let mut faults = Faults::default();
    let email = faults.email("email", Some(email));
    let client = faults.client(client);
    faults.finish(email.map(|email| (email, client)))
}
