//! The framing and its clock over an in-memory stream, in moved time.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

const LIMIT: Duration = Duration::from_secs(5);
const PREFACE_BYTES: &[u8; PREFACE] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
    bytes.extend_from_slice(payload);
    bytes
}

fn accepted() -> (DuplexStream, HeaderTimeout<DuplexStream>) {
    let (client, server) = duplex(4096);
    (client, HeaderTimeout::new(server, LIMIT))
}

/// Sends a byte per second and answers after how long the server gave up.
async fn trickle(bytes: &[u8], greeting: &[u8]) -> Option<Duration> {
    let (mut client, mut server) = accepted();
    client.write_all(greeting).await.unwrap();
    let mut sink = vec![0; greeting.len()];
    server.read_exact(&mut sink).await.unwrap();
    let begin = Instant::now();
    let reading = tokio::spawn(async move {
        let error = server.read_to_end(&mut Vec::new()).await.err();
        error.map(|error| {
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            begin.elapsed()
        })
    });
    for byte in bytes {
        if client.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    drop(client);
    reading.await.unwrap()
}

/// (X4)
#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_nothing_is_given_up_after_the_limit() {
    let (_client, mut server) = accepted();
    let begin = Instant::now();
    let error = server.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(begin.elapsed(), LIMIT);
}

/// (X4)
#[tokio::test(start_paused = true)]
async fn a_preface_and_a_header_block_at_one_byte_a_second_are_given_up() {
    let header_block = frame(HEADERS, END_HEADERS, &[0; 40]);
    let after = Some(LIMIT);
    assert_eq!(trickle(PREFACE_BYTES, b"").await, after);
    assert_eq!(trickle(&header_block, PREFACE_BYTES).await, after);
}

/// (X4)
#[tokio::test(start_paused = true)]
async fn whole_frames_do_not_extend_a_header_block_that_never_ends() {
    let (mut client, mut server) = accepted();
    client.write_all(PREFACE_BYTES).await.unwrap();
    let reading = tokio::spawn(async move { server.read_to_end(&mut Vec::new()).await });
    let begin = Instant::now();
    client.write_all(&frame(HEADERS, 0, b"a")).await.unwrap();
    while !reading.is_finished() {
        let _ = client.write_all(&frame(CONTINUATION, 0, b"b")).await;
        sleep(Duration::from_secs(1)).await;
    }
    assert!(reading.await.unwrap().is_err());
    assert!(begin.elapsed() <= LIMIT + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_peer_between_frames_may_rest_for_ever() {
    let (mut client, mut server) = accepted();
    let settings = frame(0x4, 0, b"");
    let request = frame(HEADERS, END_HEADERS, b"abc");
    client.write_all(PREFACE_BYTES).await.unwrap();
    client.write_all(&settings).await.unwrap();
    client.write_all(&request[..5]).await.unwrap();
    let mut sink = [0; PREFACE + FRAME_HEADER + 5];
    server.read_exact(&mut sink).await.unwrap();
    assert!(server.preface_received().load(Ordering::Relaxed));

    client.write_all(&request[5..]).await.unwrap();
    let mut sink = [0; 7];
    server.read_exact(&mut sink).await.unwrap();
    let day = Duration::from_hours(24);
    let outcome = tokio::time::timeout(day, server.read_u8()).await;
    assert!(outcome.is_err(), "the stream ended: {outcome:?}");
}
