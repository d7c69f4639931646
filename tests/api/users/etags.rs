//! Writes at the same time: what an etag protects, and who gets an address.

use futures_util::future::join_all;
use tonic::Code;
use vestibule::proto::v1::UpdateUserRequest;

use super::{assert_refused, edit_of};
use crate::harness::{Fault, Server, email, figure, scale};

on_both_databases!(
    a_stale_etag_writes_nothing_and_an_empty_one_writes_last,
    of_fifty_edits_with_one_etag_one_wins,
    of_many_who_want_one_address_one_gets_it,
);

async fn a_stale_etag_writes_nothing_and_an_empty_one_writes_last(app: Server) {
    let (users, user) = (app.users().await, app.grpc().registered().await);
    let with = |etag: &str| UpdateUserRequest {
        email: Some(email()),
        etag: etag.to_owned(),
        ..edit_of(&user)
    };
    let written = users.update(with(&user.etag)).await.unwrap();
    for stale in [
        user.etag.as_str(),
        "0",
        "x",
        " ",
        &format!(" {}", written.etag),
    ] {
        let refused = users.update(with(stale)).await;
        assert_refused(refused, Code::Aborted, "ETAG_MISMATCH");
    }
    assert_eq!(users.find(&user.id).await.unwrap(), written);
    let last = users.update(with("")).await.unwrap();
    assert_ne!(last.etag, written.etag);
}

/// 50 at once, 3 times in CI and 100 times for the scorecard.
async fn of_fifty_edits_with_one_etag_one_wins(app: Server) {
    let users = app.users().await;
    let rounds = scale(3, 100);
    for _ in 0..rounds {
        let user = app.grpc().registered().await;
        let edits = (0..50).map(|_| {
            let (users, etag) = (users.clone(), user.etag.clone());
            let edit = UpdateUserRequest {
                email: Some(email()),
                etag,
                ..edit_of(&user)
            };
            tokio::spawn(async move { users.update(edit).await })
        });
        let mut winners = Vec::new();
        for told in join_all(edits).await {
            match told.unwrap() {
                Ok(written) => winners.push(written),
                Err(status) => assert_eq!(Fault::of(&status).reason, "ETAG_MISMATCH"),
            }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(users.find(&user.id).await.unwrap(), winners[0]);
    }
    figure(
        "etag",
        format_args!("{rounds}/{rounds} of 50 edits with one etag: one wins"),
    );
}

async fn of_many_who_want_one_address_one_gets_it(app: Server) {
    let users = app.users().await;
    for _ in 0..scale(3, 50) {
        let wanted = email();
        let mut edits = Vec::new();
        for _ in 0..8 {
            let user = app.grpc().registered().await;
            edits.push(UpdateUserRequest {
                email: Some(wanted.clone()),
                ..edit_of(&user)
            });
        }
        let edits = edits.into_iter().map(|edit| {
            let users = users.clone();
            tokio::spawn(async move { users.update(edit).await })
        });
        let mut winners = 0;
        for told in join_all(edits).await {
            match told.unwrap() {
                Ok(_) => winners += 1,
                Err(status) => assert_eq!(Fault::of(&status).reason, "EMAIL_TAKEN"),
            }
        }
        assert_eq!(winners, 1);
    }
}
