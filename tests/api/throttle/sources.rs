//! Which source a call has, and what a source may spend.

use prost::Message;
use vestibule::proto::v1::RegisterUserRequest;
use vestibule::{
    domain::Budget,
    server::ApplicationSettings,
    transport::{AuthServiceAccess, Proxies},
};

use super::*;
use crate::harness::{frame, phrase};

on_both_databases!(
    a_source_spends_its_budget_over_all_accounts,
    hosts_of_one_ipv6_network_are_one_source,
    behind_a_proxy_the_last_hop_that_it_names_is_the_source,
    without_a_proxy_a_forged_header_is_no_source,
    a_caller_tells_sources_by_its_grant_alone,
    a_source_registers_only_so_many_users,
    registrations_at_one_moment_share_the_budget,
    a_budget_that_was_overdrawn_stays_spent,
    spraying_is_noticed_and_costs_its_source_more,
);

/// Spends the budget of a source on accounts that do not exist.
async fn spend(app: &Server, mut from: impl FnMut(usize) -> String) {
    for number in 0..100 {
        let told = tries(&app.grpc(), &email(), &phrase(), &from(number)).await;
        assert_eq!(told, Ok(false), "failure {number}");
    }
}

/// Stuffing: many accounts from one source. Others, and users who logged in from it, are not hurt.
async fn a_source_spends_its_budget_over_all_accounts(database: Database) {
    let guarded = Guarded::on(database).await;
    let app = &guarded.app;
    let user = app.grpc().registered().await;
    let known = app.grpc().registered().await;
    let (from, other) = ("198.51.100.7", "198.51.100.8");
    assert_eq!(
        tries(&app.grpc(), &known.email, PASSWORD, from).await,
        Ok(true)
    );
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    app.auth.write_known_sources(deadline).await.unwrap();
    spend(app, |_| from.to_owned()).await;
    let wait = throttled(tries(&app.grpc(), &user.email, PASSWORD, from).await);
    assert_eq!(wait, Duration::from_secs(36));
    throttled(tries(&app.grpc(), &email(), &phrase(), from).await);
    assert_eq!(
        tries(&app.grpc(), &user.email, PASSWORD, other).await,
        Ok(true)
    );
    assert_eq!(
        tries(&app.grpc(), &known.email, PASSWORD, from).await,
        Ok(true)
    );
    guarded.wait(36);
    assert_eq!(
        tries(&app.grpc(), &user.email, PASSWORD, from).await,
        Ok(true)
    );
}

/// (T6)
async fn hosts_of_one_ipv6_network_are_one_source(database: Database) {
    let app = Server::start(database).await;
    spend(&app, |number| format!("2001:db8:1:2:{number:x}::1")).await;
    throttled(tries(&app.grpc(), &email(), &phrase(), "2001:db8:1:2:ffff::9").await);
    let other = tries(&app.grpc(), &email(), &phrase(), "2001:db8:1:3::1").await;
    assert_eq!(other, Ok(false));
}

/// A wrong password with a header, as told from an address.
async fn through(app: &Server, (name, value): (&'static str, &str), ip: &str) -> Code {
    let login = ValidLoginRequest {
        email: email(),
        password: phrase(),
        client: Some(ClientInfo {
            ip: ip.into(),
            user_agent: String::new(),
        }),
    };
    let wire = app.wire();
    let request = wire.request("/vestibule.v1.AuthService/ValidLogin");
    let body = frame(&login.encode_to_vec());
    wire.send(request.header(name, value), body).await.code()
}

/// (T6) gRPC; what the client wrote before the proxy's own hop changes nothing.
async fn behind_a_proxy_the_last_hop_that_it_names_is_the_source(database: Database) {
    let local = Proxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let plan = Server::on(database).await;
    let app = plan
        .settings(|s| s.server.gate.proxies = local)
        .start()
        .await;
    for number in 0..100 {
        let list = format!("203.0.113.{number}, 198.51.100.7");
        assert_eq!(
            through(&app, ("x-forwarded-for", &list), "").await,
            Code::Ok
        );
    }
    let spent = [
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-for", "\", unknown, 198.51.100.7, 127.0.0.2"),
        (
            "forwarded",
            "for=203.0.113.9, for=\"198.51.100.7:99\";proto=https",
        ),
    ];
    for header in spent {
        assert_eq!(
            through(&app, header, "").await,
            Code::ResourceExhausted,
            "{header:?}"
        );
    }
    for header in [
        ("x-forwarded-for", "198.51.100.8"),
        ("forwarded", "for=198.51.100.8"),
    ] {
        assert_eq!(through(&app, header, "").await, Code::Ok, "{header:?}");
    }
    // A proxy that says nothing leaves the word to the message. Beside a word that cannot be told, which a
    // client can bring about, the message is not believed.
    let told = tries(&app.grpc(), &email(), &phrase(), "198.51.100.7").await;
    throttled(told);
    for header in [("forwarded", "for=unknown"), ("x-forwarded-for", "\"")] {
        let told = through(&app, header, "198.51.100.7").await;
        assert_eq!(told, Code::Ok, "{header:?}: no source");
    }
}

/// (T6) Everybody behind a sidecar on this machine would otherwise share one budget.
async fn without_a_proxy_a_forged_header_is_no_source(database: Database) {
    let app = Server::start(database).await;
    for _ in 0..150 {
        let header = ("x-forwarded-for", "198.51.100.7");
        assert_eq!(through(&app, header, "").await, Code::Ok);
    }
    assert_eq!(
        tries(&app.grpc(), &email(), &phrase(), "198.51.100.7").await,
        Ok(false)
    );
}

async fn a_caller_tells_sources_by_its_grant_alone(database: Database) {
    let plan = Server::on(database).await;
    let named = plan.settings(|s| s.server.gate.auth_service = AuthServiceAccess::Named);
    let app = named.start().await;
    let method = ["vestibule.v1.AuthService/ValidLogin"];
    let without = app.caller("gateway", &method).await;
    let trusted = app.caller("edge", &[method[0], "client-address"]).await;
    let tells = async |key: &str| {
        let bearer = format!("Bearer {key}");
        through(&app, ("authorization", &bearer), "198.51.100.7").await
    };
    for number in 0..150 {
        assert_eq!(tells(&without).await, Code::Ok, "{number}: not believed");
    }
    for number in 0..100 {
        assert_eq!(tells(&trusted).await, Code::Ok, "{number}");
    }
    assert_eq!(tells(&trusted).await, Code::ResourceExhausted);
    assert_eq!(tells(&without).await, Code::Ok);
}

/// By REST and gRPC together; whether the address is free makes no difference.
async fn a_source_registers_only_so_many_users(database: Database) {
    let app = Server::start(database).await;
    let taken = app.grpc().registered().await.email;
    let register = async |address: &str, ip: &str| {
        let request = RegisterUserRequest {
            email: address.into(),
            password: PASSWORD.into(),
            request_id: String::new(),
            client: Some(ClientInfo {
                ip: ip.into(),
                user_agent: String::new(),
            }),
        };
        let done = app.grpc().clone().register_user(request).await;
        done.map_err(|status| Fault::of(&status))
    };
    for _ in 0..50 {
        register(&email(), "198.51.100.7").await.unwrap();
        let fault = register(&taken, "198.51.100.7").await.unwrap_err();
        assert_eq!(fault.reason, "EMAIL_TAKEN");
    }
    let fault = register(&email(), "198.51.100.7").await.unwrap_err();
    assert_eq!(fault.meaning(), (Code::ResourceExhausted, "RATE_LIMITED"));
    assert!(fault.retry_after.unwrap() <= Duration::from_secs(36));
    register(&email(), "198.51.100.8").await.unwrap();
}

/// One password on 60 accounts from five sources: it is noticed after some 18, and costs its sources
/// more from then on. No event names a user or the password.
async fn spraying_is_noticed_and_costs_its_source_more(database: Database) {
    let guarded = Guarded::on(database).await;
    let app = &guarded.app;
    let (mut refused, mut tried) = (0, 0);
    while refused == 0 {
        let from = "198.51.100.7";
        match tries(&app.grpc(), &email(), "Summer2026!", from).await {
            Ok(is_valid) => assert!(!is_valid),
            told => refused += usize::from(throttled(told) > Duration::ZERO),
        }
        tried += 1;
        assert!(tried < 100, "a budget of a hundred is spent sooner");
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    app.auth.write_outcomes(deadline).await.unwrap();
    let of = async |kind| {
        let users = "CASE WHEN user_id IS NULL THEN ip ELSE 'a user' END";
        let events = events_of(&[kind]);
        app.store
            .texts(&format!("SELECT {users} AS text FROM {events}"))
            .await
    };
    for kind in [EventKind::PasswordSprayed, EventKind::SourceThrottled] {
        assert_eq!(of(kind).await, ["198.51.100.7"], "{kind:?}");
    }
    let scrape = app.scrape().await;
    for kind in ["stuffing", "spraying"] {
        let count = scrape.value("vestibule_attacks_suspected_total", &[("kind", kind)]);
        assert!(count > 0, "{kind}");
    }
    figure("spraying", format_args!("stopped after {tried} accounts"));
}

async fn registrations_at_one_moment_share_the_budget(database: Database) {
    let plan = Server::on(database).await;
    let throttle = |settings: &mut ApplicationSettings| {
        settings.auth.throttle.as_mut().unwrap().registrations = Budget::hourly(2);
    };
    let app = plan.settings(throttle).start().await;
    let mut burst = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = app.grpc();
        burst.spawn(async move {
            let request = RegisterUserRequest {
                email: email(),
                password: PASSWORD.into(),
                request_id: String::new(),
                client: Some(ClientInfo {
                    ip: "198.51.100.7".into(),
                    user_agent: String::new(),
                }),
            };
            client.clone().register_user(request).await.is_ok()
        });
    }
    let made = burst.join_all().await.into_iter().filter(|made| *made);
    assert_eq!((made.count(), app.store.rows("users").await), (2, 2));
}

/// What a known source may fail at home takes its budget, and does not make it run over.
async fn a_budget_that_was_overdrawn_stays_spent(database: Database) {
    let plan = Server::on(database).await;
    let throttle = |settings: &mut ApplicationSettings| {
        settings.auth.throttle.as_mut().unwrap().source = Budget::hourly(3);
    };
    let app = plan.settings(throttle).start().await;
    let (owner, home) = (app.owner().await, "192.0.2.10");
    assert_eq!(
        tries(&app.grpc(), &owner.email, PASSWORD, home).await,
        Ok(true)
    );
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    app.auth.write_known_sources(deadline).await.unwrap();
    for password in [WRONG, WRONG, WRONG, PASSWORD].repeat(4) {
        let right = tries(&app.grpc(), &owner.email, password, home).await;
        assert_eq!(right, Ok(password == PASSWORD));
    }
    let wait = throttled(tries(&app.grpc(), &email(), WRONG, home).await);
    assert!(wait <= Duration::from_mins(20), "{wait:?}");
}
