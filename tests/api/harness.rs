//! What the tests stand on: databases that are thrown away, the real application on free ports,
//! clients for both protocols, and the places where work is held, counted and broken.

#[macro_use]
mod database;

mod account;
mod changes;
mod descriptors;
mod fault;
mod frames;
mod grpc;
mod hooks;
mod inputs;
mod logs;
mod memory_group;
mod postgres;
mod proc;
mod process;
mod proxy;
mod raw;
mod rest;
mod samples;
mod scale;
mod scrape;
mod server;
mod settings;
mod smtp;
mod tls;
mod tokens;
mod users;
mod wait;
mod wire;

pub(crate) use vestibule::proto::v1::EventKind;

pub(crate) use account::TestUser;
pub(crate) use changes::mail_request;
pub(crate) use database::{Database, Fixture, Store, events_of, keep, number};
pub(crate) use descriptors::{
    behaviors, choice_of, is_required, is_secret, message, messages, methods_of, name_of, rpcs,
};
pub(crate) use fault::Fault;
pub(crate) use frames::{DATA, HEADERS, call_headers, h2_frame, h2_greeting};
pub(crate) use grpc::{Client, Health, NOT_SERVING, SERVICE_UNKNOWN, SERVING};
pub(crate) use hooks::{HandlerGate, HashGate};
pub(crate) use inputs::{PASSWORD, email, phrase};
pub(crate) use logs::captured_lines;
pub(crate) use memory_group::MemoryGroup;
pub(crate) use postgres::Postgres;
pub(crate) use process::{Finished, ServerProcess};
pub(crate) use proxy::{Link, Proxy, behind_proxy};
pub(crate) use raw::RawConnection;
pub(crate) use rest::{Reply, Rest};
pub(crate) use samples::Sample;
pub(crate) use scale::{assert_within, figure, scale};
pub(crate) use scrape::{Declaration, Scrape};
pub(crate) use server::Server;
pub(crate) use settings::{Plan, cheap_hashing};
pub(crate) use smtp::{LOGIN, Mail, Sink};
pub(crate) use tls::{Authority, TlsClient, TlsFolder, settings as tls_settings};
pub(crate) use tokens::{Issue, TOKEN_LIFETIME};
pub(crate) use users::Users;
pub(crate) use wait::{eventually, within};
pub(crate) use wire::{Wire, WireReply, frame};
