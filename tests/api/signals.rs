//! What only a process shows of the drain: signals and exit codes.

use std::time::Duration;

use tokio::time::Instant;

use crate::harness::{
    Database, Finished, PASSWORD, ServerProcess, Store, eventually, figure, within,
};

on_both_databases!(
    a_terminated_service_drains_and_exits_0,
    a_second_signal_exits_1_at_once,
);

const LIMIT: Duration = Duration::from_secs(20);

fn serve(store: &Store, drain_delay: &str) -> ServerProcess {
    ServerProcess::start(
        store,
        &["--lifecycle-drain-delay", drain_delay],
        &[("VESTIBULE_HASHING_WORKERS", "1")],
    )
}

async fn finish(service: ServerProcess) -> Finished {
    within(LIMIT, "the process ends", service.finish()).await
}

/// (X8) SIGINT without the delay that SIGTERM has.
async fn a_terminated_service_drains_and_exits_0(database: Database) {
    let store = Store::new(database).await;
    for (signal, drain_delay) in [("TERM", "0s"), ("INT", "60s")] {
        let service = serve(&store, drain_delay);
        service.await_ready().await;
        let user = service.grpc().registered().await;
        assert!(service.grpc().is_valid(&user.email, PASSWORD).await);
        let start = Instant::now();
        service.signal(signal).await;
        let finished = finish(service).await;
        assert_eq!(finished.status.code(), Some(0), "{}", finished.output);
        figure(
            "X8",
            format_args!("SIG{signal}: exit 0 in {:?}", start.elapsed()),
        );
    }
}

/// (W42) Whichever two they are.
async fn a_second_signal_exits_1_at_once(database: Database) {
    let store = Store::new(database).await;
    for (first, second) in [("TERM", "TERM"), ("TERM", "INT")] {
        let service = serve(&store, "60s");
        service.await_ready().await;
        service.signal(first).await;
        eventually("it drains", async || {
            service.operations().get("/readyz").await.status == 503
        })
        .await;
        service.signal(second).await;
        let finished = finish(service).await;
        assert_eq!(finished.status.code(), Some(1), "{}", finished.output);
    }
}
