//! Events: the stored record of logins and changes. An event names a user by id alone, and has no
//! secret and no e-mail address.

use super::{CallerName, ClientInfo, EventId, SessionId, Timestamp, UserId};

/// Where an event comes from.
#[derive(Debug, Clone, Default)]
pub struct EventOrigin {
    /// The named caller whose call caused it.
    pub caller: Option<CallerName>,
    /// The end user's client, as claimed by the caller.
    pub client: ClientInfo,
}

/// An event to store.
#[derive(Debug, Clone)]
pub struct Event {
    /// Made of `at`, so that events sort by it.
    pub id: EventId,
    pub kind: EventKind,
    pub at: Timestamp,
    /// The user to whom it happened. `None` for a login with an unknown address and for events of
    /// callers.
    pub user_id: Option<UserId>,
    /// The session to which it happened.
    pub session_id: Option<SessionId>,
    /// Where it comes from.
    pub origin: EventOrigin,
}

impl Event {
    /// The event with the end user's client that caused it.
    #[must_use]
    pub fn with_client(mut self, client: ClientInfo) -> Self {
        self.origin.client = client;
        self
    }
}

/// An event as stored. Outcomes of logins that were alike within a minute are one event with a
/// count.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// The id, by which events are listed.
    pub id: EventId,
    /// What happened. `None` for a kind that a later release wrote.
    pub kind: Option<EventKind>,
    /// When it happened, or happened first.
    pub at: Timestamp,
    /// The user to whom it happened.
    pub user_id: Option<UserId>,
    /// The session to which it happened.
    pub session_id: Option<SessionId>,
    /// Where it, or the first of several, comes from.
    pub origin: EventOrigin,
    /// How often it happened.
    pub count: u64,
}

/// Selects events. Every condition that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Events of this user.
    pub user_id: Option<UserId>,
    /// Events of one of these kinds; of every kind where it is empty.
    pub kinds: Vec<EventKind>,
    /// Events at this time or later.
    pub since: Option<Timestamp>,
    /// Events before this time.
    pub until: Option<Timestamp>,
}

/// What an event records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    UserRegistered,
    /// A login with the right password by a user who may log in, or another proof of it.
    LoginSucceeded,
    /// A login or a check of the current password with a wrong password, an unknown address or a
    /// disabled user.
    LoginFailed,
    /// A session was opened.
    SessionCreated,
    /// A session was ended.
    SessionRevoked,
    /// All sessions of a user were ended, or all but one.
    SessionsRevoked,
    /// A replaced secret of a session was presented after its grace, and the session was ended.
    SessionSecretReused,
    /// A password was changed by a user who proved the former one.
    PasswordChanged,
    /// A password was set with a one-time token.
    PasswordReset,
    /// A user proved that mail to their address reaches them.
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
    /// A user requested a password reset. Recorded when the mail is sent, or would be.
    PasswordResetRequested,
    /// A user requested the mail that verifies their address.
    EmailVerificationRequested,
    /// A user requested a change of address.
    EmailChangeRequested,
    /// A named caller made a token that sets a new password, and brings it to the user itself.
    PasswordResetCreated,
    /// A change of address was ended before it was confirmed.
    EmailChangeCancelled,
    /// A user got a former address back, with a one-time token.
    EmailRestored,
    /// A check of a password was refused, because too many had failed before.
    LoginThrottled,
    /// The failures of an account were forgotten by a caller or an operator.
    ThrottleCleared,
    /// A source failed so often that its logins are refused, whatever the account.
    SourceThrottled,
    /// A wrong password was tried on many accounts.
    PasswordSprayed,
}

impl EventKind {
    pub const ALL: [Self; 27] = [
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
        Self::EmailChangeCancelled,
        Self::EmailRestored,
        Self::LoginThrottled,
        Self::ThrottleCleared,
        Self::SourceThrottled,
        Self::PasswordSprayed,
    ];
}
