//! What is kept of what happened: who, when, by whom, from where, and how it ended. No secret and no
//! address is among it; a user is named by id alone.

use super::{CallerName, ClientInfo, EventId, SessionId, Timestamp, UserId};

/// Who asked for something, and for whom: what events keep of a call.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The service that called, where it proved its name.
    pub caller: Option<CallerName>,
    /// The end user's client, as the caller told it.
    pub client: ClientInfo,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// Made from the instant, so that events sort by it.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// To whom; `None` when nobody matched.
    pub user_id: Option<UserId>,
    /// The session that it was about, if it was about one.
    pub session_id: Option<SessionId>,
    /// Who asked.
    pub origin: Origin,
}

impl Event {
    /// The same event, with the end user's client that caused it.
    #[must_use]
    pub fn with_client(mut self, client: ClientInfo) -> Self {
        self.origin.client = client;
        self
    }
}

/// An event as it is kept: of one thing that happened, or the first of several that were alike.
#[derive(Debug, Clone)]
pub struct KeptEvent {
    /// Its id.
    pub id: EventId,
    /// What happened; `None`: a later release knows it.
    pub kind: Option<EventKind>,
    /// When, of several the first.
    pub at: Timestamp,
    /// To whom, if to somebody who is known.
    pub user_id: Option<UserId>,
    /// The session that it was about, if it was about one.
    pub session_id: Option<SessionId>,
    /// Who asked, of several the first.
    pub origin: Origin,
    /// How often it happened.
    pub count: u64,
}

/// Which events are asked for: those that every part of it fits.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// About this user.
    pub user_id: Option<UserId>,
    /// Of one of these kinds; none: of any.
    pub kinds: Vec<EventKind>,
    /// At this instant or after it.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A user registered.
    UserRegistered,
    /// A password was found right.
    LoginSucceeded,
    /// A password was wrong, or nobody who may log in has the address.
    LoginFailed,
    /// A session was opened.
    SessionCreated,
    /// A session was ended.
    SessionRevoked,
    /// All sessions of a user were ended, or all but one.
    SessionsRevoked,
    /// A secret that had been replaced was presented; its session was ended.
    SessionSecretReused,
    /// A password was changed by somebody who knew it.
    PasswordChanged,
    /// A password was set with a one-time token.
    PasswordReset,
    /// A mailbox was proven.
    EmailVerified,
    /// An address was changed.
    EmailChanged,
    /// A user was disabled.
    UserDisabled,
    /// A user was enabled.
    UserEnabled,
    /// A user was erased.
    UserDeleted,
    /// A user was imported.
    UserImported,
    /// A caller was added.
    CallerAdded,
    /// A caller was removed.
    CallerRemoved,
    /// A user asked for a new password; told by whoever delivers the mail, or would.
    PasswordResetRequested,
    /// A user asked for the proof of their address.
    EmailVerificationRequested,
    /// A user asked for another address.
    EmailChangeRequested,
    /// A caller made a token that sets a new password. No mailer acts on it: the caller has the token.
    PasswordResetCreated,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::UserRegistered,
        Self::LoginSucceeded,
        Self::LoginFailed,
        Self::SessionCreated,
        Self::SessionRevoked,
        Self::SessionsRevoked,
        Self::SessionSecretReused,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::EmailVerified,
        Self::EmailChanged,
        Self::UserDisabled,
        Self::UserEnabled,
        Self::UserDeleted,
        Self::UserImported,
        Self::CallerAdded,
        Self::CallerRemoved,
        Self::PasswordResetRequested,
        Self::EmailVerificationRequested,
        Self::EmailChangeRequested,
        Self::PasswordResetCreated,
    ];
}
