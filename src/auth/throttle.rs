//! The throttle: everything that checks a secret of an account begins an [`Attempt`], which is refused
//! before any hash where too many went wrong before it, and settles it afterwards.
//!
//! The counts are in the database, so all replicas share them; a database that is away refuses every
//! attempt. In each replica the attempts of an account follow one another, so that a burst cannot
//! run ahead of its count: of R replicas together, at most R − 1 attempts exceed it.

mod budgets;
mod keys;
mod spraying;
mod turns;

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::OnceCell, time::Instant};

use super::{Auth, AuthError, CallContext};
use crate::{
    db::{ThrottleKey, ThrottleKeys},
    domain::{
        ClientInfo, EmailKey, EventKind, PasswordAttempt, Refusal, ServerKey, ThrottlePolicy,
        Throttled, Timestamp, User, UserId,
    },
    metrics::Counter,
};
pub(super) use keys::{account_key, server_key};
use spraying::Sprayed;
use turns::{Turn, Turns};

/// How long counting may take. It does not end with the call: whoever chose a short deadline, or went
/// away, would try for nothing.
const COUNT_LIMIT: Duration = Duration::from_secs(10);
/// How old the last login of a known source is before it is stored again.
const KNOWN_AGAIN: chrono::TimeDelta = chrono::TimeDelta::days(1);
/// The most logins that wait for their write. The source of a further one becomes known by a later
/// login.
const KNOWN_MAX: usize = 4_096;
/// How many failures one counts for, when its password was tried on many accounts.
const SPRAYED_COST: u32 = 5;
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
    sprayed: Sprayed,
    metrics: ThrottleMetrics,
}

/// Counts since the start.
#[derive(Debug, Default, Clone)]
pub struct ThrottleMetrics {
    /// Attempts that were refused.
    pub refused: Counter,
    /// Those of sources that had spent their budget.
    pub stuffing: Counter,
    /// Wrong passwords that were tried on many accounts.
    pub spraying: Counter,
}

impl Throttle {
    pub(super) fn new(policy: Option<ThrottlePolicy>) -> Self {
        Self {
            policy,
            key: OnceCell::new(),
            turns: Turns::default(),
            known: Mutex::default(),
            sprayed: Sprayed::default(),
            metrics: ThrottleMetrics::default(),
        }
    }

    /// The failures of an account that no time makes good again.
    pub(super) fn failures_max(&self) -> u32 {
        self.policy.map_or(u32::MAX, |policy| policy.failures_max)
    }
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
                let mut line = keys.account;
                if throttle.turns.is_busy(line) {
                    // What is refused anyway holds up nobody, and strangers hold up no known source.
                    let (_, state) = read().await?;
                    let known = keys.source.filter(|_| state.is_known(self.clock.now()));
                    line = known.map_or(line, |(_, known)| known);
                }
                let turn = throttle.turns.join(line);
                if turn.ahead > 0 {
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
        let Err(Refusal { wait, by_source }) = policy.admit(state, self.clock.now()) else {
            return Ok(());
        };
        let metrics = &self.throttle.metrics;
        metrics.refused.inc();
        self.note_outcome(call, EventKind::LoginThrottled, user, client)?;
        if by_source {
            metrics.stuffing.inc();
            self.note_outcome(call, EventKind::SourceThrottled, None, client)?;
        }
        Err(login_throttled(wait))
    }

    /// Counts a failure, before anybody learns of it. A password that is tried on many accounts costs its
    /// source more.
    pub(super) async fn fail_attempt(
        &self,
        call: &CallContext,
        attempt: &Attempt,
        password: &PasswordAttempt,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let (Some(keys), Some(policy)) = (attempt.keys, self.throttle.policy) else {
            return Ok(());
        };
        let now = self.clock.now();
        let mut times = 1;
        if self
            .throttle
            .sprayed
            .note(password.as_bytes(), keys.account)
        {
            times = SPRAYED_COST;
            self.throttle.metrics.spraying.inc();
            self.note_outcome(call, EventKind::PasswordSprayed, None, client)?;
        }
        let deadline = Instant::now() + COUNT_LIMIT;
        let counted =
            self.db
                .count_failure(keys, attempt.state, (policy.source, times), now, deadline);
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
        let now = self.clock.now();
        let known = keys.source.map(|(_, known)| known);
        if attempt.state.has_failures() {
            let (account, deadline) = (keys.account, call.deadline);
            let clear = self.db.clear_failures(account, known, now, deadline);
            clear.await?;
        }
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

    /// Counts since the start.
    pub fn throttle_metrics(&self) -> ThrottleMetrics {
        self.throttle.metrics.clone()
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

/// In whole seconds: what is told does not depend on when exactly it is asked.
fn login_throttled(wait: Duration) -> AuthError {
    let retry_after = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
    AuthError::LoginThrottled { retry_after }
}
