//! Raw text → the commands of `auth`, with every fault of every field at once. Both protocols come
//! through here, so that no limit can be passed by switching protocol.

mod account;
mod events;
mod users;

use std::fmt::Display;

pub(crate) use account::{addressee, email_change, owner, password_change, password_reset, proof};
pub(crate) use events::{event_list, wire_kind};

pub(crate) use users::{
    UserPage, password_reset_user, session_user, sessions_to_end, user_edit, user_id, user_key,
    user_page, users_page,
};

use super::failure::{Failure, Violation};
use crate::{
    auth::{Credentials, Registration},
    domain::{
        ClientInfo, Email, NewPassword, PasswordAttempt, PasswordFault, PasswordPolicy,
        PresentedToken, RegistrationId, SessionId, UserId,
    },
    proto::v1::{self, ErrorReason},
};

/// A field's text; `None`: the caller sent something else than text. A field that was not sent is
/// the empty text.
pub(crate) type Text<'a> = Option<&'a str>;

/// What a caller sent to register a user.
pub(crate) struct RawRegistration<'a> {
    /// The address.
    pub(crate) email: Text<'a>,
    /// The password.
    pub(crate) password: Text<'a>,
    /// The UUID of the submission, with the name under which this protocol sends it.
    pub(crate) request_id: (&'static str, Text<'a>),
    /// The end user's client.
    pub(crate) client: Option<&'a v1::ClientInfo>,
    /// Names of fields that the protocol does not ignore and that nobody knows.
    pub(crate) unknown: Vec<&'a str>,
}

/// Reads a registration.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn registration(
    raw: &RawRegistration<'_>,
    policy: PasswordPolicy,
) -> Result<Registration, Failure> {
    let mut faults = Faults::default();
    let email = faults.email("email", raw.email);
    let password = faults.new_password("password", raw.password, policy, email.as_ref());
    let request_id = faults.request_id(raw.request_id);
    let client = faults.client(raw.client);
    for name in &raw.unknown {
        faults.add(name, ErrorReason::UnknownField, "is not known here");
    }
    if faults.0.is_empty()
        && let (Some(email), Some(password)) = (email, password)
    {
        return Ok(Registration {
            email,
            password,
            request_id,
            client,
        });
    }
    Err(Failure::invalid_input(faults.0))
}

/// Reads what somebody presents to log in.
///
/// # Errors
/// `InvalidInput` with every fault.
pub(crate) fn credentials(
    email: &str,
    password: &str,
    client: Option<&v1::ClientInfo>,
) -> Result<Credentials, Failure> {
    let mut faults = Faults::default();
    let email = faults.email("email", Some(email));
    let password = faults.password_attempt("password", password);
    let client = faults.client(client);
    if faults.0.is_empty()
        && let (Some(email), Some(password)) = (email, password)
    {
        return Ok(Credentials {
            email,
            password,
            client,
        });
    }
    Err(Failure::invalid_input(faults.0))
}

/// Reads a session token that shall get a verdict.
///
/// # Errors
/// `InvalidInput`: the text is empty or longer than any token that an end user could have.
pub(crate) fn session_token(text: &str) -> Result<PresentedToken, Failure> {
    PresentedToken::parse(text)
        .map_err(|fault| Failure::invalid_field("session_token", ErrorReason::InvalidField, fault))
}

/// The most tokens of one call.
const TOKENS_MAX: usize = 500;

/// Reads session tokens that shall get a verdict each; what is no token gets the one of a malformed
/// one.
///
/// # Errors
/// `InvalidInput`: there are more than 500.
pub(crate) fn session_tokens(texts: &[String]) -> Result<Vec<PresentedToken>, Failure> {
    if texts.len() > TOKENS_MAX {
        let message = format!("must be at most {TOKENS_MAX}");
        let reason = ErrorReason::InvalidField;
        return Err(Failure::invalid_field("session_tokens", reason, message));
    }
    Ok(texts.iter().map(|text| proof(text)).collect())
}

/// Reads the id of a session.
///
/// # Errors
/// `InvalidInput`: it is no UUID in its one spelling.
pub(crate) fn session_id(text: &str) -> Result<SessionId, Failure> {
    SessionId::parse(text).ok_or_else(|| {
        let message = "must be one UUID in lower case";
        Failure::invalid_field("session_id", ErrorReason::InvalidField, message)
    })
}

/// The faults found so far, in the order of the fields.
#[derive(Default)]
struct Faults(Vec<Violation>);

impl Faults {
    fn add(&mut self, field: &str, reason: ErrorReason, message: impl Display) {
        self.0.push(Violation::new(field, reason, message));
    }

    /// Notes what is no text at all.
    fn text<'a>(&mut self, field: &str, text: Text<'a>) -> Text<'a> {
        if text.is_none() {
            self.add(field, ErrorReason::InvalidField, "must be text");
        }
        text
    }

    fn email(&mut self, field: &str, text: Text<'_>) -> Option<Email> {
        Email::parse(self.text(field, text)?)
            .map_err(|fault| self.add(field, ErrorReason::InvalidEmail, fault))
            .ok()
    }

    fn password_attempt(&mut self, field: &str, text: &str) -> Option<PasswordAttempt> {
        PasswordAttempt::parse(text)
            .map_err(|faults| self.password(field, &faults))
            .ok()
    }

    fn new_password(
        &mut self,
        field: &str,
        text: Text<'_>,
        policy: PasswordPolicy,
        email: Option<&Email>,
    ) -> Option<NewPassword> {
        NewPassword::parse(self.text(field, text)?, policy, email)
            .map_err(|faults| self.password(field, &faults))
            .ok()
    }

    fn password(&mut self, field: &str, faults: &[PasswordFault]) {
        for fault in faults {
            let reason = match fault {
                PasswordFault::TooShort { .. } => ErrorReason::PasswordTooShort,
                PasswordFault::TooLong => ErrorReason::PasswordTooLong,
                PasswordFault::ControlCharacter => ErrorReason::InvalidField,
                PasswordFault::Common => ErrorReason::PasswordCommon,
            };
            self.add(field, reason, fault);
        }
    }

    fn user_id(&mut self, field: &str, text: &str) -> Option<UserId> {
        self.id(field, UserId::parse(text))
    }

    fn session_id(&mut self, field: &str, text: &str) -> Option<SessionId> {
        self.id(field, SessionId::parse(text))
    }

    fn id<I>(&mut self, field: &str, id: Option<I>) -> Option<I> {
        if id.is_none() {
            let message = "must be a UUID of 36 lower-case characters";
            self.add(field, ErrorReason::InvalidField, message);
        }
        id
    }

    /// Empty: none was sent.
    fn request_id(&mut self, (field, text): (&str, Text<'_>)) -> Option<RegistrationId> {
        let id = text.and_then(RegistrationId::parse);
        if id.is_none() && text != Some("") {
            self.add(field, ErrorReason::InvalidField, "must be one UUID");
        }
        id
    }

    fn client(&mut self, told: Option<&v1::ClientInfo>) -> ClientInfo {
        let Some(told) = told else {
            return ClientInfo::default();
        };
        ClientInfo::parse(&told.ip, &told.user_agent).unwrap_or_else(|fault| {
            self.add("client.ip", ErrorReason::InvalidField, fault);
            ClientInfo::default()
        })
    }
}

#[cfg(test)]
mod tests;
