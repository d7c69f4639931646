//! Where tests hold, count and break work: before each hash, and before each handler.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use vestibule::hashing::BeforeHash;

use super::within;

const LIMIT: Duration = Duration::from_secs(30);

/// The hook that `TestHooks` takes before handlers.
type BeforeHandler = Arc<dyn Fn(&str) -> BoxFuture<'static, ()> + Send + Sync>;

/// Stands before every hash, in the hashing threads.
#[derive(Clone)]
pub(crate) struct HashGate(Arc<HashState>);

struct HashState {
    rule: Mutex<Rule>,
    changed: Condvar,
    counts: watch::Sender<Counts>,
    /// What came to the gate, in its order.
    algorithms: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Rule {
    closed: bool,
    /// How many may pass although it is closed.
    passes: usize,
    panics: usize,
    /// How many more are held until they are released, whatever else passes.
    hold_next: usize,
    holds: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    /// Hashes that came to the gate.
    started: usize,
    /// Of those, the ones that stand before it.
    held: usize,
    /// The most that ever stood before it at once.
    most_held: usize,
}

impl HashGate {
    /// A gate that lets everything pass and counts it.
    pub(crate) fn opened() -> Self {
        Self(Arc::new(HashState {
            rule: Mutex::default(),
            changed: Condvar::new(),
            counts: watch::Sender::default(),
            algorithms: Mutex::default(),
        }))
    }

    /// A gate that holds every hash.
    pub(crate) fn closed() -> Self {
        let gate = Self::opened();
        gate.close();
        gate
    }

    /// Holds the hashes that come from now on.
    pub(crate) fn close(&self) {
        self.rule(|rule| rule.closed = true);
    }

    /// Lets all pass.
    pub(crate) fn open(&self) {
        self.rule(|rule| *rule = Rule::default());
    }

    /// Holds the next hash until the gate is opened; those after it pass.
    pub(crate) fn hold_next(&self) {
        self.rule(|rule| {
            rule.hold_next += 1;
            rule.holds = true;
        });
    }

    /// Lets some more pass a closed gate.
    pub(crate) fn let_pass(&self, count: usize) {
        self.rule(|rule| rule.passes += count);
    }

    /// Lets the next ones panic in the hashing thread.
    pub(crate) fn break_next(&self, count: usize) {
        self.rule(|rule| rule.panics += count);
    }

    /// How many hashes came to the gate.
    pub(crate) fn started(&self) -> usize {
        self.0.counts.borrow().started
    }

    /// How many hashes stand before the gate.
    pub(crate) fn held(&self) -> usize {
        self.0.counts.borrow().held
    }

    /// The most hashes that ever stood before the gate at once.
    pub(crate) fn most_held(&self) -> usize {
        self.0.counts.borrow().most_held
    }

    /// Waits until so many hashes stand before the gate.
    pub(crate) async fn await_held(&self, count: usize) {
        let mut counts = self.0.counts.subscribe();
        let told = counts.wait_for(|counts| counts.held >= count);
        within(LIMIT, "hashes are held", told).await.unwrap();
    }

    /// Waits until so many hashes came to the gate.
    pub(crate) async fn await_started(&self, count: usize) {
        let mut counts = self.0.counts.subscribe();
        let told = counts.wait_for(|counts| counts.started >= count);
        within(LIMIT, "hashes are started", told).await.unwrap();
    }

    /// The algorithms and costs of the hashes that came since this was asked last.
    pub(crate) fn take_algorithms(&self) -> Vec<String> {
        std::mem::take(&mut self.0.algorithms.lock().unwrap())
    }

    /// What `TestHooks` takes.
    pub(crate) fn hook(&self) -> BeforeHash {
        let state = Arc::clone(&self.0);
        Arc::new(move |algorithm: &str| {
            state.algorithms.lock().unwrap().push(algorithm.to_owned());
            state.pass();
        })
    }

    fn rule(&self, change: impl FnOnce(&mut Rule)) {
        change(&mut self.0.rule.lock().unwrap());
        self.0.changed.notify_all();
    }
}

impl HashState {
    fn pass(&self) {
        let mut rule = self.rule.lock().unwrap();
        self.counts.send_modify(|counts| {
            counts.started += 1;
            counts.held += 1;
            counts.most_held = counts.most_held.max(counts.held);
        });
        let is_held = rule.hold_next > 0;
        rule.hold_next -= usize::from(is_held);
        let waits =
            |rule: &Rule| (is_held && rule.holds) || (!is_held && rule.closed && rule.passes == 0);
        while waits(&rule) {
            rule = self.changed.wait(rule).unwrap();
        }
        rule.passes = rule.passes.saturating_sub(usize::from(rule.closed));
        let breaks = rule.panics > 0;
        rule.panics = rule.panics.saturating_sub(1);
        // Before the panic, or the gate would be poisoned.
        drop(rule);
        self.counts.send_modify(|counts| counts.held -= 1);
        assert!(!breaks, "a test broke this hash");
    }
}

/// Stands before the handlers of some paths.
#[derive(Clone, Default)]
pub(crate) struct HandlerGate(Arc<HandlerState>);

#[derive(Default)]
struct HandlerState {
    closed: watch::Sender<Vec<String>>,
    broken: Mutex<Vec<String>>,
    arrived: watch::Sender<HashMap<String, usize>>,
}

impl HandlerGate {
    /// A gate that holds the calls of a path: `/vestibule.v1.AuthService/ValidLogin`, or
    /// `GET /users/me`.
    pub(crate) fn before(path: &str) -> Self {
        Self::default().and(path)
    }

    /// Holds the calls of another path too.
    pub(crate) fn and(self, path: &str) -> Self {
        self.0.closed.send_modify(|closed| closed.push(path.into()));
        self
    }

    /// Lets all pass.
    pub(crate) fn open(&self) {
        self.0.closed.send_modify(Vec::clear);
    }

    /// Lets the next call of a path panic before its handler.
    pub(crate) fn break_next(&self, path: &str) {
        self.0.broken.lock().unwrap().push(path.into());
    }

    /// How many calls of a path came to the gate.
    pub(crate) fn arrived(&self, path: &str) -> usize {
        self.0.arrived.borrow().get(path).copied().unwrap_or(0)
    }

    /// Waits until so many calls of a path came to the gate.
    pub(crate) async fn await_arrived(&self, path: &str, count: usize) {
        let mut arrived = self.0.arrived.subscribe();
        let told = arrived.wait_for(|paths| paths.get(path).is_some_and(|at| *at >= count));
        within(LIMIT, "calls arrive", told).await.unwrap();
    }

    /// What `TestHooks` takes.
    pub(crate) fn hook(&self) -> BeforeHandler {
        let state = Arc::clone(&self.0);
        Arc::new(move |path| {
            let (state, path) = (Arc::clone(&state), path.to_owned());
            Box::pin(async move { state.pass(&path).await })
        })
    }
}

impl HandlerState {
    async fn pass(&self, path: &str) {
        self.arrived
            .send_modify(|paths| *paths.entry(path.to_owned()).or_default() += 1);
        let breaks = {
            let mut broken = self.broken.lock().unwrap();
            let at = broken.iter().position(|name| name == path);
            at.map(|at| broken.swap_remove(at)).is_some()
        };
        assert!(!breaks, "a test broke this handler");
        let mut closed = self.closed.subscribe();
        let opened = closed.wait_for(|paths| !paths.iter().any(|name| name == path));
        drop(opened.await);
    }
}
