//! CVE-2026-45364, better-auth: a limit was kept for each spelling of an IPv6 address, and a
//! subscriber has 2^64 of them.

use super::*;

on_both_databases!(a_limit_is_kept_for_a_network_however_it_is_spelt,);

async fn a_limit_is_kept_for_a_network_however_it_is_spelt(database: Database) {
    let plan = Server::on(database).await;
    let app = plan
        .settings(|settings| {
            let policy = settings.auth.throttle.as_mut().unwrap();
            policy.source = Budget::hourly(4);
        })
        .start()
        .await;
    let spellings = [
        "2001:db8:1:2::1",
        "2001:DB8:1:2:0:0:0:1",
        "2001:0db8:0001:0002:ffff::7",
        "2001:db8:1:2:dead:beef:0:1",
    ];
    for ip in spellings {
        assert!(!login_from(&app, &email(), ip).await.unwrap());
    }
    for ip in spellings {
        let refused = Fault::from(login_from(&app, &email(), ip).await);
        assert_eq!(refused.reason, "LOGIN_THROTTLED", "{ip}");
    }
    assert!(!login_from(&app, &email(), "2001:db8:1:3::1").await.unwrap());
}
