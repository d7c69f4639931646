//! Connections grow only so old, so that clients find new replicas.

use super::{peer::Peer, *};
use crate::harness::within;

const GOAWAY: u8 = 0x7;

on_both_databases!(a_connection_that_is_old_is_closed_and_no_call_is_cut,);

async fn a_connection_that_is_old_is_closed_and_no_call_is_cut(database: Database) {
    let gate = HandlerGate::before(VALIDATE);
    let plan = Server::on(database).await.handler_gate(&gate);
    let age = Duration::from_secs(1);
    let plan = plan.settings(|settings| settings.server.connections.max_age = age);
    let app = plan.start().await;
    let client = app.another_grpc();
    let call = {
        let client = client.clone();
        tokio::spawn(async move { client.validate("a token").await })
    };
    gate.await_arrived(VALIDATE, 1).await;

    // Each of these is younger than that of the call, and told to go.
    for _ in 0..2 {
        let mut idle = Peer::of(app.raw_grpc().await).await;
        let mut frames = Vec::new();
        let all = async {
            while let Some(frame) = idle.read_frame().await {
                frames.push(frame);
            }
        };
        within(Duration::from_secs(20), "the peer closes", all).await;
        assert!(frames.contains(&GOAWAY), "{frames:?}");
    }
    gate.open();
    call.await.unwrap().unwrap();
    // A client may still choose the connection that is just being closed; nothing was sent then.
    eventually("the client opens another connection", async || {
        client.validate("a token").await.is_ok()
    })
    .await;
}
