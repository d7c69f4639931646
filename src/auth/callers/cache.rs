//! The database's answers about proofs, cached for a second: a caller's calls cost one statement a
//! second, and a removed caller is refused a second later. Only proofs that were found are cached,
//! so that made-up proofs cannot fill the cache.

use std::{collections::HashMap, hash::Hash, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long an answer is used.
const MAX_AGE: Duration = Duration::from_secs(1);
/// The most cached answers; beyond them callers cost more than one statement a second.
const MAX_LEN: usize = 1024;

pub(super) struct Cache<K, V>(Mutex<HashMap<K, Answer<V>>>);

struct Answer<V> {
    value: V,
    /// The time before the database was asked, since its answer may be as old as the question.
    asked_at: Instant,
}

impl<V> Answer<V> {
    fn is_fresh(&self) -> bool {
        self.asked_at.elapsed() < MAX_AGE
    }
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<V> {
        let answers = self.0.lock();
        let answer = answers.get(key).filter(|answer| answer.is_fresh())?;
        Some(answer.value.clone())
    }

    pub(super) fn put(&self, key: K, value: V, asked_at: Instant) {
        let mut answers = self.0.lock();
        if answers.len() >= MAX_LEN {
            answers.retain(|_, answer| answer.is_fresh());
        }
        if answers.len() >= MAX_LEN {
            answers.clear();
        }
        answers.insert(key, Answer { value, asked_at });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_used_for_a_second_from_the_question() {
        let cache = Cache::default();
        let asked_at = Instant::now();
        advance(Duration::from_millis(600)).await;
        cache.put("key", 1, asked_at);
        assert_eq!(cache.get(&"key"), Some(1));
        assert_eq!(cache.get(&"other"), None);
        advance(Duration::from_millis(399)).await;
        assert_eq!(cache.get(&"key"), Some(1));
        advance(Duration::from_millis(1)).await;
        assert_eq!(cache.get(&"key"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_stays_small_under_any_number_of_proofs() {
        let cache = Cache::default();
        for key in 0..10 * MAX_LEN {
            cache.put(key, (), Instant::now());
            assert!(cache.0.lock().len() <= MAX_LEN);
            assert_eq!(cache.get(&key), Some(()));
        }
    }
}
