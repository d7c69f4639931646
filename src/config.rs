//! Configuration: every setting of every layer, from a flag, a variable, a file or a default.
//!
//! A flag wins over a variable, a variable over the file (TOML, named by `--config` or
//! `VESTIBULE_CONFIG`), the file over the default; `--dev` changes defaults, and where mail goes.
//! Flags, variables, file keys and `config show` all follow from the keys that the sections declare.
//! One start reports every fault.

mod callers;
mod database;
mod database_url;
mod events;
mod file;
mod grpc;
mod hashing;
mod key;
mod keys;
mod lifecycle;
mod log;
mod mail;
mod operations;
mod parse;
mod password;
mod permissions;
mod problem;
mod reader;
mod rest;
mod rules;
mod service_links;
mod sessions;
mod show;
mod smtp;
mod source;
mod throttle;
mod tls;
mod values;

use std::{fmt, net::SocketAddr};

pub use key::Key;
pub use keys::keys;
pub(crate) use parse::parse_duration;
pub(crate) use problem::{ConfigProblem, ConfigProblems, nearest_name};
pub use source::{Environment, Flags};

use crate::{auth, db, server, telemetry, transport};
use reader::Reader;

/// The configuration of `serve`.
pub(crate) struct Config {
    pub(crate) application: server::ApplicationSettings,
    pub(crate) telemetry: telemetry::TelemetrySettings,
    /// Logged once at start.
    pub(crate) warnings: Vec<String>,
    shown: String,
}

impl Config {
    pub(crate) fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigProblems> {
        let mut reader = reader(flags, environment);
        let application = application(&mut reader);
        let telemetry = log::read_section(&mut reader);
        let (settings, reader) = reader.finish(application.zip(telemetry))?;
        Ok(Self {
            application: settings.0,
            telemetry: settings.1,
            shown: show::render(&reader),
            warnings: reader.warnings,
        })
    }

    /// TOML with each value's source as a comment, secrets masked.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The configuration of the commands on the database: the sections `database` and `log` alone.
#[derive(Debug)]
pub(crate) struct DatabaseConfig {
    pub(crate) db: db::DbSettings,
    pub(crate) telemetry: telemetry::TelemetrySettings,
    pub(crate) warnings: Vec<String>,
}

impl DatabaseConfig {
    pub(crate) fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigProblems> {
        let mut reader = reader(flags, environment);
        let db = database::read_section(&mut reader);
        let telemetry = log::read_section(&mut reader);
        let ((db, telemetry), reader) = reader.finish(db.zip(telemetry))?;
        Ok(Self {
            db,
            telemetry,
            warnings: reader.warnings,
        })
    }
}

/// The server that `healthcheck` dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HealthcheckConfig {
    /// `grpc.listen`, with loopback for the unspecified address.
    pub(crate) address: SocketAddr,
    /// Whether `tls.certificate` is set. The file is not read: a healthy server may still serve an
    /// older certificate.
    pub(crate) tls: bool,
}

impl HealthcheckConfig {
    pub(crate) fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigProblems> {
        let mut reader = reader(flags, environment);
        let address = grpc::read_dialled(&mut reader);
        let tls = tls::is_on(&reader);
        let healthcheck = address.map(|address| Self { address, tls });
        Ok(reader.finish(healthcheck)?.0)
    }
}

/// The section `hashing` alone, for `calibrate`.
pub(crate) fn hashing_settings(
    flags: &Flags,
    environment: &Environment,
) -> Result<crate::hashing::HashingSettings, ConfigProblems> {
    let mut reader = reader(flags, environment);
    let settings = hashing::read_section(&mut reader);
    Ok(reader.finish(settings)?.0)
}

fn reader<'a>(flags: &Flags, environment: &'a Environment) -> Reader<'a> {
    Reader::new(keys().collect(), flags, environment)
}

/// Reads every section before it returns: a fault in one hides none in another.
fn application(reader: &mut Reader<'_>) -> Option<server::ApplicationSettings> {
    let callers = callers::read_section(reader);
    let grpc = grpc::read_section(reader);
    let rest = rest::read_section(reader);
    let trust_domain = callers
        .as_ref()
        .and_then(|callers| callers.trust_domain.clone());
    let tls = tls::read_section(reader, trust_domain);
    rules::check_trust_domain(reader);
    let operations = operations::read_section(reader);
    rules::check_listeners(
        reader,
        callers.as_ref(),
        &[
            (&grpc::LISTEN, grpc.as_ref().map(|grpc| grpc.listen)),
            (&rest::LISTEN, rest.as_ref().and_then(|rest| rest.listen)),
        ],
        (&operations::LISTEN, operations),
    );
    let db = database::read_section(reader);
    let migrate_on_start = database::read_migrate_on_start(reader);
    let hashing = hashing::read_section(reader);
    let mail = rules::read_delivery(reader);
    let auth = use_cases(reader);
    let lifecycle = lifecycle::read_section(reader);

    let (grpc, rest, lifecycle, callers) = (grpc?, rest?, lifecycle?, callers?);
    Some(server::ApplicationSettings {
        server: server::ServerSettings {
            grpc_listen: grpc.listen,
            request_timeout: grpc.request_timeout,
            connections: grpc.connections,
            rest_listen: rest.listen,
            gate: transport::GateSettings {
                auth_service: callers.auth_service,
                reflection: grpc.reflection,
                proxies: callers.proxies,
            },
            tls: tls?.settings,
            operations_listen: operations?,
            drain_delay: lifecycle.drain_delay,
            grace: lifecycle.grace,
            migrate_on_start: migrate_on_start?,
        },
        db: db?,
        hashing: hashing?,
        mail: mail?,
        auth: auth?,
    })
}

fn use_cases(reader: &mut Reader<'_>) -> Option<auth::AuthSettings> {
    let password = password::read_section(reader);
    let sessions = sessions::read_section(reader);
    let events = events::read_section(reader);
    let mail = mail::read_settings(reader);
    let throttle = throttle::read_section(reader);
    let (password, sessions, events) = (password?, sessions?, events?);
    Some(auth::AuthSettings {
        password: password.policy,
        breached: password.breached,
        session_limits: sessions.limits,
        last_seen_interval: sessions.last_seen_interval,
        keep_ended: sessions.keep_ended,
        reauthentication: sessions.reauthentication,
        keep_events: events.keep,
        keep_addresses: events.keep_addresses,
        mail: mail?,
        throttle: throttle?.policy,
    })
}

#[cfg(test)]
mod tests;
