//! Registering a user.

use std::collections::HashSet;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, Statement};
use tonic::Code;
use uuid::Uuid;
use vestibule::proto::v1::{RegisterUserRequest, UserStatus};

use crate::harness::{Database, Fault, PASSWORD, TestApp, email, figure, scale};

on_both_databases!(
    a_registered_user_is_told_who_they_are,
    the_address_stays_as_it_was_typed,
    of_many_registrations_of_one_name_one_succeeds,
    one_name_has_one_owner_however_it_is_spelled,
    another_script_is_another_domain,
    a_local_part_that_could_be_a_twin_is_refused,
    stored_hashes_have_the_promised_cost_and_never_one_salt_twice,
    a_field_that_nobody_knows_changes_nothing,
    what_is_refused_stores_nothing,
);

/// The seed's `register_user`: an id made here, the address, active, and no session.
async fn a_registered_user_is_told_who_they_are(app: TestApp) {
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

async fn the_address_stays_as_it_was_typed(app: TestApp) {
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
async fn of_many_registrations_of_one_name_one_succeeds(app: TestApp) {
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
async fn one_name_has_one_owner_however_it_is_spelled(app: TestApp) {
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
async fn another_script_is_another_domain(app: TestApp) {
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
async fn a_local_part_that_could_be_a_twin_is_refused(app: TestApp) {
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
    let plan = TestApp::on(database).await;
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
    let sql = app.sql().await;
    let statement = Statement::from_string(
        sql.get_database_backend(),
        "SELECT hashed_password FROM users",
    );
    let mut salts = HashSet::new();
    for row in sql.query_all_raw(statement).await.unwrap() {
        let phc: String = row.try_get("", "hashed_password").unwrap();
        let parts: Vec<_> = phc.split('$').collect();
        assert_eq!(
            parts[1..4],
            ["argon2id", "v=19", "m=19456,t=2,p=1"],
            "the parameters"
        );
        // 16 and 32 bytes in base64 without padding.
        assert_eq!((parts[4].len(), parts[5].len()), (22, 43));
        salts.insert(parts[4].to_owned());
    }
    assert_eq!(salts.len(), count);
    figure("A1", format_args!("{count} hashes, {} salts", salts.len()));
}

/// (A9) Protobuf keeps what it does not know to itself; nothing of it is adopted.
async fn a_field_that_nobody_knows_changes_nothing(app: TestApp) {
    let wanted = Uuid::from_u128(7).to_string();
    let address = email();
    let mut message = prost::Message::encode_to_vec(&RegisterUserRequest {
        email: address.clone(),
        password: PASSWORD.into(),
        ..RegisterUserRequest::default()
    });
    // Fields 9 to 12, of type text: id, role, created_at, verified.
    for field in 9..=12_u8 {
        message.push(field << 3 | 2);
        message.push(u8::try_from(wanted.len()).unwrap());
        message.extend_from_slice(wanted.as_bytes());
    }
    let reply = app.wire().call("RegisterUser", &message).await;
    assert_eq!(reply.code(), Code::Ok);
    let user = app
        .grpc()
        .open(&address, PASSWORD)
        .await
        .unwrap()
        .user
        .unwrap();
    assert_ne!(user.id, wanted);

    let body =
        serde_json::json!({"email": email(), "password": PASSWORD, "id": wanted, "role": "admin"});
    let reply = app
        .rest()
        .post("/users", "application/json", body.to_string())
        .await;
    assert_eq!(reply.reason(), "INVALID_INPUT");
    let mut faults = reply.faults();
    faults.sort();
    let unknown = |name: &str| (name.to_owned(), "UNKNOWN_FIELD".to_owned());
    assert_eq!(faults, [unknown("id"), unknown("role")]);
    assert_eq!(app.store.rows("users").await, 1);
}

async fn what_is_refused_stores_nothing(app: TestApp) {
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
