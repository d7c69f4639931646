//! What operators change of users, made without a server.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use vestibule::{
    auth::{AuthError, CallContext, SessionsToEnd, Users},
    db::{MailRequest, MailWaiting, NewOneTimeToken, Redeemed, Redemption, Target, TokenProof},
    domain::{
        ClientInfo, Clock, Email, Event, EventId, EventKind, EventOrigin, HashedPassword,
        MailPurpose, OneTimeTokenId, SecretHash, Timestamp, TokenPurpose, User, UserEdit, UserId,
        UserKey, UserStatus,
    },
};

use super::{Server, email};

/// Nothing here takes that long.
const LIMIT: Duration = Duration::from_secs(10);

impl Server {
    /// A user as stored.
    pub(crate) async fn stored(&self, email: &str) -> User {
        let key = UserKey::from(Email::parse(email).unwrap());
        let found = self.db.find_user_by(&key, Instant::now() + LIMIT).await;
        found.unwrap().expect("a user")
    }

    /// The stored hash of a user's password.
    pub(crate) async fn stored_hash(&self, email: &str) -> HashedPassword {
        self.stored(email).await.hashed_password.unwrap()
    }

    /// The mail that waits at a time.
    pub(crate) async fn mail_waiting(&self, now: Timestamp) -> MailWaiting {
        let waiting = self.db.mail_waiting(now, Instant::now() + LIMIT).await;
        waiting.unwrap()
    }

    fn operator(&self) -> (Users, CallContext) {
        let call = CallContext::new(Instant::now() + LIMIT, String::new());
        (Users::new(self.db.clone(), Clock::system()), call)
    }

    /// Ends all sessions of a user.
    pub(crate) async fn end_sessions(&self, id: &str) -> Result<(), AuthError> {
        let (users, call) = self.operator();
        let id = UserId::parse(id).unwrap();
        users.end_sessions(&call, id, SessionsToEnd::All).await
    }

    /// Gives a user another address, which is not verified.
    pub(crate) async fn change_email(&self, id: &str, new: &str) {
        let (users, call) = self.operator();
        let edit = UserEdit {
            email: Some(Email::parse(new).unwrap()),
            ..UserEdit::default()
        };
        let id = UserId::parse(id).unwrap();
        users.update(&call, id, edit).await.unwrap();
    }

    async fn set_status(&self, id: &str, status: UserStatus) {
        let (users, call) = self.operator();
        let id = UserId::parse(id).unwrap();
        users.set_status(&call, id, status).await.unwrap();
    }

    /// Disables a user.
    pub(crate) async fn disable(&self, id: &str) {
        self.set_status(id, UserStatus::Disabled).await;
    }

    /// Enables a user.
    pub(crate) async fn enable(&self, id: &str) {
        self.set_status(id, UserStatus::Active).await;
    }

    /// Erases a user.
    pub(crate) async fn erase(&self, id: &str) {
        let (users, call) = self.operator();
        users
            .delete(&call, UserId::parse(id).unwrap())
            .await
            .unwrap();
    }

    /// Changes a user's password. The hash comes from a user who is registered with the new one:
    /// only the application hashes.
    pub(crate) async fn change_password(&self, address: &str, new: &str) {
        let donor = email();
        self.grpc().register(&donor, new).await.unwrap();
        self.take_password_of(address, &donor).await;
    }

    /// Gives a user the password of another, by a one-time token.
    pub(crate) async fn take_password_of(&self, address: &str, donor: &str) {
        let (user, now) = (self.stored(address).await, Clock::system().now());
        let proof = TokenProof {
            id: OneTimeTokenId::new(Uuid::new_v4()),
            secret_hash: SecretHash::from_stored([0; 32]),
            purpose: TokenPurpose::PasswordReset,
        };
        let token = NewOneTimeToken {
            id: proof.id,
            secret_hash: proof.secret_hash,
            purpose: proof.purpose,
            user_id: user.id,
            session: None,
            new_email: None,
            mailed: false,
            created_at: now,
            expires_at: now + LIMIT,
        };
        self.store_token(&token, user.email.0.to_lowercase()).await;
        let deadline = Instant::now() + LIMIT;
        let event = Event {
            id: EventId::new(Uuid::new_v4()),
            kind: EventKind::PasswordReset,
            at: now,
            user_id: Some(user.id),
            session_id: None,
            origin: EventOrigin::default(),
        };
        let redemption = Redemption::PasswordReset(self.stored_hash(donor).await);
        let redeemed = self
            .db
            .redeem_token(proof, redemption, None, event, deadline);
        let redeemed = redeemed.await.unwrap();
        assert!(
            matches!(redeemed, Redeemed::Yes(_)),
            "a user with a new password"
        );
    }
}

impl Server {
    /// A user of another system: whatever its hash is of, it is the bytes as they came. Answers the
    /// address.
    pub(crate) async fn imported(&self, hash: &str) -> String {
        let address = self.grpc().registered().await.email;
        let statement = format!(
            "UPDATE users SET hashed_password = '{hash}', password_scheme = 0 WHERE email_key = '{address}'"
        );
        self.store.execute(&statement).await;
        address
    }

    /// Has the database write a row into `rewrites` whenever a stored hash changes.
    pub(crate) async fn count_rewrites(&self) {
        let statements: &[&str] = match self.store.target {
            Target::Sqlite(_) => &[
                "CREATE TABLE rewrites (one int)",
                "CREATE TRIGGER rewritten AFTER UPDATE OF hashed_password ON users \
                 BEGIN INSERT INTO rewrites VALUES (1); END",
            ],
            Target::Postgres { .. } => &[
                "CREATE TABLE rewrites (one int)",
                "CREATE FUNCTION rewritten() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN INSERT INTO rewrites VALUES (1); RETURN NULL; END $$",
                "CREATE TRIGGER rewritten AFTER UPDATE OF hashed_password ON users \
                 FOR EACH ROW EXECUTE FUNCTION rewritten()",
            ],
        };
        for statement in statements {
            self.store.execute(statement).await;
        }
    }
}

/// A request for mail without a session, for a token that lives a day.
pub(crate) fn mail_request(to: &str, purpose: MailPurpose, now: Timestamp) -> MailRequest {
    MailRequest {
        to: Email::parse(to).unwrap(),
        purpose,
        by: None,
        session: None,
        delay: Duration::ZERO,
        spends: Vec::new(),
        client: ClientInfo::default(),
        lifetime: Duration::from_hours(24),
        now,
    }
}
