//! The throttle: everything that checks a secret of an account begins an [`Attempt`], which is refused
//! before any hash where too many went wrong before it, and settles it afterwards.
//!
//! The counts are in the database, so all replicas share them; a database that is away refuses every
//! attempt. In each replica the attempts of an account follow one another, so that a burst cannot
//! run ahead of its count: of R replicas together, at most R − 1 attempts exceed it.

mod budgets;
mod turns;

use std::{collections::HashMap, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use tokio::{sync::OnceCell, time::Instant};

use super::{Auth, AuthError, CallContext, entropy::random_bytes};
use crate::{
    db::{Db, ThrottleKey, ThrottleKeys},
    domain::{
        ClientInfo, EmailKey, EventKind, ServerKey, Source, ThrottlePolicy, Throttled, Timestamp,
        User, UserId,
    },
    metrics::Counter,
};
use turns::{Turn, Turns};

/// The name of the key that the keys of counts are made with.
const KEY_NAME: &str = "throttle";
/// How long counting may take. It does not end with the call: whoever chose a short deadline, or went
/// away, would try for nothing.
const COUNT_LIMIT: Duration = Duration::from_secs(10);
/// How old the last login of a known source is before it is stored again.
const KNOWN_AGAIN: chrono::TimeDelta = chrono::TimeDelta::days(1);
/// The most logins that wait for their write. The source of a further one becomes known by a later
/// login.
const KNOWN_MAX: usize = 4_096;
/// The most rows of one write.
const ROWS: usize = 500;

/// What limits attempts, and what this replica knows of them.
pub(super) struct Throttle {
    /// `None`: it is off.
    policy: Option<ThrottlePolicy>,
    key: OnceCell<ServerKey>,
    turns: Turns,
    /// Logins whose sources are to be stored as known.
    known: Mutex<HashMap<ThrottleKey, Timestamp>>,
    /// Attempts that were refused.
    refused: Counter,
}

impl Throttle {
    pub(super) fn new(policy: Option<ThrottlePolicy>) -> Self {
        Self {
            policy,
            key: OnceCell::new(),
            turns: Turns::default(),
            known: Mutex::default(),
            refused: Counter::default(),
        }
    }

    /// The key that the keys of counts are made with.
    async fn server_key(&self, db: &Db, deadline: Instant) -> Result<&ServerKey, AuthError> {
        self.key.get_or_try_init(|| server_key(db, deadline)).await
    }

    /// The keys of an account and a source. `None`: the throttle is off.
    async fn keys(
        &self,
        db: &Db,
        account: &EmailKey,
        source: Option<Source>,
        deadline: Instant,
    ) -> Result<Option<ThrottleKeys>, AuthError> {
        if self.policy.is_none() {
            return Ok(None);
        }
        let key = self.server_key(db, deadline).await?;
        Ok(Some(ThrottleKeys {
            account: account_key(key, account),
            source: source.map(|source| {
                let octets = source.octets();
                let both = [&octets, account.as_str().as_bytes()];
                (
                    keyed(key, b"source", &[&octets]),
                    keyed(key, b"known", &both),
                )
            }),
        }))
    }
}

/// The key that the keys of counts are made with; all replicas have the same.
pub(super) async fn server_key(db: &Db, deadline: Instant) -> Result<ServerKey, AuthError> {
    let fresh = ServerKey::new(random_bytes()?);
    Ok(db.server_key(KEY_NAME, fresh, deadline).await?)
}

/// What the failures of an account are counted by, whether or not it exists.
pub(super) fn account_key(key: &ServerKey, account: &EmailKey) -> ThrottleKey {
    keyed(key, b"account", &[account.as_str().as_bytes()])
}

/// HMAC-SHA-256 over the label and each part with its length, of which a key keeps half.
fn keyed(key: &ServerKey, label: &[u8], parts: &[&[u8]]) -> ThrottleKey {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        // HMAC takes keys of any length.
        return ThrottleKey::new([0; 16]);
    };
    mac.update(label);
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(0).to_be_bytes());
        mac.update(part);
    }
    let digest = mac.finalize().into_bytes();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    ThrottleKey::new(half)
}

/// One check of a secret of an account. No other of this account runs in this replica meanwhile.
pub(super) struct Attempt {
    /// `None`: the throttle is off.
    keys: Option<ThrottleKeys>,
    state: Throttled,
    _turn: Option<Turn>,
}

/// What the failures of an account mean for a check of its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Throttling {
    /// After too many, nothing is checked.
    Refuses,
    /// A wrong password counts, and something else limits the tries.
    Counts,
}

impl Auth {
    /// Begins an attempt, as soon as the attempts of this account that came before are settled. Returns
    /// the user as well, by the same statement.
    ///
    /// # Errors
    /// `LoginThrottled` where too many failed before, which is noted; `Overloaded` where too many of
    /// this account wait.
    pub(super) async fn begin_attempt(
        &self,
        call: &CallContext,
        account: &EmailKey,
        client: &ClientInfo,
        throttling: Throttling,
    ) -> Result<(Attempt, Option<User>), AuthError> {
        let throttle = &self.throttle;
        let keys = throttle.keys(&self.db, account, client.source, call.deadline);
        let keys = keys.await?;
        let read = async || {
            let found = self.db.find_login(account, keys, call.deadline);
            let (user, state) = found.await?;
            if throttling == Throttling::Refuses {
                let user_id = user.as_ref().map(|user| user.id);
                self.refuse_throttled(call, &state, user_id, client)?;
            }
            Ok::<_, AuthError>((user, state))
        };
        let turn = match keys {
            Some(keys) => {
                let turn = throttle.turns.join(keys.account);
                if turn.ahead > 0 {
                    // What is refused anyway must not hold up those who are not.
                    read().await?;
                    self.hasher.would_wait_behind(turn.ahead)?;
                }
                Some(turn.begin().await)
            }
            None => None,
        };
        let (user, state) = read().await?;
        let attempt = Attempt {
            keys,
            state,
            _turn: turn,
        };
        Ok((attempt, user))
    }

    fn refuse_throttled(
        &self,
        call: &CallContext,
        state: &Throttled,
        user: Option<UserId>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let Some(policy) = self.throttle.policy else {
            return Ok(());
        };
        let Err(wait) = policy.admit(state, self.clock.now()) else {
            return Ok(());
        };
        self.throttle.refused.inc();
        self.note_outcome(call, EventKind::LoginThrottled, user, client)?;
        // In whole seconds: what is told does not depend on when exactly it is asked.
        let retry_after = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        Err(AuthError::LoginThrottled { retry_after })
    }

    /// Counts a failure, before anybody learns of it.
    pub(super) async fn fail_attempt(&self, attempt: &Attempt) -> Result<(), AuthError> {
        let (Some(keys), Some(policy)) = (attempt.keys, self.throttle.policy) else {
            return Ok(());
        };
        let now = self.clock.now();
        let (is_known, cost) = (attempt.state.is_known(now), policy.source.cost());
        let deadline = Instant::now() + COUNT_LIMIT;
        let counted = self.db.count_failure(keys, is_known, cost, now, deadline);
        Ok(counted.await?)
    }

    /// Forgets the failures of the account, where there are any. The source becomes a known one, by a
    /// later write.
    pub(super) async fn pass_attempt(
        &self,
        call: &CallContext,
        attempt: &Attempt,
    ) -> Result<(), AuthError> {
        let Some(keys) = attempt.keys else {
            return Ok(());
        };
        let known = keys.source.map(|(_, known)| known);
        if attempt.state.has_failures() {
            let clear = self.db.clear_failures(keys.account, known, call.deadline);
            clear.await?;
        }
        let now = self.clock.now();
        let is_fresh = |login: Timestamp| now - login < KNOWN_AGAIN;
        if let Some(known) = known
            && !attempt.state.known_since.is_some_and(is_fresh)
        {
            let mut waiting = self.throttle.known.lock();
            if waiting.len() < KNOWN_MAX {
                waiting.insert(known, now);
            }
        }
        Ok(())
    }

    /// Fetches the key of the counts, so that no login has to.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn prepare_throttle(&self) -> Result<(), AuthError> {
        let deadline = Instant::now() + COUNT_LIMIT;
        self.throttle.server_key(&self.db, deadline).await.map(drop)
    }

    /// Attempts that were refused since the start.
    pub fn throttled(&self) -> u64 {
        self.throttle.refused.get()
    }

    /// The key of an account's failures, for what forgets them. `None`: the throttle is off.
    pub(super) async fn throttle_key(
        &self,
        account: &EmailKey,
        deadline: Instant,
    ) -> Result<Option<ThrottleKey>, AuthError> {
        let keys = self.throttle.keys(&self.db, account, None, deadline);
        Ok(keys.await?.map(|keys| keys.account))
    }

    /// Stores the sources from which accounts logged in since the last time.
    ///
    /// # Errors
    /// What was not stored is forgotten: these sources become known by a later login.
    pub async fn write_known_sources(&self, deadline: Instant) -> Result<(), AuthError> {
        let logins: Vec<_> = self.throttle.known.lock().drain().collect();
        for rows in logins.chunks(ROWS) {
            let deadline = deadline.min(Instant::now() + COUNT_LIMIT);
            self.db.note_known_sources(rows.to_vec(), deadline).await?;
        }
        Ok(())
    }
}
