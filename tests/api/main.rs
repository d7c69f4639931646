//! Every promise of the service, over the real server: one binary, so that one throwaway Postgres
//! cluster serves all of it.
//!
//! A test is a sentence; its doc comment names the checks that it makes true and the size at which
//! it runs. `VESTIBULE_CHECKS=scorecard` runs the scorecard's sizes instead of CI's.
//! `VESTIBULE_TEST_POSTGRES=required` turns missing Postgres binaries from a clear line into a
//! failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, prints its figures, and reads the environment that it is started in"
)]

#[macro_use]
mod harness;

mod account;
mod backup;
mod bad_input;
mod calibrate;
mod callers;
mod cli;
mod connections;
mod container;
mod crash;
mod credentials;
mod cve;
mod database_time;
mod decoys;
mod docs;
mod drain;
mod enumeration;
mod epoch;
mod errors;
mod events;
mod gathering;
mod hashing;
mod histories;
mod idempotency;
mod import;
mod imported;
mod lifecycle;
mod limits;
mod little_memory;
mod log;
mod login;
mod mail;
mod metric_names;
mod metrics;
mod migrations;
mod model;
mod openapi;
mod operator;
mod outage;
mod overload;
mod panics;
mod parity;
mod password;
mod policy;
mod protos;
mod purge;
mod reflection;
mod register;
mod replicas;
mod rest;
mod restored;
mod rotation;
mod secrets;
mod session;
mod session_batch;
mod session_limits;
mod session_number;
mod setup;
mod signals;
mod start;
mod storage;
mod strength;
mod texts;
mod throttle;
mod tls;
mod transport;
mod undeclared;
mod unreachable;
mod upgrade;
mod users;
