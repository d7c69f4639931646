//! `Host` says which service a request is meant for, exactly once (RFC 9112 §3.2).

use crate::harness::{RawConnection, Server};

on_both_databases!(a_request_names_one_host,);

async fn a_request_names_one_host(app: Server) {
    for (head, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n", "200"),
        ("GET / HTTP/1.0\r\n", "200"),
        ("GET / HTTP/1.1\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n", "400"),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n", "400"),
    ] {
        let mut connection = RawConnection::to(app.rest_address).await;
        let request = format!("{head}Connection: close\r\n\r\n");
        connection.write(request.as_bytes()).await;
        let answer = connection.read_to_end().await;
        let answer = String::from_utf8_lossy(&answer);
        let told = answer.split(' ').nth(1);
        assert_eq!(told, Some(status), "{head:?} {answer}");
        assert_eq!(status == "400", answer.contains("MALFORMED_REQUEST"));
    }
}
