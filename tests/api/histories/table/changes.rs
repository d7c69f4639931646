//! The rows of the table: each change, and what is left after it.

use vestibule::{
    domain::TokenPurpose,
    proto::v1::{
        CreateSessionForUserRequest, UpdateUserRequest, create_session_for_user_request::User,
        revoke_user_sessions_request::Sessions,
    },
};

use super::{Account, Duration, NEW, Town, id_of};
use crate::{
    harness::{Issue, PASSWORD, ServerProcess, email},
    histories::{Code, assert_refused},
};

/// A change, the sessions that live on, and the requests that stay.
type Row = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const NOTHING: &[&str] = &[];
const BOTH: &[&str] = &["own", "other"];
const ALL: &[&str] = &[
    "reset",
    "verification",
    "own change",
    "other change",
    "way back",
];
const ALL_BUT_THE_OTHERS: &[&str] = &["reset", "verification", "own change", "way back"];
const BACK: &[&str] = &["way back"];
const OWN_AND_BACK: &[&str] = &["own change", "way back"];
const NO_CHANGE: &[&str] = &["reset", "verification", "way back"];

#[rustfmt::skip] // a table is read by column
pub(super) const CHANGES: &[Row] = &[
    ("password changed",                 &["own"], BACK),
    ("password reset by mail",           NOTHING,  BACK),
    ("password reset by a caller",       NOTHING,  BACK),
    ("address verified by mail",         BOTH,     &["reset", "own change", "other change", "way back"]),
    ("address verified by a caller",     BOTH,     &["reset", "own change", "other change", "way back"]),
    ("address changed by mail",          NOTHING,  BACK),
    ("address assigned by a caller",     NOTHING,  NOTHING),
    ("former address restored",          NOTHING,  NOTHING),
    ("address change requested",         BOTH,     NO_CHANGE),
    ("address change cancelled",         BOTH,     NO_CHANGE),
    ("claimed by its mailbox",           NOTHING,  NOTHING),
    ("disabled",                         NOTHING,  NOTHING),
    ("enabled",                          BOTH,     ALL),
    ("erased",                           NOTHING,  NOTHING),
    ("RevokeOtherSessions",              &["own"], OWN_AND_BACK),
    ("RevokeUserSessions all",           NOTHING,  NOTHING),
    ("RevokeUserSessions except",        &["own"], OWN_AND_BACK),
    ("RevokeUserSessions issued_before", &["own"], OWN_AND_BACK),
    ("RevokeUserSessions session_id",    &["own"], ALL_BUT_THE_OTHERS),
    ("RevokeSessionById",                &["own"], ALL_BUT_THE_OTHERS),
    ("a replaced secret presented",      &["own"], ALL_BUT_THE_OTHERS),
    ("the fifth wrong password",         &["own"], ALL_BUT_THE_OTHERS),
    ("logged out",                       &["own"], ALL),
    ("logged out by its id",             &["own"], ALL),
    ("logged in",                        BOTH,     ALL),
    ("rotated",                          BOTH,     ALL),
    ("proven again",                     BOTH,     ALL),
    ("a session opened by a caller",     BOTH,     ALL),
    ("a reset made by a caller",         BOTH,     &["verification", "own change", "other change", "way back"]),
    ("sessions revoke --all",            NOTHING,  NOTHING),
];

/// Makes a change of the user, by the session that it names as its own.
pub(super) async fn make(town: &Town, account: &Account, change: &str) {
    let (id, users) = (account.owner.id.as_str(), &town.users);
    match change {
        "disabled" => drop(users.disable(id).await.unwrap()),
        "enabled" => drop(users.enable(id).await.unwrap()),
        "erased" => users.delete(id).await.unwrap(),
        "a session opened by a caller" => drop(users.open_for(id).await.unwrap()),
        "a reset made by a caller" => drop(users.reset_for(id).await.unwrap()),
        "claimed by its mailbox" => {
            let request = CreateSessionForUserRequest {
                user: Some(User::UserId(id.to_owned())),
                proves_email: true,
                ..CreateSessionForUserRequest::default()
            };
            users.open(request).await.unwrap();
        }
        "address verified by a caller" | "address assigned by a caller" => {
            let is_other = change == "address assigned by a caller";
            let edit = UpdateUserRequest {
                user_id: id.to_owned(),
                email: is_other.then(email),
                email_verified: (!is_other).then_some(true),
                ..UpdateUserRequest::default()
            };
            users.update(edit).await.unwrap();
        }
        "sessions revoke --all" => {
            let line = ["sessions", "revoke", "--all", "--yes"];
            let done = ServerProcess::run_over(&town.app.store, &line).await;
            assert_eq!(done.code(), Some(0), "{}", done.output);
        }
        _ if change.starts_with("RevokeUserSessions") => {
            let other = id_of(&account.other).to_string();
            let sessions = match change {
                "RevokeUserSessions all" => Sessions::All(true),
                "RevokeUserSessions except" => {
                    Sessions::ExceptSessionId(id_of(&account.own).to_string())
                }
                "RevokeUserSessions session_id" => Sessions::SessionId(other),
                _ => Sessions::IssuedBefore(prost_types::Timestamp {
                    seconds: account.between.timestamp(),
                    nanos: account.between.timestamp_subsec_nanos().cast_signed(),
                }),
            };
            users.revoke(id, sessions).await.unwrap();
        }
        _ => by_its_user(town, account, change).await,
    }
}

async fn by_its_user(town: &Town, account: &Account, change: &str) {
    let (app, service) = (&town.app, town.app.account());
    let (address, own) = (account.owner.email.as_str(), account.own.as_str());
    let issue = async |purpose, mailed| {
        let at = account.between - Duration::from_secs(1);
        let issue = Issue {
            mailed,
            at,
            ..Issue::of(purpose)
        };
        app.issue(address, issue).await
    };
    let redeem = async |purpose, mailed| {
        let token = issue(purpose, mailed).await;
        service.redeem(purpose, &token, NEW).await
    };
    let done = match change {
        "password changed" => service.change_password(own, PASSWORD, NEW).await,
        "password reset by mail" => redeem(TokenPurpose::PasswordReset, true).await,
        "password reset by a caller" => redeem(TokenPurpose::PasswordReset, false).await,
        "address verified by mail" => redeem(TokenPurpose::EmailVerification, true).await,
        "address changed by mail" => redeem(TokenPurpose::EmailChange, true).await,
        // To an address that the user had before the one of the way back that is there.
        "former address restored" => redeem(TokenPurpose::EmailRestore, true).await,
        "address change requested" => service.request_email_change(own, PASSWORD, &email()).await,
        "address change cancelled" => service.cancel_email_change(own).await,
        "RevokeOtherSessions" => service.revoke_others(own).await,
        "proven again" => service.reauthenticate(own, PASSWORD).await.map(drop),
        "logged in" => app.grpc().open(address, PASSWORD).await.map(drop),
        "rotated" => app.grpc().rotate(own).await.map(drop),
        _ => {
            of_the_other_session(town, account, change).await;
            Ok(())
        }
    };
    done.unwrap();
}

async fn of_the_other_session(town: &Town, account: &Account, change: &str) {
    let (grpc, service) = (town.app.grpc(), town.app.account());
    let (own, other) = (account.own.as_str(), account.other.as_str());
    let id = id_of(other).to_string();
    match change {
        "RevokeSessionById" => service.revoke_by_id(own, &id).await.unwrap(),
        "logged out" => grpc.revoke(other).await.unwrap(),
        "logged out by its id" => service.revoke_by_id(other, &id).await.unwrap(),
        "a replaced secret presented" => {
            grpc.rotated(other).await;
            town.clock.advance(Duration::from_secs(30));
            grpc.verdict(other).await;
        }
        "the fifth wrong password" => {
            for _ in 0..5 {
                let tried = service.close(other, "a canary that never sang").await;
                assert_refused(tried, Code::Unauthenticated, "BAD_CREDENTIALS");
            }
        }
        _ => panic!("no such change: {change}"),
    }
}
