//! Turns: the attempts of one account follow one another.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::db::ThrottleKey;

type Accounts = Mutex<HashMap<ThrottleKey, Arc<AsyncMutex<()>>>>;

/// The accounts that attempts are under way for.
#[derive(Default)]
pub(super) struct Turns(Arc<Accounts>);

/// The turn of one attempt, or its wait for it. The last one of an account forgets the account.
pub(super) struct Turn {
    accounts: Arc<Accounts>,
    account: ThrottleKey,
    /// `None`: it waits.
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until the attempts that came before are over.
    pub(super) async fn take(&self, account: ThrottleKey) -> Turn {
        let turn = Arc::clone(self.0.lock().entry(account).or_default());
        // Made before the wait, which may be given up.
        let mut taken = Turn {
            accounts: Arc::clone(&self.0),
            account,
            guard: None,
        };
        taken.guard = Some(turn.lock_owned().await);
        taken
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.guard.take());
        let mut accounts = self.accounts.lock();
        // Whoever waits, or is about to, holds the account as well.
        if let Some(turn) = accounts.get(&self.account)
            && Arc::strong_count(turn) == 1
        {
            accounts.remove(&self.account);
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
        let first = turns.take(one).await;
        let others = turns.take(other).await;
        let wait = Duration::from_secs(1);
        assert!(timeout(wait, turns.take(one)).await.is_err());
        assert_eq!(turns.0.lock().len(), 2);
        let (second, ()) = tokio::join!(turns.take(one), async { drop(first) });
        assert!(timeout(wait, turns.take(one)).await.is_err());
        drop((second, others));
        assert_eq!(turns.0.lock().len(), 0);
    }
}
