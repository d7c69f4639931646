//! What proves a caller, for how long, and what proves nobody.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tonic::Code;
use vestibule::{
    auth::{CallerError, CallerProof, Callers},
    domain::{CallerToken, CertificateIdentity, Clock},
};

use super::{CALLER_UNAUTHENTICATED, ask, bearer, callers, name, named, soon, told};
use crate::harness::{
    Database, Fault, Link, PASSWORD, Postgres, Server, behind_proxy, captured_lines, eventually,
};

on_both_databases!(
    a_proof_that_fails_is_never_taken_for_none,
    two_proofs_name_one_caller,
    an_old_key_is_good_for_the_overlap,
    of_many_rotations_at_once_one_key_is_left,
    a_removed_caller_is_refused_within_a_second,
    a_certificates_name_is_one_callers,
);

const ALL: [&str; 1] = ["AuthService/ValidateSession"];

/// On open methods too, and with one answer; which part was wrong is in the log alone. A session is a
/// proof of its user, which routes without a proof ignore.
async fn a_proof_that_fails_is_never_taken_for_none(app: Server) {
    let key = app.caller("shop", &ALL).await;
    let id = CallerToken::parse(&key).unwrap().id();
    let unknown = vestibule::domain::CallerKeyId::new(uuid::Uuid::from_u128(1));
    let (client, user) = (app.grpc(), app.grpc().registered().await);
    let opened = client.open(&user.email, PASSWORD).await;
    let session = opened.unwrap().session_token;
    let key_of = |id| CallerToken::new(id, [7; 32]).expose().to_string();
    for (wrong, logged) in [
        (key_of(id), "wrong_secret"),
        (key_of(unknown), "unknown_key"),
        (key[..71].to_owned(), "malformed_key"),
        (format!("{key}A"), "malformed_key"),
        (session.clone(), "malformed_key"),
        ("vck_".to_owned(), "malformed_key"),
    ] {
        for header in [
            ("authorization", bearer(&wrong)),
            ("x-vestibule-caller", wrong.clone()),
        ] {
            let id = uuid::Uuid::new_v4().to_string();
            let metadata = [(header.0, &*header.1), ("x-request-id", &id)];
            let status = ask(&app, &metadata).await.unwrap_err();
            assert_proof_logged(&id, logged);
            let fault = Fault::of(&status);
            assert_eq!(
                fault.meaning(),
                (Code::Unauthenticated, CALLER_UNAUTHENTICATED)
            );
            assert_eq!(fault.message, "a known caller is required");
            let rest = app.rest();
            let welcome = rest.request("GET", "/").header(header.0, &header.1);
            let reply = rest.send(welcome, "").await;
            if header.1 == bearer(&session) {
                assert_eq!(reply.status, 200);
            } else {
                assert_eq!(reply.reason(), CALLER_UNAUTHENTICATED);
            }
        }
    }
    for good in [
        ("authorization", bearer(&key)),
        ("authorization", bearer(&key).replace("Bearer", "bearer")),
        ("x-vestibule-caller", key.clone()),
    ] {
        assert_eq!(told(&app, &[(good.0, &good.1)]).await, "OK");
    }
}

/// The line of a call says why no caller is proven.
fn assert_proof_logged(request_id: &str, fault: &str) {
    let lines = captured_lines(request_id);
    let proof = format!("proof=\"{fault}\"");
    assert!(lines.iter().any(|line| line.contains(&proof)), "{lines:#?}");
}

async fn two_proofs_name_one_caller(app: Server) {
    let (shop, mail) = (
        app.caller("shop", &ALL).await,
        app.caller("mail", &ALL).await,
    );
    let both = |a: &str, b: &str| {
        [
            ("authorization", bearer(a)),
            ("x-vestibule-caller", b.to_owned()),
        ]
    };
    for (pair, expected) in [
        (both(&shop, &shop), "OK"),
        (both(&shop, &mail), CALLER_UNAUTHENTICATED),
        (both(&mail, &shop), CALLER_UNAUTHENTICATED),
    ] {
        let pair = pair.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(told(&app, &pair).await, expected);
    }
    let shop = bearer(&shop);
    let twice = [("authorization", shop.as_str()); 2];
    assert_eq!(told(&app, &twice).await, CALLER_UNAUTHENTICATED);
}

async fn an_old_key_is_good_for_the_overlap(database: Database) {
    let clock = Clock::manual(Clock::system().now());
    let plan = named(database).await;
    let app = plan
        .hooks(|hooks| hooks.clock = Some(clock.clone()))
        .start()
        .await;
    let callers = Callers::new(app.db.clone(), clock.clone());
    let old = app.caller("shop", &ALL).await;
    let overlap = Duration::from_hours(24);
    let new = callers.rotate(name("shop"), overlap, soon()).await.unwrap();
    let new = new.expose().to_string();
    let told = async |key: &str| told(&app, &[("authorization", &bearer(key))]).await;
    assert_eq!(
        (told(&old).await, told(&new).await),
        ("OK".into(), "OK".into())
    );
    let tick = Duration::from_micros(1);
    clock.advance(overlap.saturating_sub(tick));
    assert_eq!(told(&old).await, "OK");
    clock.advance(tick);
    assert_eq!(told(&old).await, CALLER_UNAUTHENTICATED);
    assert_eq!(told(&new).await, "OK");
    let id = uuid::Uuid::new_v4().to_string();
    let expired = bearer(&old);
    let metadata = [("authorization", &*expired), ("x-request-id", &id)];
    ask(&app, &metadata).await.unwrap_err();
    assert_proof_logged(&id, "expired_key");
    let id = uuid::Uuid::new_v4().to_string();
    ask(&app, &[("x-request-id", &id)]).await.unwrap_err();
    assert_proof_logged(&id, "no_proof");

    // A leak: nothing but the newest is good, and an end that was set is not put off.
    let newest = callers.rotate(name("shop"), Duration::ZERO, soon()).await;
    let newest = newest.unwrap().expose().to_string();
    callers.rotate(name("shop"), overlap, soon()).await.unwrap();
    eventually("the leaked key is refused", async || {
        told(&new).await == CALLER_UNAUTHENTICATED
    })
    .await;
    assert_eq!(told(&newest).await, "OK");
    assert_eq!(told(&old).await, CALLER_UNAUTHENTICATED);
    let unknown = callers.rotate(name("nobody"), overlap, soon()).await;
    assert!(matches!(unknown, Err(CallerError::Unknown)));
}

/// Of two that rotate at once, the later ends the earlier one's key; keys that expired are gone.
async fn of_many_rotations_at_once_one_key_is_left(app: Server) {
    let callers = Callers::new(app.db.clone(), Clock::system());
    app.caller("shop", &ALL).await;
    for _ in 0..10 {
        let rotate = || callers.rotate(name("shop"), Duration::ZERO, soon());
        let (one, other, third) = tokio::join!(rotate(), rotate(), rotate());
        one.and(other).and(third).unwrap();
        let endless = app.store.rows("caller_keys WHERE expires_at IS NULL");
        assert_eq!(endless.await, 1);
    }
    let rotated = callers.rotate(name("shop"), Duration::ZERO, soon()).await;
    rotated.unwrap();
    let keys = app.store.rows("caller_keys").await;
    assert_eq!(keys, 2, "the new one and the last");
}

/// The second itself is the cache's own test, which moves the time.
async fn a_removed_caller_is_refused_within_a_second(app: Server) {
    let key = bearer(&app.caller("shop", &ALL).await);
    assert_eq!(told(&app, &[("authorization", &key)]).await, "OK");
    callers(&app).remove(name("shop"), soon()).await.unwrap();
    eventually("the caller is refused", async || {
        told(&app, &[("authorization", &key)]).await == CALLER_UNAUTHENTICATED
    })
    .await;
    for table in [
        "callers",
        "caller_keys",
        "caller_grants",
        "caller_identities",
    ] {
        assert_eq!(app.store.rows(table).await, 0, "{table}");
    }
    let again = callers(&app).remove(name("shop"), soon()).await;
    assert!(matches!(again, Err(CallerError::Unknown)));
}

async fn a_certificates_name_is_one_callers(app: Server) {
    let identities = ["spiffe://example.org/shop", "dns:Shop.example.org"];
    app.caller_with("shop", &ALL, &identities).await;
    let prove = async |text: &str| {
        let identity = Arc::new(CertificateIdentity::parse(text).unwrap());
        let proof = CallerProof::Certificate(identity);
        let proven = callers(&app).prove(&proof, soon()).await;
        proven
            .ok()
            .map(|caller| (caller.name.to_string(), caller.grants.len()))
    };
    for text in ["spiffe://example.org/shop", "dns:shop.EXAMPLE.org"] {
        assert_eq!(prove(text).await, Some(("shop".to_owned(), 1)), "{text}");
    }
    for text in [
        "spiffe://example.org/shop2",
        "spiffe://example.org/Shop",
        "spiffe://example.com/shop",
        "dns:example.org",
        "dns:a.shop.example.org",
    ] {
        assert_eq!(prove(text).await, None, "{text}");
    }
    // Whoever would share it is not added at all.
    let taken = CertificateIdentity::parse("dns:shop.example.org").unwrap();
    let callers = callers(&app);
    let added = callers.add(name("mail"), BTreeSet::new(), vec![taken], soon());
    assert!(matches!(added.await, Err(CallerError::IdentityTaken)));
    assert_eq!(app.store.rows("callers").await, 1);
    let again = callers.add(name("shop"), BTreeSet::new(), Vec::new(), soon());
    assert!(matches!(again.await, Err(CallerError::NameTaken)));
    assert_eq!(app.store.rows("caller_keys").await, 1);
}

/// SQLite's counterpart is the gate's own test, over a file that cannot be opened.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_not_a_wrong_key() {
    if !Postgres::is_here() {
        return;
    }
    let (app, proxy, _) = behind_proxy(|plan| plan).await;
    let key = bearer(&app.caller("shop", &ALL).await);
    proxy.set(Link::Down);
    let status = ask(&app, &[("authorization", &key)]).await.unwrap_err();
    let fault = Fault::of(&status);
    assert_eq!(fault.code, Code::Unavailable, "{fault:?}");
    assert!(fault.retry_after.is_some());
}
