//! What an operator or a user changes, made through `Db`: no RPC does it yet.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use vestibule::{
    db::{Target, UpdateUserError, UserChange},
    domain::{
        Clock, Email, Event, EventId, EventKind, EventOrigin, HashedPassword, User, UserId,
        UserKey, UserStatus,
    },
};

use super::{TestApp, email};

/// Nothing here takes that long.
const LIMIT: Duration = Duration::from_secs(10);

impl TestApp {
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

    /// Changes a user.
    pub(crate) async fn change(
        &self,
        id: &str,
        change: UserChange,
    ) -> Result<User, UpdateUserError> {
        let (id, now) = (UserId::parse(id).unwrap(), Clock::system().now());
        self.db
            .update_user(id, change, now, None, Instant::now() + LIMIT)
            .await
    }

    /// Disables a user.
    pub(crate) async fn disable(&self, id: &str) {
        let change = UserChange::Status(UserStatus::Disabled);
        self.change(id, change).await.unwrap();
    }

    /// Enables a user.
    pub(crate) async fn enable(&self, id: &str) {
        let change = UserChange::Status(UserStatus::Active);
        self.change(id, change).await.unwrap();
    }

    /// Erases a user, as an operator does.
    pub(crate) async fn erase(&self, id: &str) {
        let (id, at) = (UserId::parse(id).unwrap(), Clock::system().now());
        let event = Event {
            id: EventId::new(Uuid::new_v4()),
            kind: EventKind::UserDeleted,
            at,
            user_id: Some(id),
            session_id: None,
            origin: EventOrigin::default(),
        };
        let erased = self
            .db
            .erase_user(id, None, event, Instant::now() + LIMIT)
            .await;
        assert!(erased.unwrap());
    }

    /// Changes a user's password. The hash comes from a user who is registered with the new one:
    /// only the application hashes.
    pub(crate) async fn change_password(&self, address: &str, new: &str) {
        let donor = email();
        self.grpc().register(&donor, new).await.unwrap();
        self.take_password_of(address, &donor).await;
    }

    /// Gives a user the password of another.
    pub(crate) async fn take_password_of(&self, address: &str, donor: &str) {
        let user = self.stored(address).await;
        let change = UserChange::Password {
            verified: user.hashed_password,
            hashed: self.stored_hash(donor).await,
            kept: None,
        };
        self.change(&user.id.to_string(), change).await.unwrap();
    }
}

impl TestApp {
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
