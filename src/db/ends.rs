//! What a change of an account ends: the table, and the statements that carry it out.
//!
//! A user's requests are the one-time tokens that can still be redeemed and the mail that would bring
//! one; both end by the same rule. docs/account-flows.md has the table in words.

use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QuerySelect, QueryTrait,
    sea_query::{Expr, LockType},
};
use uuid::Uuid;

use super::entity::{
    mail_intents::{self, Entity as MailIntents, purpose_column},
    one_time_tokens::{self, Entity as OneTimeTokens, token_purpose_column},
    to_micros,
    users::{self, Entity as Users},
};
use crate::domain::{SessionId, Timestamp, TokenPurpose, UserId};

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
    EmailRestored {
        replaced: &'a str,
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
            Self::EmailRestored { replaced }      => row(Some(Kept::None),    ALL,       Which::All).at(replaced),
            Self::EmailChangeRequested { to }     => row(None, &[EmailChange],           Which::NotFor(to)),
            Self::EmailChangeCancelled            => row(None, &[EmailChange],           Which::All),
            Self::Claimed | Self::Disabled        => row(Some(Kept::None),    ALL,       Which::All),
            Self::Enabled                         => row(None, &[],                      Which::All),
            Self::OthersEnded { by }              => row(Some(Kept::One(by)), REQUESTED, Which::NotAskedBy(by)),
            Self::SessionsEnded(Kept::None)       => row(Some(Kept::None),    ALL,       Which::All),
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

    /// Whether there is a request of the user to end.
    pub(in crate::db) async fn any_request(
        &self,
        transaction: &DatabaseTransaction,
        user: &users::Model,
        now: Timestamp,
    ) -> Result<bool, DbErr> {
        let token = OneTimeTokens::find()
            .filter(self.tokens(user.id))
            .filter(one_time_tokens::Column::RedeemedAt.is_null())
            .filter(one_time_tokens::Column::ExpiresAt.gt(to_micros(now)))
            .one(transaction);
        if token.await?.is_some() {
            return Ok(true);
        }
        let mail = MailIntents::find()
            .filter(self.mail(user))
            .filter(mail_intents::Column::NextTry.is_not_null());
        Ok(self.mail && mail.one(transaction).await?.is_some())
    }

    /// Ends the requests of a user, whose row is locked.
    pub(in crate::db) async fn end_requests(
        &self,
        transaction: &DatabaseTransaction,
        user: &users::Model,
        now: Timestamp,
    ) -> Result<(), DbErr> {
        if self.purposes.is_empty() {
            return Ok(());
        }
        end_tokens(transaction, self.tokens(user.id), now).await?;
        if self.mail {
            end_mail(transaction, self.mail(user)).await?;
        }
        Ok(())
    }

    fn tokens(&self, user: Uuid) -> Condition {
        use one_time_tokens::Column as C;
        Condition::all()
            .add(C::UserId.eq(user))
            .add(C::Purpose.is_in(self.purposes.iter().copied().map(token_purpose_column)))
            .add(self.which(C::SessionId, C::CreatedAt, C::NewEmailKey))
    }

    /// A request that another user made about an address of this user is not this user's.
    fn mail(&self, user: &users::Model) -> Condition {
        use mail_intents::Column as C;
        let addresses = [Some(user.email_key.as_str()), self.former];
        let by_nobody = Condition::all()
            .add(C::UserId.eq(Uuid::nil()))
            .add(C::EmailKey.is_in(addresses.into_iter().flatten()));
        Condition::all()
            .add(Condition::any().add(C::UserId.eq(user.id)).add(by_nobody))
            .add(brings(self.purposes))
            .add(self.which(C::SessionId, C::RequestedAt, C::EmailKey))
    }

    fn which<C: ColumnTrait>(&self, session: C, asked_at: C, address: C) -> Condition {
        let all = Condition::all();
        match self.which {
            Which::All => all,
            Which::AskedBy(by) => all.add(session.eq(by.uuid())),
            Which::NotAskedBy(by) => all.add(session.is_null().or(session.ne(by.uuid()))),
            Which::AskedBefore(time) => all.add(asked_at.lt(to_micros(time))),
            Which::For(key) => all.add(address.eq(key)),
            Which::NotFor(key) => all.add(address.is_null().or(address.ne(key))),
        }
    }
}

/// Ends all requests of the users with ids of a range, whose rows are locked.
pub(in crate::db) async fn end_requests_between(
    transaction: &DatabaseTransaction,
    (first, last): (Uuid, Uuid),
    now: Timestamp,
) -> Result<(), DbErr> {
    let tokens = one_time_tokens::Column::UserId.between(first, last);
    end_tokens(transaction, Condition::all().add(tokens), now).await?;
    let addresses = Users::find()
        .filter(users::Column::Id.between(first, last))
        .select_only()
        .column(users::Column::EmailKey)
        .into_query();
    let by_nobody = Condition::all()
        .add(mail_intents::Column::UserId.eq(Uuid::nil()))
        .add(mail_intents::Column::EmailKey.in_subquery(addresses));
    let theirs = Condition::any()
        .add(mail_intents::Column::UserId.between(first, last))
        .add(by_nobody);
    end_mail(transaction, Condition::all().add(theirs).add(brings(ALL))).await
}

/// Mail that brings a token for one of the purposes.
fn brings(purposes: &[TokenPurpose]) -> Expr {
    let purposes = purposes.iter().copied();
    mail_intents::Column::Purpose.is_in(purposes.map(|purpose| purpose_column(purpose.into())))
}

/// The rows stay until the purge, like those of redeemed tokens.
async fn end_tokens(
    transaction: &DatabaseTransaction,
    which: Condition,
    now: Timestamp,
) -> Result<(), DbErr> {
    use one_time_tokens::Column as C;
    OneTimeTokens::update_many()
        .col_expr(C::RedeemedAt, Expr::value(to_micros(now)))
        .filter(which)
        .filter(C::RedeemedAt.is_null())
        .exec(transaction)
        .await
        .map(drop)
}

/// The rows stay, because the limits depend on them; what is asked for again is sent as soon as they
/// allow it.
async fn end_mail(transaction: &DatabaseTransaction, which: Condition) -> Result<(), DbErr> {
    use mail_intents::Column as C;
    MailIntents::update_many()
        .col_expr(C::NextTry, Expr::value(None::<i64>))
        .col_expr(C::Voided, Expr::value(true))
        .filter(which)
        .exec(transaction)
        .await
        .map(drop)
}

/// Locks a user's row. Every change of a user does so first and touches tokens, mail and sessions
/// afterwards, so that no two transactions wait for each other.
pub(in crate::db) async fn lock_user(
    transaction: &DatabaseTransaction,
    id: UserId,
) -> Result<Option<users::Model>, DbErr> {
    Users::find_by_id(id.uuid())
        .lock(LockType::NoKeyUpdate)
        .one(transaction)
        .await
}
