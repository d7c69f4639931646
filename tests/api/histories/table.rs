//! The table of what each change ends, change by change: two sessions, a token of each kind and the mail
//! that would bring another, by who asked for it. Tokens and mail end by one rule.

use sea_orm::{ConnectionTrait, Statement};
use tokio::time::Instant;
use uuid::Uuid;
use vestibule::{
    db::MailRequest,
    domain::{
        EmailChangeKind, EmailRestoreKind, EmailVerificationKind, MailPurpose, PasswordResetKind,
        SessionId, SessionToken, Timestamp, Token, TokenPurpose, UserId,
    },
    proto::v1::SessionStatus,
};

use super::{Duration, Town, assert_token_invalid};
use crate::harness::{Issue, TestUser, mail_request};

mod changes;

use changes::{CHANGES, make};

on_both_databases!(each_change_ends_what_the_table_says);

/// A good password that nobody has yet.
const NEW: &str = "the new canary sings";

fn id_of(session: &str) -> SessionId {
    SessionToken::parse(session).unwrap().id()
}

/// What a user has before a change.
struct Account {
    owner: TestUser,
    /// The session that makes the change, where one does. Its user logged in after the other.
    own: String,
    other: String,
    /// A time between both logins.
    between: Timestamp,
    /// The tokens, by their names.
    tokens: Vec<(&'static str, TokenPurpose, String)>,
}

/// The requests, by their names; whether the session that makes the change asked for them.
const REQUESTS: [(&str, TokenPurpose, Asked); 5] = [
    ("reset", TokenPurpose::PasswordReset, Asked::Nobody),
    (
        "verification",
        TokenPurpose::EmailVerification,
        Asked::Nobody,
    ),
    ("own change", TokenPurpose::EmailChange, Asked::Own),
    ("other change", TokenPurpose::EmailChange, Asked::Other),
    ("way back", TokenPurpose::EmailRestore, Asked::Nobody),
];

#[derive(Clone, Copy)]
enum Asked {
    Nobody,
    Own,
    Other,
}

impl Account {
    async fn of(town: &Town) -> Self {
        let (app, clock) = (&town.app, &town.clock);
        let owner = app.owner().await;
        let other = owner.token.clone();
        clock.advance(Duration::from_secs(1));
        let between = clock.now();
        let own = app.session_of(&owner.email).await;
        let mut account = Self {
            owner,
            own,
            other,
            between,
            tokens: Vec::new(),
        };
        for (name, purpose, asked) in REQUESTS {
            account.add(town, name, purpose, asked).await;
        }
        account
    }

    /// A token, and mail that waits for one: it is not due for a day.
    async fn add(&mut self, town: &Town, name: &'static str, purpose: TokenPurpose, asked: Asked) {
        let app = &town.app;
        let before = self.between - Duration::from_millis(500);
        let (session, at) = match asked {
            Asked::Nobody => (None, before),
            Asked::Own => (Some(id_of(&self.own)), town.clock.now()),
            Asked::Other => (Some(id_of(&self.other)), before),
        };
        let issue = Issue {
            session,
            at,
            ..Issue::of(purpose)
        };
        let new = issue.new_email.clone();
        let token = app.issue(&self.owner.email, issue).await;
        self.tokens.push((name, purpose, token));

        let later = town.clock.now() + Duration::from_hours(24);
        let user = Some(UserId::parse(&self.owner.id).unwrap());
        let to = new.as_ref().unwrap_or(&self.owner.email);
        let request = MailRequest {
            by: user.filter(|_| new.is_some()),
            session,
            ..mail_request(to, MailPurpose::from(purpose), later)
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        let _ = app.db.request_mail(request, 1_000, deadline).await.unwrap();
        let asked_at = format!(
            "UPDATE mail_intents SET requested_at = {} WHERE email_key = '{to}' AND purpose = {}",
            at.timestamp_micros(),
            purpose_column(purpose),
        );
        app.store.execute(&asked_at).await;
    }

    async fn sessions_left(&self, town: &Town) -> Vec<&'static str> {
        let mut left = Vec::new();
        for (name, session) in [("own", &self.own), ("other", &self.other)] {
            if town.app.grpc().verdict(session).await == SessionStatus::Active {
                left.push(name);
            }
        }
        left
    }

    /// A token that ended is refused; the others are still stored.
    async fn tokens_left(&self, town: &Town) -> Vec<&'static str> {
        let mut left = Vec::new();
        for (name, purpose, token) in &self.tokens {
            if is_unused(town, token_id(*purpose, token)).await {
                left.push(*name);
                continue;
            }
            let redeemed = town.app.account().redeem(*purpose, token, NEW).await;
            assert_token_invalid(redeemed);
        }
        left
    }

    async fn mail_left(&self, town: &Town) -> Vec<&'static str> {
        let mut left = Vec::new();
        for ((name, purpose, _), new) in REQUESTS.into_iter().zip(self.addresses(town).await) {
            let waits = format!(
                "mail_intents WHERE next_try IS NOT NULL AND email_key = '{new}' AND purpose = {}",
                purpose_column(purpose),
            );
            if town.app.store.rows(&waits).await == 1 {
                left.push(name);
            }
        }
        left
    }

    /// Where the mail of each request goes: the address that its token leads to, or else the user's.
    async fn addresses(&self, town: &Town) -> Vec<String> {
        let mut addresses = Vec::new();
        for (_, purpose, token) in &self.tokens {
            let new = new_email(town, token_id(*purpose, token)).await;
            addresses.push(new.unwrap_or_else(|| self.owner.email.clone()));
        }
        addresses
    }
}

fn purpose_column(purpose: TokenPurpose) -> i16 {
    match purpose {
        TokenPurpose::PasswordReset => 1,
        TokenPurpose::EmailVerification => 2,
        TokenPurpose::EmailChange => 3,
        TokenPurpose::EmailRestore => 6,
    }
}

fn token_id(purpose: TokenPurpose, token: &str) -> Uuid {
    match purpose {
        TokenPurpose::PasswordReset => Token::<PasswordResetKind>::parse(token).unwrap().id(),
        TokenPurpose::EmailVerification => {
            Token::<EmailVerificationKind>::parse(token).unwrap().id()
        }
        TokenPurpose::EmailChange => Token::<EmailChangeKind>::parse(token).unwrap().id(),
        TokenPurpose::EmailRestore => Token::<EmailRestoreKind>::parse(token).unwrap().id(),
    }
    .uuid()
}

/// The column of a token's row, where the row is there and was not redeemed or ended.
async fn column(town: &Town, id: Uuid, which: &str) -> Option<Option<String>> {
    let sql = town.app.sql().await;
    let query = format!("SELECT new_email AS text FROM one_time_tokens WHERE id = $1 {which}");
    let query = Statement::from_sql_and_values(sql.get_database_backend(), query, [id.into()]);
    let row = sql.query_one_raw(query).await.unwrap()?;
    Some(row.try_get("", "text").unwrap())
}

async fn is_unused(town: &Town, id: Uuid) -> bool {
    let unused = "AND redeemed_at IS NULL";
    column(town, id, unused).await.is_some()
}

async fn new_email(town: &Town, id: Uuid) -> Option<String> {
    column(town, id, "").await.flatten()
}

/// (A5) (Z5) Each row of the table, with all that a user can have.
async fn each_change_ends_what_the_table_says(town: Town) {
    for (change, sessions, requests) in CHANGES {
        let account = Account::of(&town).await;
        // What another user asked about the address is theirs.
        let stranger = Account::of(&town).await;
        make(&town, &account, change).await;
        assert_eq!(account.sessions_left(&town).await, *sessions, "{change}");
        assert_eq!(account.mail_left(&town).await, *requests, "mail: {change}");
        assert_eq!(
            account.tokens_left(&town).await,
            *requests,
            "tokens: {change}"
        );
        if *change != "sessions revoke --all" {
            assert_eq!(stranger.sessions_left(&town).await.len(), 2, "{change}");
            assert_eq!(stranger.tokens_left(&town).await.len(), 5, "{change}");
            assert_eq!(stranger.mail_left(&town).await.len(), 5, "{change}");
        }
    }
}
