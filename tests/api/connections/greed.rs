//! Peers that want more of the memory than is theirs.

use prost::Message;
use tokio::time::interval;
use vestibule::proto::v1::BatchValidateSessionsRequest;

use super::{
    peer::{Peer, STREAMS},
    *,
};
use crate::harness::{Fault, MemoryGroup, Scrape, frame};

const MIB: u64 = 1024 * 1024;
/// What two workers, the reserve and the connections need at most.
const LIMIT: u64 = 280 * MIB;
/// `SETTINGS_INITIAL_WINDOW_SIZE = 0` (RFC 9113 §6.5.2): whoever says so reads no answer.
const NO_WINDOW: [u8; 6] = [0, 4, 0, 0, 0, 0];
const BATCH: &str = "/vestibule.v1.AuthService/BatchValidateSessions";
const SETTINGS: (u8, u8) = (0x4, 0x0);

/// Header lists that are cheap to send, calls that never end, answers that nobody reads and connections
/// that do nothing, all at once in a container as small as the bound, beside a good client. In CI a tenth
/// of the peers of the scorecard.
#[tokio::test(flavor = "multi_thread")]
async fn greedy_peers_stay_within_the_bound_and_are_closed() {
    let store = Store::new(Database::Sqlite).await;
    let group = MemoryGroup::of(LIMIT);
    let service = match &group {
        Some(group) => ServerProcess::start_in(&store, group),
        None => ServerProcess::start(&store, &["--lifecycle-drain-delay", "0s"], &[]),
    };
    service.await_ready().await;
    let user = service.grpc().registered().await;
    let opened = service.grpc().open(&user.email, PASSWORD).await.unwrap();
    let token = opened.session_token;
    let mut all = JoinSet::new();

    let request = BatchValidateSessionsRequest {
        session_tokens: vec![token.clone(); 500],
    };
    let message = frame(&request.encode_to_vec());
    for _ in 0..scale(8, 80) {
        let (mut peer, message) = (Peer::of(service.raw_grpc().await).await, message.clone());
        all.spawn(async move {
            let settings = h2_frame(SETTINGS, 0, &NO_WINDOW);
            peer.connection.write(&settings).await;
            for stream in 0..STREAMS {
                if peer.call(BATCH, 2 * stream + 1, &message).await.is_none() {
                    break;
                }
            }
            peer.connection.read_to_end().await;
        });
    }
    let mut held = Vec::new();
    for _ in 0..scale(10, 100) {
        let mut peer = Peer::of(service.raw_grpc().await).await;
        peer.begin_calls(VALIDATE, 470).await;
        held.push(peer);
    }
    for _ in 0..scale(50, 500) {
        let mut peer = Peer::of(service.raw_grpc().await).await;
        peer.begin_calls(VALIDATE, 0).await;
        held.push(peer);
    }
    for _ in 0..scale(100, 400) {
        held.push(Peer::of(service.raw_grpc().await).await);
    }

    let client = service.grpc();
    let closed = tokio::spawn(all.join_all());
    let mut pace = interval(Duration::from_millis(10));
    let mut good = 0;
    while !closed.is_finished() {
        pace.tick().await;
        // On a busy machine the batches of the others may leave a check no room among the lookups.
        match client.validate(&token).await {
            Ok(answer) => {
                assert_eq!(answer.status(), SessionStatus::Active);
                good += 1;
            }
            Err(status) => assert_eq!(Fault::of(&status).reason, "OVERLOADED"),
        }
    }
    closed.await.unwrap();
    assert!(client.is_valid(&user.email, PASSWORD).await);
    assert!(good > 0);
    let seen = Scrape::parse(service.operations().get("/metrics").await.text());
    let bound = seen.value("vestibule_memory_bound_bytes", &[]);
    let peak = service.peak_resident_kib() * 1024;
    drop(held);
    figure(
        "memory",
        format_args!(
            "{} MiB held at most of {} stated; {good} session checks beside it",
            peak / MIB,
            bound / MIB
        ),
    );
    assert!(peak <= bound && bound <= LIMIT, "{peak} {bound}");
    if let Some(group) = group {
        assert_eq!(group.kills(), 0);
        service.signal("TERM").await;
        service.finish().await;
    }
}
