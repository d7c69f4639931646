//! What a change of an account ends: the table, and the statements that carry it out.
//!
//! A user's requests are the one-time tokens that can still be redeemed and the mail that would bring
//! one; both end by the same rule. docs/account-flows.md has the table in words.

mod statements;

use sea_orm::{DatabaseTransaction, DbErr, EntityTrait, QuerySelect, sea_query::LockType};

use super::entity::users::{Entity as Users, Model};
use crate::domain::{SessionId, Timestamp, TokenPurpose, UserId};

pub(in crate::db) use statements::end_requests_between;

/// The sessions that live on; a session that has ended does not.
#[derive(Debug, Clone, Copy)]
pub enum KeptSessions {
    /// No session.
    None,
    /// This session, if it is the user's.
    One(SessionId),
    /// Sessions whose user authenticated at this time or later.
    AuthenticatedSince(Timestamp),
}

/// A change of an account, by what it ends.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) enum Change<'a> {
    PasswordChanged {
        by: SessionId,
    },
    PasswordReset,
    EmailVerified,
    /// By the user. Mail that waits for the former address ends too.
    EmailChanged {
        former: &'a str,
    },
    /// By a named caller or an operator.
    EmailAssigned {
        former: &'a str,
    },
    /// By the token that was made at this time, when the address was replaced.
    EmailRestored {
        replaced: &'a str,
        since: Timestamp,
    },
    /// A change of address to another address was requested.
    EmailChangeRequested {
        to: &'a str,
    },
    EmailChangeCancelled,
    /// An account whose address was never verified is taken by whoever reads its mail.
    Claimed,
    Disabled,
    Enabled,
    /// By the user.
    OthersEnded {
        by: SessionId,
    },
    /// By a named caller or an operator.
    SessionsEnded(KeptSessions),
    /// By anybody but its holder.
    SessionEnded(SessionId),
    /// For a named caller.
    TokenMade(TokenPurpose),
    /// For a mail that is about to be sent to an address.
    TokenMailed(TokenPurpose, &'a str),
}

/// What a change ends.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) struct Ends<'a> {
    /// `None`: no session ends by a raise of the epoch.
    pub(in crate::db) all_sessions_but: Option<KeptSessions>,
    purposes: &'static [TokenPurpose],
    which: Which<'a>,
    /// Whether mail that waits ends as well as tokens.
    mail: bool,
    /// The address that the change took from the user.
    former: Option<&'a str>,
}

/// Which of a user's requests end.
#[derive(Debug, Clone, Copy)]
enum Which<'a> {
    All,
    AskedBy(SessionId),
    NotAskedBy(SessionId),
    AskedBefore(Timestamp),
    /// The way back to an address that the user had earlier outlives the return to a later one, which
    /// may be a thief's.
    NotWaysBackBefore(Timestamp),
    For(&'a str),
    NotFor(&'a str),
}

/// Every purpose.
const ALL: &[TokenPurpose] = &[
    TokenPurpose::PasswordReset,
    TokenPurpose::EmailVerification,
    TokenPurpose::EmailChange,
    TokenPurpose::EmailRestore,
];
/// What the user requested. The way back to a former address is not among it: whoever took an account
/// over could otherwise end it.
const REQUESTED: &[TokenPurpose] = &[
    TokenPurpose::PasswordReset,
    TokenPurpose::EmailVerification,
    TokenPurpose::EmailChange,
];

impl<'a> Change<'a> {
    /// The table.
    #[rustfmt::skip] // a table is read by column
    pub(in crate::db) fn ends(self) -> Ends<'a> {
        use KeptSessions as Kept;
        use TokenPurpose::{EmailChange, EmailVerification};
        let row = |all_sessions_but, purposes, which| Ends {
            all_sessions_but, purposes, which, mail: true, former: None,
        };
        match self {
            Self::PasswordChanged { by }          => row(Some(Kept::One(by)), REQUESTED, Which::All),
            Self::PasswordReset                   => row(Some(Kept::None),    REQUESTED, Which::All),
            Self::EmailVerified                   => row(None, &[EmailVerification],     Which::All),
            Self::EmailChanged { former }         => row(Some(Kept::None),    REQUESTED, Which::All).at(former),
            Self::EmailAssigned { former }        => row(Some(Kept::None),    ALL,       Which::All).at(former),
            Self::EmailRestored { replaced, since } =>
                row(Some(Kept::None), ALL, Which::NotWaysBackBefore(since)).at(replaced),
            Self::EmailChangeRequested { to }     => row(None, &[EmailChange],           Which::NotFor(to)),
            Self::EmailChangeCancelled            => row(None, &[EmailChange],           Which::All),
            Self::Claimed | Self::Disabled | Self::SessionsEnded(Kept::None)
                                                  => row(Some(Kept::None),    ALL,       Which::All),
            Self::Enabled                         => row(None, &[],                      Which::All),
            Self::OthersEnded { by }              => row(Some(Kept::One(by)), REQUESTED, Which::NotAskedBy(by)),
            Self::SessionsEnded(Kept::One(kept))  => row(Some(Kept::One(kept)), REQUESTED, Which::NotAskedBy(kept)),
            Self::SessionsEnded(Kept::AuthenticatedSince(time)) =>
                row(Some(Kept::AuthenticatedSince(time)), REQUESTED, Which::AskedBefore(time)),
            Self::SessionEnded(session)           => row(None, REQUESTED, Which::AskedBy(session)),
            Self::TokenMade(purpose)              => row(None, only(purpose), Which::All),
            Self::TokenMailed(purpose, address)   => row(None, only(purpose), match purpose {
                TokenPurpose::EmailRestore => Which::For(address),
                TokenPurpose::PasswordReset | EmailVerification | EmailChange => Which::All,
            }).tokens_alone(),
        }
    }
}

fn only(purpose: TokenPurpose) -> &'static [TokenPurpose] {
    match purpose {
        TokenPurpose::PasswordReset => &[TokenPurpose::PasswordReset],
        TokenPurpose::EmailVerification => &[TokenPurpose::EmailVerification],
        TokenPurpose::EmailChange => &[TokenPurpose::EmailChange],
        TokenPurpose::EmailRestore => &[TokenPurpose::EmailRestore],
    }
}

impl<'a> Ends<'a> {
    fn at(self, former: &'a str) -> Self {
        Self {
            former: Some(former),
            ..self
        }
    }

    fn tokens_alone(self) -> Self {
        Self {
            mail: false,
            ..self
        }
    }
}

/// Locks a user's row. Every change of a user does so first and touches tokens, mail and sessions
/// afterwards, so that no two transactions wait for each other. It is a statement of its own: one that
/// waited for the lock would see a session as it was before (READ COMMITTED).
pub(in crate::db) async fn lock_user(
    transaction: &DatabaseTransaction,
    id: UserId,
) -> Result<Option<Model>, DbErr> {
    Users::find_by_id(id.uuid())
        .lock(LockType::NoKeyUpdate)
        .one(transaction)
        .await
}
