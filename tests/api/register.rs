//! Registering a user.

use std::collections::HashSet;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use futures_util::future::join_all;
use tonic::Code;
use uuid::Uuid;
use vestibule::proto::v1::UserStatus;

use crate::harness::{Database, Fault, PASSWORD, Server, email, figure, scale};

on_both_databases!(
    a_registered_user_is_told_who_they_are,
    the_address_stays_as_it_was_typed,
    of_many_registrations_of_one_name_one_succeeds,
    one_name_has_one_owner_however_it_is_spelled,
    another_script_is_another_domain,
    a_local_part_that_could_be_a_twin_is_refused,
    stored_hashes_have_the_promised_cost_and_never_one_salt_twice,
    every_hash_of_a_thousand_has_the_configured_form,
    what_is_refused_stores_nothing,
);

/// The seed's `register_user`: an id made here, the address, active, and no session.
async fn a_registered_user_is_told_who_they_are(app: Server) {
    let address = email();
    let user = app.grpc().register(&address, PASSWORD).await.unwrap();
    let id: Uuid = user.id.parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(user.id, id.hyphenated().to_string());
    assert_eq!(user.email, address);
    assert_eq!(user.status(), UserStatus::Active);
    assert!(user.created_at.is_some());
    assert_eq!(user.created_at, user.updated_at);
    let told = app.grpc().open(&address, PASSWORD).await.unwrap().user;
    assert_eq!(told, Some(user), "what is answered is what is read back");
}

async fn the_address_stays_as_it_was_typed(app: Server) {
    let typed = email()
        .replace("canary", "Canary")
        .replace("example", "EXAMPLE");
    let user = app.grpc().register(&typed, PASSWORD).await.unwrap();
    assert_eq!(user.email, typed);
    assert!(
        app.grpc()
            .is_valid(&typed.to_ascii_lowercase(), PASSWORD)
            .await
    );
}

/// (A8) 24 registrations at once in CI, 100 for the scorecard: one owner.
async fn of_many_registrations_of_one_name_one_succeeds(app: Server) {
    let address = email();
    let client = app.grpc();
    let spelled = |turn: usize| match turn % 2 {
        0 => address.clone(),
        _ => address.to_ascii_uppercase(),
    };
    let tries = (0..scale(24, 100)).map(|turn| {
        let (client, address) = (client.clone(), spelled(turn));
        async move { client.register(&address, PASSWORD).await }
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for outcome in refused {
        assert_eq!(
            Fault::from(outcome).meaning(),
            (Code::AlreadyExists, "EMAIL_TAKEN")
        );
    }
    assert_eq!(app.store.rows("users").await, 1);
}

/// (A8) Case, IDNA and what UTS 46 maps together.
async fn one_name_has_one_owner_however_it_is_spelled(app: Server) {
    for twins in [
        [
            "ada@example.com",
            "ADA@example.com",
            "ada@EXAMPLE.COM",
            "ada@ｅｘａｍｐｌｅ.com",
        ],
        [
            "ada@bücher.example",
            "ada@xn--bcher-kva.example",
            "ADA@BÜCHER.example",
            "ada@bu\u{308}cher.example",
        ],
    ] {
        let [first, others @ ..] = twins;
        app.grpc().register(first, PASSWORD).await.unwrap();
        for twin in others {
            let fault = Fault::from(app.grpc().register(twin, PASSWORD).await);
            assert_eq!(
                fault.meaning(),
                (Code::AlreadyExists, "EMAIL_TAKEN"),
                "{twin}"
            );
            assert!(app.grpc().is_valid(twin, PASSWORD).await, "{twin}");
        }
    }
}

/// (A8) Confusable is not the same: nobody is locked out of a name because of a look-alike.
async fn another_script_is_another_domain(app: Server) {
    let latin = app
        .grpc()
        .register("ada@example.com", PASSWORD)
        .await
        .unwrap();
    let cyrillic = app
        .grpc()
        .register("ada@ехаmрlе.com", PASSWORD)
        .await
        .unwrap();
    assert_ne!(latin.id, cyrillic.id);
}

/// (A8) Width, compatibility and mixed-script variants of a local part do not exist.
async fn a_local_part_that_could_be_a_twin_is_refused(app: Server) {
    for twin in [
        "ａda@example.com",
        "аda@example.com",
        "ﬁ@example.com",
        "ada\u{200d}@example.com",
    ] {
        let fault = Fault::from(app.grpc().register(twin, PASSWORD).await);
        assert_eq!(fault.faults(), [("email", "INVALID_EMAIL")], "{twin}");
    }
}

/// (A1) At the default cost: 16 registrations in CI, 1,000 for the scorecard.
async fn stored_hashes_have_the_promised_cost_and_never_one_salt_twice(database: Database) {
    let plan = Server::on(database).await;
    let app = plan
        .settings(|settings| {
            settings.hashing.memory_kib = 19_456;
            settings.hashing.iterations = 2;
        })
        .start()
        .await;
    let count = scale(16, 1_000);
    for _ in 0..count {
        app.grpc().registered().await;
    }
    assert_eq!(distinct(&app, "m=19456,t=2,p=1").await, (count, count));
    figure("A1", format_args!("{count} hashes, as many salts and tags"));
}

/// (A1) 1,000 registrations at the tests' parameters.
async fn every_hash_of_a_thousand_has_the_configured_form(app: Server) {
    for _ in 0..20 {
        let client = app.grpc();
        join_all((0..50).map(|_| client.registered())).await;
    }
    assert_eq!(distinct(&app, "m=64,t=1,p=1").await, (1_000, 1_000));
    figure("A1", "1000 hashes, as many salts and tags");
}

/// How many salts and tags the stored hashes have, all of them Argon2id with some parameters. All
/// are of one password: a salt used twice would show in the tags too.
async fn distinct(app: &Server, parameters: &str) -> (usize, usize) {
    let (mut salts, mut tags) = (HashSet::new(), HashSet::new());
    let hashes = "SELECT hashed_password AS text FROM users";
    for phc in app.store.texts(hashes).await {
        let parts: Vec<&str> = phc.split('$').collect();
        let ["", "argon2id", "v=19", told, salt, tag] = parts[..] else {
            panic!("{phc}");
        };
        assert_eq!(told, parameters);
        let decode = |text| BASE64_STANDARD_NO_PAD.decode(text).unwrap();
        let (salt, tag) = (decode(salt), decode(tag));
        assert_eq!((salt.len(), tag.len()), (16, 32));
        salts.insert(salt);
        tags.insert(tag);
    }
    (salts.len(), tags.len())
}

async fn what_is_refused_stores_nothing(app: Server) {
    for (address, password) in [("nobody", PASSWORD), ("ada@example.com", "short"), ("", "")] {
        assert!(app.grpc().register(address, password).await.is_err());
        assert!(
            app.rest()
                .register(address, password)
                .await
                .status
                .is_client_error()
        );
    }
    assert_eq!(app.store.rows("users").await, 0);
}
