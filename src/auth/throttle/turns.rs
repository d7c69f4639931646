//! Turns: the attempts of one account follow one another.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::db::ThrottleKey;

type Accounts = Mutex<HashMap<ThrottleKey, Line>>;

/// The attempts of one account.
#[derive(Default)]
struct Line {
    /// Held by the attempt that runs.
    lock: Arc<AsyncMutex<()>>,
    /// Those that run or wait.
    length: usize,
}

/// The accounts that attempts are under way for.
#[derive(Default)]
pub(super) struct Turns(Arc<Accounts>);

/// The place of one attempt in the line of its account. The last one forgets the account.
pub(super) struct Turn {
    accounts: Arc<Accounts>,
    account: ThrottleKey,
    /// How many came first.
    pub(super) ahead: usize,
    lock: Arc<AsyncMutex<()>>,
    /// `None`: it waits.
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Whether attempts of the account are under way.
    pub(super) fn is_busy(&self, account: ThrottleKey) -> bool {
        self.0.lock().contains_key(&account)
    }

    /// A place behind the attempts of the account that are under way.
    pub(super) fn join(&self, account: ThrottleKey) -> Turn {
        let mut accounts = self.0.lock();
        let line = accounts.entry(account).or_default();
        line.length += 1;
        Turn {
            accounts: Arc::clone(&self.0),
            account,
            ahead: line.length - 1,
            lock: Arc::clone(&line.lock),
            guard: None,
        }
    }
}

impl Turn {
    /// Waits until the attempts that came before are over.
    pub(super) async fn begin(mut self) -> Self {
        self.guard = Some(Arc::clone(&self.lock).lock_owned().await);
        self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.guard.take());
        let mut accounts = self.accounts.lock();
        if let Some(line) = accounts.get_mut(&self.account) {
            line.length -= 1;
            if line.length == 0 {
                accounts.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_of_an_account_follow_one_another_and_are_forgotten() {
        let turns = Turns::default();
        let [one, other] = [1, 2].map(|byte| ThrottleKey::new([byte; 16]));
        let first = turns.join(one);
        assert_eq!(first.ahead, 0);
        let first = first.begin().await;
        let others = turns.join(other).begin().await;
        let second = turns.join(one);
        assert_eq!(second.ahead, 1);
        let wait = Duration::from_secs(1);
        assert!(timeout(wait, turns.join(one).begin()).await.is_err());
        assert_eq!(turns.join(one).ahead, 2);
        let (second, ()) = tokio::join!(second.begin(), async { drop(first) });
        assert!(timeout(wait, turns.join(one).begin()).await.is_err());
        assert_eq!(turns.0.lock().len(), 2);
        drop((second, others));
        assert_eq!(turns.0.lock().len(), 0);
    }
}
