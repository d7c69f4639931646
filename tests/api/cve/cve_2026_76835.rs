//! CVE-2026-76835, OAuth2 Proxy: by default every client was a trusted proxy.

use super::*;

on_both_databases!(nobody_is_a_trusted_proxy_by_default,);

async fn nobody_is_a_trusted_proxy_by_default(database: Database) {
    let app = Server::start(database).await;
    for hop in ["203.0.113.9", "198.51.100.7"] {
        let mut request = Request::new(ValidLoginRequest {
            email: email(),
            password: WRONG.into(),
            client: None,
        });
        request
            .metadata_mut()
            .insert("x-forwarded-for", hop.parse().unwrap());
        app.grpc().clone().valid_login(request).await.unwrap();
    }
    // The accounts' counts alone: no source was believed.
    assert_eq!(app.store.rows("throttles").await, 2);
}
