//! What users do with their own account, and what nobody else does with it.

mod closing;
mod delivery;
mod disabled;
mod email_change;
mod input;
mod password;
pub(crate) mod proofs;
mod races;
mod reset;
mod sequences;
mod sessions;
mod verification;

use tonic::{Code, Status};
use vestibule::proto::v1::SessionStatus;

use crate::harness::{EventKind, Fault, PASSWORD, Server, events_of, scale};

/// A good password that nobody has yet.
const NEW: &str = "the new canary sings";
/// A password that nobody has.
const WRONG: &str = "a canary that never sang";

fn meaning<T>(outcome: Result<T, Status>) -> String {
    match outcome {
        Ok(_) => "OK".to_owned(),
        Err(status) => Fault::of(&status).reason,
    }
}

/// A refused proof of either kind.
fn assert_refused<T>(outcome: Result<T, Status>, code: Code, reason: &str) {
    assert_eq!(Fault::from(outcome).meaning(), (code, reason));
}

fn assert_token_invalid<T>(outcome: Result<T, Status>) {
    assert_refused(outcome, Code::FailedPrecondition, "TOKEN_INVALID");
}

fn assert_session_invalid<T>(outcome: Result<T, Status>) {
    assert_refused(outcome, Code::Unauthenticated, "SESSION_INVALID");
}

fn assert_bad_credentials<T>(outcome: Result<T, Status>) {
    assert_refused(outcome, Code::Unauthenticated, "BAD_CREDENTIALS");
}

/// A wrong current password has the reason of a wrong login, and a text that names no address.
fn assert_wrong_current_password<T>(outcome: Result<T, Status>) {
    let fault = Fault::from(outcome);
    assert_eq!(fault.meaning(), (Code::Unauthenticated, "BAD_CREDENTIALS"));
    assert_eq!(fault.message, "wrong current password");
}

/// So many more sessions of a user; 100 with the one that is there.
async fn many_sessions(app: &Server, email: &str) -> Vec<String> {
    let mut sessions = Vec::new();
    for _ in 0..scale(5, 99) {
        sessions.push(app.session_of(email).await);
    }
    sessions
}

/// None of them is left.
async fn assert_all_ended(app: &Server, sessions: &[String]) {
    for session in sessions {
        assert_eq!(app.grpc().verdict(session).await, SessionStatus::Revoked);
    }
}

/// How often something is among a user's events.
async fn events(app: &Server, user_id: &str, kind: EventKind) -> usize {
    let id = user_id.replace('-', "");
    let column = match app.store.target {
        vestibule::db::Target::Sqlite(_) => "lower(hex(user_id))",
        vestibule::db::Target::Postgres { .. } => "replace(user_id::text, '-', '')",
    };
    let rows = format!("{} AND {column} = '{id}'", events_of(&[kind]));
    app.store.rows(&rows).await
}

/// Whether a password is the one of an address.
async fn opens(app: &Server, email: &str, password: &str) -> bool {
    app.grpc().is_valid(email, password).await
}

/// Nothing of a user was changed.
async fn assert_unchanged(app: &Server, email: &str) {
    assert!(opens(app, email, PASSWORD).await);
    assert!(!opens(app, email, NEW).await);
}
