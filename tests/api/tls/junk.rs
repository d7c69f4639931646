//! Bytes that are no handshake, or a strange one.

use std::sync::Arc;

use tokio_rustls::rustls::ClientConnection;

use super::*;
use crate::harness::{RawConnection, scale};

const HANDSHAKE_RECORD: u8 = 22;

/// A record of TLS.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 3, 1, length[0], length[1]], body].concat()
}

/// A good `ClientHello`, as one record.
pub(super) fn hello(client: &TlsClient) -> Vec<u8> {
    let config = Arc::new(client.config());
    let mut connection = ClientConnection::new(config, TlsClient::host()).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

/// A `ClientHello` of an old version (RFC 5246 §7.4.1.2) that is faultless but for that.
pub(super) fn old_hello(minor: u8) -> Vec<u8> {
    let mut body = vec![3, minor];
    body.extend([7; 32]);
    // No session; TLS_RSA_WITH_AES_128_CBC_SHA; no compression.
    body.extend([0, 0, 2, 0, 0x2F, 1, 0]);
    // One extension: signatures by ECDSA on P-256 with SHA-256.
    body.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let length = u8::try_from(body.len()).unwrap();
    record(HANDSHAKE_RECORD, &[&[1, 0, 0, length], &body[..]].concat())
}

/// What is sent, and how it is answered: not at all, or by an alert and the end.
fn kinds(hello: &[u8]) -> Vec<Vec<u8>> {
    let mut flipped = hello.to_vec();
    for byte in flipped.iter_mut().skip(50).step_by(7) {
        *byte ^= 0xFF;
    }
    // A handshake message of 16 MiB that never ends.
    let mut endless = record(HANDSHAKE_RECORD, &[1, 0xFF, 0xFF, 0xFF]);
    for _ in 0..20 {
        endless.extend(record(HANDSHAKE_RECORD, &[0; 16_000]));
    }
    vec![
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
        vec![0; 1000],
        vec![0xFF; 70_000],
        b"SSH-2.0-OpenSSH_9.0\r\n".to_vec(),
        // A record longer than any may be, of a kind that is none, of data before the handshake.
        [&[HANDSHAKE_RECORD, 3, 1, 0xFF, 0xFF][..], &[1; 70_000]].concat(),
        record(99, b"what"),
        record(23, b"data"),
        record(20, &[1]),
        record(21, &[2, 40]),
        record(HANDSHAKE_RECORD, &[]),
        record(HANDSHAKE_RECORD, &[99, 0, 0, 0]),
        endless,
        flipped,
        [hello, &[0; 100]].concat(),
        [hello, hello].concat(),
    ]
}

/// A chain of many thousands of certificates, most of them no link.
fn huge_chain(authority: &Authority) -> TlsClient {
    let mut pair = authority.client("spiffe://example.org/a");
    pair.certificate = pair.certificate.repeat(2_000);
    authority.trusting().showing(&pair)
}

/// (X7) 16 kinds of junk 5 times each in CI, 100 times for the scorecard, and a chain of 2,000
/// certificates: nothing panics, and the next caller is served.
#[tokio::test(flavor = "multi_thread")]
async fn junk_in_place_of_a_handshake_is_refused_and_nothing_panics() {
    let (authority, folder) = ground();
    let store = Store::new(Database::Sqlite).await;
    let variables = folder.variables();
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let service = ServerProcess::start(&store, &["--lifecycle-drain-delay", "0s"], &variables);
    service.await_ready().await;
    let addresses = [service.grpc_address(), service.rest_address()];
    let kinds = kinds(&hello(&authority.trusting()));
    let rounds = scale(5, 100);
    for _ in 0..rounds {
        let mut peers = Vec::new();
        for (address, bytes) in addresses
            .iter()
            .flat_map(|a| kinds.iter().map(move |b| (*a, b)))
        {
            let bytes = bytes.clone();
            peers.push(tokio::spawn(async move {
                let mut peer = RawConnection::to(address).await;
                peer.write(&bytes).await;
                peer.finish_writing().await;
                peer.read_to_end().await;
            }));
        }
        for peer in peers {
            peer.await.unwrap();
        }
    }
    let chain = huge_chain(&authority);
    assert!(
        Client::over(chain.channel(addresses[0]))
            .validate("a token")
            .await
            .is_err()
    );
    let good = Client::over(authority.trusting().channel(addresses[0]));
    good.registered().await;
    service.signal("TERM").await;
    let ended = service.finish().await;
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert_eq!(ended.lines_with("panicked"), 0, "{}", ended.output);
    figure(
        "X7",
        format_args!("{} pieces of junk, 0 panics", rounds * kinds.len() * 2),
    );
}

/// (X7) A hello in records of one byte is as good as any (RFC 8446 §5.1).
#[tokio::test]
async fn a_hello_in_fragments_of_one_byte_is_understood() {
    let (authority, folder) = ground();
    let app = start(&folder).await;
    let hello = hello(&authority.trusting());
    let fragments: Vec<u8> = hello[5..]
        .iter()
        .flat_map(|byte| record(HANDSHAKE_RECORD, &[*byte]))
        .collect();
    for mut peer in [app.raw_grpc().await, app.raw_rest().await] {
        peer.write(&fragments).await;
        let answer = peer.read_exactly(6).await;
        // A handshake record that opens with a ServerHello.
        assert_eq!((answer[0], answer[5]), (HANDSHAKE_RECORD, 2));
    }
}
