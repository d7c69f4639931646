//! Fields that a caller may hope for and that nobody declared.

use prost::Message;
use tonic::Code;
use vestibule::{
    domain::UserStatus,
    proto::v1::{CreateSessionRequest, RegisterUserRequest, ValidLoginRequest},
};

use crate::harness::{PASSWORD, Server, email};

on_both_databases!(
    rest_refuses_by_name_what_nobody_declared,
    protobuf_passes_over_what_nobody_declared,
);

/// What somebody might hope to set.
const HOPES: [&str; 8] = [
    "id",
    "user_id",
    "role",
    "status",
    "created_at",
    "verified",
    "email_verified",
    "hashed_password",
];

/// (A9) In JSON and in a form.
async fn rest_refuses_by_name_what_nobody_declared(app: Server) {
    for hope in HOPES {
        let json = serde_json::json!({"email": email(), "password": PASSWORD, hope: "active"});
        let form = format!("email={}&password=q7%23kW2zP&{hope}=active", email());
        for (kind, body) in [
            ("application/json", json.to_string()),
            ("application/x-www-form-urlencoded", form),
        ] {
            let reply = app.rest().post("/users", kind, body).await;
            assert_eq!(reply.reason(), "INVALID_INPUT");
            assert_eq!(
                reply.faults(),
                [(hope.to_owned(), "UNKNOWN_FIELD".to_owned())]
            );
        }
    }
    assert_eq!(app.store.rows("users").await, 0);
}

/// (A9) In each message that makes or opens something, under eleven numbers.
async fn protobuf_passes_over_what_nobody_declared(app: Server) {
    let address = email();
    let wish = "01890000-0000-7000-8000-000000000000";
    let (email, password) = (address.clone(), PASSWORD.to_owned());
    let messages = [
        (
            "RegisterUser",
            RegisterUserRequest {
                email: email.clone(),
                password: password.clone(),
                ..RegisterUserRequest::default()
            }
            .encode_to_vec(),
        ),
        (
            "ValidLogin",
            ValidLoginRequest {
                email: email.clone(),
                password: password.clone(),
                client: None,
            }
            .encode_to_vec(),
        ),
        (
            "CreateSession",
            CreateSessionRequest {
                email,
                password,
                client: None,
            }
            .encode_to_vec(),
        ),
    ];
    for (method, mut message) in messages {
        for field in 5..=15_u8 {
            message.push(field << 3 | 2);
            message.push(u8::try_from(wish.len()).unwrap());
            message.extend_from_slice(wish.as_bytes());
        }
        let reply = app.wire().call(method, &message).await;
        assert_eq!(reply.code(), Code::Ok, "{method}");
        assert!(
            !String::from_utf8_lossy(&reply.body).contains(wish),
            "{method}"
        );
    }
    let stored = app.stored(&address).await;
    assert_ne!(stored.id.to_string(), wish);
    assert_eq!(stored.status, UserStatus::Active);
    assert_eq!(app.store.rows("users").await, 1);
}
