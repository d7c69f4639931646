//! What users send about their own account. A proof is read but never at fault: whatever is no token
//! is refused like every token that proves nothing.

use super::Faults;
use crate::{
    auth::{OwnerProof, PasswordChange, PasswordReset},
    domain::{ClientInfo, Email, PasswordPolicy, Presented, TokenKind},
    proto::v1,
    transport::failure::Failure,
};

/// What somebody presents as a proof.
pub(crate) fn proof<K: TokenKind>(text: &str) -> Presented<K> {
    Presented::parse(text).unwrap_or(Presented::Malformed)
}

/// Reads a session and its user's password.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn owner(session_token: &str, current_password: &str) -> Result<OwnerProof, Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("current_password", current_password);
    let password = password.ok_or_else(|| Failure::invalid_input(faults.0))?;
    Ok(OwnerProof {
        session: proof(session_token),
        password,
    })
}

/// Reads a change of the password. That the new one is not the address can be seen only once the
/// session has told whose it is.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn password_change(
    message: &v1::ChangePasswordRequest,
    policy: PasswordPolicy,
) -> Result<PasswordChange, Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("current_password", &message.current_password);
    let new = faults.new_password("new_password", Some(&message.new_password), policy, None);
    let client = faults.client(message.client.as_ref());
    match (password, new) {
        (Some(password), Some(new)) if faults.0.is_empty() => Ok(PasswordChange {
            proof: OwnerProof {
                session: proof(&message.session_token),
                password,
            },
            new,
            client,
        }),
        (Some(_) | None, Some(_) | None) => Err(Failure::invalid_input(faults.0)),
    }
}

/// Reads a reset of the password.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn password_reset(
    message: &v1::ResetPasswordRequest,
    policy: PasswordPolicy,
) -> Result<PasswordReset, Failure> {
    let mut faults = Faults::default();
    let new = faults.new_password("new_password", Some(&message.new_password), policy, None);
    let client = faults.client(message.client.as_ref());
    match new {
        Some(new) if faults.0.is_empty() => Ok(PasswordReset {
            token: proof(&message.reset_token),
            new,
            client,
        }),
        Some(_) | None => Err(Failure::invalid_input(faults.0)),
    }
}

/// Reads a change of the address.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn email_change(
    message: &v1::RequestEmailChangeRequest,
) -> Result<(OwnerProof, Email), Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("current_password", &message.current_password);
    let new = faults.email("new_email", Some(&message.new_email));
    match (password, new) {
        (Some(password), Some(new)) => Ok((
            OwnerProof {
                session: proof(&message.session_token),
                password,
            },
            new,
        )),
        (Some(_) | None, Some(_) | None) => Err(Failure::invalid_input(faults.0)),
    }
}

/// Reads whom mail is asked for, and by which client.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn addressee(
    email: &str,
    client: Option<&v1::ClientInfo>,
) -> Result<(Email, ClientInfo), Failure> {
    let mut faults = Faults::default();
    let email = faults.email("email", Some(email));
    let client = faults.client(client);
    match email {
        Some(email) if faults.0.is_empty() => Ok((email, client)),
        Some(_) | None => Err(Failure::invalid_input(faults.0)),
    }
}
