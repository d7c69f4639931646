//! Two replicas over one database: what one did holds at the other at once.

use std::sync::Arc;

use tokio::{sync::oneshot, task::JoinHandle};
use vestibule::proto::v1::SessionStatus;

use crate::harness::{Database, Plan, Server, figure, scale};

on_both_databases!(
    what_one_replica_revoked_is_revoked_at_the_other_at_once,
    a_rotation_is_known_to_every_replica,
);

async fn two(database: Database) -> (Server, Server) {
    let one = Server::start(database).await;
    let other = Plan::over(Arc::clone(&one.store)).start().await;
    (one, other)
}

/// Asks in a tight loop until told that the session was ended, and once more after that. Answers what
/// it was told by the calls that began after the end was acknowledged, and how often it asked.
fn ask(
    app: &Server,
    token: &str,
    mut ended: oneshot::Receiver<()>,
) -> JoinHandle<(SessionStatus, usize)> {
    let (client, token) = (app.another_grpc(), token.to_owned());
    tokio::spawn(async move {
        for asked in 1.. {
            let acknowledged = ended.try_recv().is_ok();
            let status = client.verdict(&token).await;
            if acknowledged {
                return (status, asked);
            }
        }
        unreachable!()
    })
}

/// (Z3) 4 loops around each of 20 revocations in CI, of 500 for the scorecard.
async fn what_one_replica_revoked_is_revoked_at_the_other_at_once(database: Database) {
    let (a, b) = two(database).await;
    let owner = a.owner().await;
    let (rounds, mut checks) = (scale(20, 500), 0);
    for _ in 0..rounds {
        let token = a.session_of(&owner.email).await;
        let (tell, loops): (Vec<_>, Vec<_>) = (0..4)
            .map(|_| {
                let (tell, ended) = oneshot::channel();
                (tell, ask(&b, &token, ended))
            })
            .unzip();
        a.grpc().revoke(&token).await.unwrap();
        for tell in tell {
            tell.send(()).unwrap();
        }
        for asking in loops {
            let (status, asked) = asking.await.unwrap();
            assert_eq!(status, SessionStatus::Revoked);
            checks += asked;
        }
    }
    figure(
        "Z3",
        format_args!("0 of {checks} checks stale over {rounds} revocations"),
    );
}

async fn a_rotation_is_known_to_every_replica(database: Database) {
    let (a, b) = two(database).await;
    let old = a.owner().await.token;
    let new = a.grpc().rotated(&old).await;
    assert_eq!(b.grpc().verdict(&new).await, SessionStatus::Active);
    assert_eq!(b.grpc().rotated(&old).await, new);
}
