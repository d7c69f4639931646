//! The concepts of Vestibule: values that are valid by construction, and the rules over them.
//!
//! Nothing here does I/O: time, random bytes and stored rows are arguments. `clock` alone reads the
//! system's clock.

mod budget;
mod caller;
mod certificate;
mod client;
mod clock;
mod email;
mod event;
mod id;
mod import;
mod mail;
mod opaque_debug;
mod password;
mod rotation;
mod server_key;
mod session;
mod source;
mod throttle;
mod token;
mod user;

pub use budget::Budget;
pub use caller::{CLIENT_ADDRESS, Caller, CallerKey, CallerName, CallerRecord, CallerToken};
pub use certificate::{CertificateIdentity, TrustDomain, TrustDomainFault};
pub use client::{ClientInfo, parse_client_ip};
pub use clock::{Clock, Timestamp};
pub use email::{Email, EmailFault, EmailKey, EmailPrefix, EmailPrefixFault};
pub use event::{Event, EventFilter, EventKind, EventOrigin, StoredEvent};
pub use id::{CallerKeyId, EventId, OneTimeTokenId, RegistrationId, SessionId, UserId, uuid_v7};
pub use import::ImportedUser;
pub use mail::{MailPurpose, TokenPurpose};
pub(crate) use opaque_debug::opaque_debug;
pub use password::{NewPassword, PasswordAttempt, PasswordFault, PasswordPolicy};
pub use rotation::{ROTATION_GRACE, Standing, SupersededSecret};
pub use server_key::ServerKey;
pub use session::{AuthenticationMethod, Session, SessionLimits, SessionVerdict};
pub use source::Source;
pub use throttle::{Failures, KNOWN_FOR, Refusal, ThrottlePolicy, Throttled};
pub use token::{
    CallerKind, EmailChangeKind, EmailRestoreKind, EmailVerificationKind, PasswordResetKind,
    Presented, PresentedToken, SecretHash, SessionKind, SessionToken, Token, TokenFault, TokenKind,
};
pub use user::{
    HashedPassword, PasswordScheme, StoredEmail, StoredPassword, User, UserEdit, UserFilter,
    UserKey, UserStatus,
};
