//! What users send about their own account. A malformed token is no fault of the input: it is refused
//! like every token that proves nothing.

use super::{Faults, client};
use crate::{
    auth::{
        CallContext, EmailRestore, EmailVerification, KnowsAccount, OwnerProof, PasswordChange,
        PasswordReset, PasswordRules,
    },
    domain::{ClientInfo, Email, Presented, TokenKind},
    proto::v1::{self, verify_email_request::Proof},
    transport::failure::Failure,
};

/// A token as it was presented.
pub(crate) fn proof<K: TokenKind>(text: &str) -> Presented<K> {
    Presented::parse(text).unwrap_or(Presented::Malformed)
}

/// Reads a session and its user's password.
pub(crate) fn owner(
    call: &CallContext,
    session_token: &str,
    current_password: &str,
) -> Result<OwnerProof, Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("current_password", current_password);
    let client = client(call, None);
    let session = proof(session_token);
    faults.finish(password.map(|password| OwnerProof {
        session,
        password,
        client,
    }))
}

/// Reads a change of the password. Whether the new password is the address is checked later, when the
/// session has identified the user.
pub(crate) fn password_change(
    call: &CallContext,
    message: &v1::ChangePasswordRequest,
    rules: PasswordRules<'_>,
) -> Result<PasswordChange, Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("current_password", &message.current_password);
    let new = faults.new_password("new_password", Some(&message.new_password), rules, None);
    let client = client(call, message.client.as_ref());
    let parsed = password.zip(new);
    faults.finish(parsed.map(|(password, new)| PasswordChange {
        proof: OwnerProof {
            session: proof(&message.session_token),
            password,
            client,
        },
        new,
    }))
}

/// Reads a reset of the password.
pub(crate) fn password_reset(
    call: &CallContext,
    message: &v1::ResetPasswordRequest,
    rules: PasswordRules<'_>,
) -> Result<PasswordReset, Failure> {
    let mut faults = Faults::default();
    let new = faults.new_password("new_password", Some(&message.new_password), rules, None);
    let client = client(call, message.client.as_ref());
    faults.finish(new.map(|new| PasswordReset {
        token: proof(&message.reset_token),
        new,
        client,
    }))
}

/// Reads a restoration of a former address.
pub(crate) fn email_restore(
    call: &CallContext,
    message: &v1::RestoreEmailRequest,
    rules: PasswordRules<'_>,
) -> Result<EmailRestore, Failure> {
    let mut faults = Faults::default();
    let new = faults.new_password("new_password", Some(&message.new_password), rules, None);
    let client = client(call, message.client.as_ref());
    faults.finish(new.map(|new| EmailRestore {
        token: proof(&message.email_restore_token),
        new,
        client,
    }))
}

/// Reads a verification of an address.
pub(crate) fn email_verification(
    call: &CallContext,
    message: &v1::VerifyEmailRequest,
) -> Result<EmailVerification, Failure> {
    let mut faults = Faults::default();
    let account = match &message.proof {
        None => Some(None),
        Some(Proof::SessionToken(token)) => Some(Some(KnowsAccount::Session(proof(token)))),
        Some(Proof::Password(password)) => faults
            .password_attempt("password", password)
            .map(|password| Some(KnowsAccount::Password(password))),
    };
    let client = client(call, message.client.as_ref());
    faults.finish(account.map(|account| EmailVerification {
        token: proof(&message.verification_token),
        proof: account,
        client,
    }))
}

/// Reads another proof of the password.
pub(crate) fn reauthentication(
    call: &CallContext,
    message: &v1::ReauthenticateRequest,
) -> Result<OwnerProof, Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("password", &message.password);
    let client = client(call, message.client.as_ref());
    let session = proof(&message.session_token);
    faults.finish(password.map(|password| OwnerProof {
        session,
        password,
        client,
    }))
}

/// Reads a change of the address.
pub(crate) fn email_change(
    call: &CallContext,
    message: &v1::RequestEmailChangeRequest,
) -> Result<(OwnerProof, Email), Failure> {
    let mut faults = Faults::default();
    let password = faults.password_attempt("current_password", &message.current_password);
    let new = faults.email("new_email", Some(&message.new_email));
    let client = client(call, message.client.as_ref());
    let session = proof(&message.session_token);
    let parsed = password.zip(new);
    faults.finish(parsed.map(|(password, new)| {
        let owner = OwnerProof {
            session,
            password,
            client,
        };
        (owner, new)
    }))
}

/// Reads the address that mail is requested for, and the client of the request.
pub(crate) fn addressee(
    call: &CallContext,
    email: &str,
    client: Option<&v1::ClientInfo>,
) -> Result<(Email, ClientInfo), Failure> {
    let mut faults = Faults::default();
    let email = faults.email("email", Some(email));
    let client = super::client(call, client);
    faults.finish(email.map(|email| (email, client)))
}
