//! What a test wants of its application, before it starts: the real settings with cheap hashes,
//! free ports and no drain delay.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use vestibule::{
    auth,
    domain::{Budget, PasswordPolicy, SessionLimits, ThrottlePolicy},
    hashing, mail,
    server::{self, ApplicationSettings, TestHooks},
    transport::{AuthServiceAccess, GateSettings, Proxies, Reflection},
};

use super::{Database, HandlerGate, HashGate, Server, Store};

/// The plan of a [`Server`].
pub(crate) struct Plan {
    pub(crate) store: Arc<Store>,
    pub(crate) settings: ApplicationSettings,
    pub(crate) hooks: TestHooks,
    /// Kept so that a test that fails does not leave the hashing threads held.
    pub(crate) hash_gate: Option<HashGate>,
    pub(crate) await_ready: bool,
}

impl Plan {
    /// The usual plan over a database.
    pub(crate) fn over(store: Arc<Store>) -> Self {
        Self {
            settings: ApplicationSettings {
                server: listeners(),
                db: store.settings(),
                hashing: cheap_hashing(),
                mail: mail::Delivery::Nowhere,
                auth: auth::AuthSettings {
                    password: PasswordPolicy {
                        min_length: 8,
                        min_strength: 0,
                    },
                    breached: None,
                    session_limits: SessionLimits {
                        lifetime: Duration::from_hours(30 * 24),
                        idle: Duration::from_hours(14 * 24),
                        per_user: 100,
                    },
                    reauthentication: Duration::from_mins(10),
                    last_seen_interval: Duration::from_mins(1),
                    keep_ended: Duration::from_hours(7 * 24),
                    keep_events: Duration::from_hours(400 * 24),
                    keep_addresses: Duration::from_hours(90 * 24),
                    mail: auth::MailSettings {
                        reset_lifetime: Duration::from_mins(10),
                        verification_lifetime: Duration::from_hours(24),
                        queue: 1_000,
                        verification_proof: auth::VerificationProof::Required,
                        spread: Duration::ZERO,
                    },
                    throttle: Some(throttle()),
                },
            },
            hooks: TestHooks::default(),
            hash_gate: None,
            await_ready: true,
            store,
        }
    }

    /// The usual plan over a fresh database.
    pub(crate) async fn on(database: Database) -> Self {
        Self::over(Arc::new(Store::new(database).await))
    }

    /// Changes the settings.
    pub(crate) fn settings(mut self, change: impl FnOnce(&mut ApplicationSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Changes the hooks.
    pub(crate) fn hooks(mut self, change: impl FnOnce(&mut TestHooks)) -> Self {
        change(&mut self.hooks);
        self
    }

    /// Lets wrong passwords slow nothing down: for tests that try many, or one account many times at
    /// once, and look at something else.
    pub(crate) fn unthrottled(self) -> Self {
        self.settings(|settings| settings.auth.throttle = None)
    }

    /// Has a gate before every hash.
    pub(crate) fn hash_gate(mut self, gate: &HashGate) -> Self {
        self.hooks.before_hash = Some(gate.hook());
        self.hash_gate = Some(gate.clone());
        self
    }

    /// Has a gate before every handler.
    pub(crate) fn handler_gate(mut self, gate: &HandlerGate) -> Self {
        self.hooks.before_handler = Some(gate.hook());
        self
    }

    /// Does not wait until the application is SERVING.
    pub(crate) fn without_waiting(mut self) -> Self {
        self.await_ready = false;
        self
    }

    /// Starts the application.
    pub(crate) async fn start(self) -> Server {
        Server::from(self).await
    }
}

fn listeners() -> server::ServerSettings {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    server::ServerSettings {
        grpc_listen: any,
        request_timeout: Duration::from_secs(10),
        connections: server::ConnectionSettings {
            max: 10_000,
            max_age: Duration::from_mins(30),
        },
        rest_listen: Some(any),
        gate: GateSettings {
            auth_service: AuthServiceAccess::Open,
            reflection: Reflection::On,
            proxies: Proxies::default(),
        },
        tls: None,
        operations_listen: any,
        drain_delay: Duration::ZERO,
        grace: Duration::from_secs(5),
        migrate_on_start: true,
    }
}

/// The floor of 19 MiB is a rule of `config`; here a hash costs microseconds.
pub(crate) fn cheap_hashing() -> hashing::HashingSettings {
    hashing::HashingSettings {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
        workers: 2,
        queue: 128,
        max_wait: Duration::from_secs(2),
    }
}

/// The shipped limits of failures.
pub(crate) fn throttle() -> ThrottlePolicy {
    ThrottlePolicy {
        failures: 5,
        failures_max: 100,
        longest_delay: Duration::from_mins(15),
        source: Budget::hourly(100),
        registrations: Budget::hourly(100),
    }
}
