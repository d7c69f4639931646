//! Connections that somebody keeps open to the operations port keep no probe out.

use crate::harness::{RawConnection, Server};

on_both_databases!(connections_that_are_kept_open_keep_no_probe_out,);

/// 64 connections, four times as many as the port has, each after an answer.
async fn connections_that_are_kept_open_keep_no_probe_out(app: Server) {
    let mut kept = Vec::new();
    for _ in 0..64 {
        let mut connection = RawConnection::to(app.operations_address).await;
        let request = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
        connection.write(request.as_bytes()).await;
        let status = connection.read_exactly(12).await;
        assert_eq!(String::from_utf8_lossy(&status), "HTTP/1.1 200");
        kept.push(connection);
        assert!(app.is_live().await);
        assert_eq!(app.readiness().await.0, 200);
    }
}
