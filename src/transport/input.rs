//! Raw text → the commands of `auth`. Faulty input is `Failure::InvalidInput` with every fault of every
//! field. Both protocols use these functions, so both enforce the same limits.

mod account;
mod events;
mod users;

use std::{
    fmt::Display,
    sync::atomic::{AtomicU64, Ordering},
};

pub(crate) use account::{
    addressee, email_change, email_restore, email_verification, owner, password_change,
    password_reset, proof, reauthentication,
};
pub(crate) use events::{event_list, wire_kind};

pub(crate) use users::{
    UserPage, password_reset_user, session_user, sessions_to_end, user_edit, user_id, user_key,
    user_page, users_page,
};

use super::{
    failure::{Failure, Violation},
    page::Page,
};
use crate::{
    auth::{CallContext, Credentials, PasswordRules, Registration},
    domain::{
        ClientInfo, Email, NewPassword, PasswordAttempt, PasswordFault, PresentedToken,
        RegistrationId, SessionId, UserId, parse_client_ip,
    },
    proto::v1::{self, ErrorReason},
};

/// A field's text; `None`: the value is no text, such as a number. A field that was not sent is empty.
pub(crate) type Text<'a> = Option<&'a str>;

/// The fields of a registration.
pub(crate) struct RawRegistration<'a> {
    pub(crate) email: Text<'a>,
    pub(crate) password: Text<'a>,
    /// The UUID of the submission, with the name under which this protocol sends it.
    pub(crate) request_id: (&'static str, Text<'a>),
    /// The end user's client.
    pub(crate) client: Option<&'a v1::ClientInfo>,
    /// Names of unknown fields, in a protocol that refuses them.
    pub(crate) unknown: Vec<&'a str>,
}

pub(crate) fn registration(
    call: &CallContext,
    raw: &RawRegistration<'_>,
    rules: PasswordRules<'_>,
) -> Result<Registration, Failure> {
    let mut faults = Faults::default();
    let email = faults.email("email", raw.email);
    let password = faults.new_password("password", raw.password, rules, email.as_ref());
    let request_id = faults.request_id(raw.request_id);
    let client = client(call, raw.client);
    for name in &raw.unknown {
        faults.add(name, ErrorReason::UnknownField, "is not known here");
    }
    let parsed = email.zip(password);
    faults.finish(parsed.map(|(email, password)| Registration {
        email,
        password,
        request_id,
        client,
    }))
}

/// Reads what a login presents.
pub(crate) fn credentials(
    call: &CallContext,
    email: &str,
    password: &str,
    client: Option<&v1::ClientInfo>,
) -> Result<Credentials, Failure> {
    let mut faults = Faults::default();
    let email = faults.email("email", Some(email));
    let password = faults.password_attempt("password", password);
    let client = self::client(call, client);
    let parsed = email.zip(password);
    faults.finish(parsed.map(|(email, password)| Credentials {
        email,
        password,
        client,
    }))
}

/// Reads a session token for its verdict. Invalid is only a text that is empty or longer than any
/// token of an end user; any other malformed token gets a verdict.
pub(crate) fn session_token(text: &str) -> Result<PresentedToken, Failure> {
    PresentedToken::parse(text)
        .map_err(|fault| Failure::invalid_field("session_token", ErrorReason::InvalidField, fault))
}

/// The most tokens of one call.
const TOKENS_MAX: usize = 500;

/// Reads session tokens for their verdicts; a text that is no token gets that of a malformed token.
pub(crate) fn session_tokens(texts: &[String]) -> Result<Vec<PresentedToken>, Failure> {
    if texts.len() > TOKENS_MAX {
        let message = format!("must be at most {TOKENS_MAX}");
        let reason = ErrorReason::InvalidField;
        return Err(Failure::invalid_field("session_tokens", reason, message));
    }
    Ok(texts.iter().map(|text| proof(text)).collect())
}

/// Reads the id of a session.
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
    /// The parsed value if there are no faults. A value that is `None` has a fault.
    fn finish<T>(self, parsed: Option<T>) -> Result<T, Failure> {
        match parsed {
            Some(parsed) if self.0.is_empty() => Ok(parsed),
            Some(_) | None => Err(Failure::invalid_input(self.0)),
        }
    }

    fn add(&mut self, field: &str, reason: ErrorReason, message: impl Display) {
        self.0.push(Violation::new(field, reason, message));
    }

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
        rules: PasswordRules<'_>,
        email: Option<&Email>,
    ) -> Option<NewPassword> {
        match NewPassword::parse(self.text(field, text)?, rules.policy, email) {
            Ok(password) if rules.is_breached(&password) => {
                let message = "is known from a breach of another service: choose another";
                self.add(field, ErrorReason::PasswordBreached, message);
                None
            }
            Ok(password) => Some(password),
            Err(faults) => {
                self.password(field, &faults);
                None
            }
        }
    }

    fn password(&mut self, field: &str, faults: &[PasswordFault]) {
        for fault in faults {
            let reason = match fault {
                PasswordFault::TooShort { .. } => ErrorReason::PasswordTooShort,
                PasswordFault::TooLong => ErrorReason::PasswordTooLong,
                PasswordFault::ControlCharacter => ErrorReason::InvalidField,
                PasswordFault::Common | PasswordFault::Weak => ErrorReason::PasswordCommon,
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

    fn page(&mut self, method: &str, filter: &[u8], size: i32, token: &str) -> Option<Page> {
        Page::parse(method, filter, size, token)
            .map_err(|faults| self.0.extend(faults))
            .ok()
    }
}

/// Reads the end user's client, which only informs: an address in any spelling is kept in its canonical
/// one, and text that names no address is dropped and counted.
fn client(call: &CallContext, client: Option<&v1::ClientInfo>) -> ClientInfo {
    let Some(client) = client else {
        return call.client(None, "");
    };
    let ip = parse_client_ip(&client.ip);
    if ip.is_none() && !client.ip.is_empty() {
        IPS_DROPPED.fetch_add(1, Ordering::Relaxed);
    }
    call.client(ip, &client.user_agent)
}

/// The texts that were sent as addresses of clients and name none.
static IPS_DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many texts that were sent as addresses of clients name none, since the start.
pub(crate) fn client_ips_dropped() -> u64 {
    IPS_DROPPED.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests;
