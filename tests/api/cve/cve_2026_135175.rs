//! CVE-2026-135175, ZITADEL, and Supabase Auth before it (GHSA-3529-5m8x-rpv3): the link in a mail
//! led to the host that a header named.

use super::*;

on_both_databases!(a_link_leads_where_the_configuration_says,);

async fn a_link_leads_where_the_configuration_says(database: Database) {
    let sink = Sink::start(SmtpTls::Implicit).await;
    let delivery = sink.delivery();
    let plan = Server::on(database).await;
    let app = plan
        .settings(|settings| settings.mail = delivery)
        .start()
        .await;
    let user = app.grpc().registered().await;
    let mut request = Request::new(RequestPasswordResetRequest {
        email: user.email.clone(),
        client: None,
    });
    for name in [
        "host",
        "x-forwarded-host",
        "x-forwarded-proto",
        "origin",
        "referer",
    ] {
        let value = "evil.example@evil.example".parse().unwrap();
        request.metadata_mut().insert(name, value);
    }
    app.account().ask_for_reset(request).await.unwrap();
    let mails = sink.await_mails(1).await;
    assert!(!format!("{mails:?}").contains("evil.example"), "{mails:?}");
}
