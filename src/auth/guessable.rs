//! What only the user's row shows of a new password: that it is, or is made of, the user's address.

use super::AuthError;
use crate::domain::{Email, NewPassword, PasswordPolicy, User};

/// Refuses the user's address as their password. The policy checks this where the address is part
/// of the request; here only the user's row has it.
pub(super) fn refuse_guessable(
    password: &NewPassword,
    policy: PasswordPolicy,
    user: &User,
) -> Result<(), AuthError> {
    refuse_address(password, policy, &parse_stored_address(user)?)
}

/// Refuses an address, and what is easily made of it, as the password of the user who has it.
pub(super) fn refuse_address(
    password: &NewPassword,
    policy: PasswordPolicy,
    address: &Email,
) -> Result<(), AuthError> {
    if password.is_guessable_by(policy, address) {
        return Err(AuthError::NewPasswordGuessable);
    }
    Ok(())
}

/// Every address was parsed before it was stored.
pub(super) fn parse_stored_address(user: &User) -> Result<Email, AuthError> {
    Email::parse(&user.email.0).map_err(|fault| AuthError::Internal(fault.into()))
}
