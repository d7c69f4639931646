//! Checking a password, with and without opening a session.

use tonic::{Code, Request};
use vestibule::proto::v1::{ClientInfo, CreateSessionRequest, SessionStatus, ValidLoginRequest};

use crate::harness::{Fault, PASSWORD, Server, email};

on_both_databases!(
    a_right_password_is_valid_and_names_the_user,
    whatever_is_not_right_names_nobody,
    checking_a_password_creates_nothing,
    a_session_is_opened_for_a_right_password_alone,
    a_malformed_login_is_told_every_fault,
    a_token_sent_with_a_login_is_never_adopted,
    the_clients_address_must_be_canonical,
);

/// The seed's `valid_login`.
async fn a_right_password_is_valid_and_names_the_user(app: Server) {
    let user = app.grpc().registered().await;
    let answer = app.grpc().login(&user.email, PASSWORD).await.unwrap();
    assert!(answer.valid);
    assert_eq!(answer.user_id, user.id);
}

async fn whatever_is_not_right_names_nobody(app: Server) {
    let user = app.grpc().registered().await;
    for (address, password) in [
        (user.email.as_str(), "a canary sings at ten"),
        (&email(), PASSWORD),
        (&user.email, "A CANARY SINGS AT NINE"),
    ] {
        let answer = app.grpc().login(address, password).await.unwrap();
        assert!(!answer.valid);
        assert_eq!(answer.user_id, "");
    }
}

async fn checking_a_password_creates_nothing(app: Server) {
    let user = app.grpc().registered().await;
    assert!(app.grpc().is_valid(&user.email, PASSWORD).await);
    let again = app.grpc().open(&user.email, PASSWORD).await.unwrap().user;
    assert_eq!(again, Some(user), "nothing about the user changed");
}

async fn a_session_is_opened_for_a_right_password_alone(app: Server) {
    let user = app.grpc().registered().await;
    let answer = app.grpc().open(&user.email, PASSWORD).await.unwrap();
    let session = answer.session.unwrap();
    assert_eq!(session.user_id, user.id);
    assert_eq!(answer.user, Some(user.clone()));
    assert_eq!(
        app.grpc().verdict(&answer.session_token).await,
        SessionStatus::Active
    );

    for (address, password) in [
        (user.email.as_str(), "a canary sings at ten"),
        (&email(), PASSWORD),
    ] {
        let fault = Fault::from(app.grpc().open(address, password).await);
        assert_eq!(fault.meaning(), (Code::Unauthenticated, "BAD_CREDENTIALS"));
    }
}

/// (W10) Every fault at once.
async fn a_malformed_login_is_told_every_fault(app: Server) {
    let client = Some(ClientInfo {
        ip: "::1:80]".into(),
        user_agent: String::new(),
    });
    let request = ValidLoginRequest {
        email: "nobody".into(),
        password: String::new(),
        client,
    };
    let fault = Fault::from(app.grpc().valid_login(request).await);
    assert_eq!(fault.meaning(), (Code::InvalidArgument, "INVALID_INPUT"));
    assert_eq!(
        fault.faults(),
        [
            ("email", "INVALID_EMAIL"),
            ("password", "PASSWORD_TOO_SHORT"),
            ("client.ip", "INVALID_FIELD")
        ]
    );
}

/// (Z2) Wherever the token is put.
async fn a_token_sent_with_a_login_is_never_adopted(app: Server) {
    let user = app.grpc().registered().await;
    let old = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    let mut request = Request::new(CreateSessionRequest {
        email: user.email,
        password: PASSWORD.into(),
        client: None,
    });
    let bearer = format!("Bearer {old}");
    for (name, value) in [
        ("x-authorization", &bearer),
        ("cookie", &old),
        ("x-session-token", &old),
        ("session_token", &old),
    ] {
        request.metadata_mut().insert(name, value.parse().unwrap());
    }
    let new = app
        .grpc()
        .create_session(request)
        .await
        .unwrap()
        .into_inner();
    assert_ne!(new.session_token, old);
    app.grpc().revoke(&new.session_token).await.unwrap();
    assert_eq!(app.grpc().verdict(&old).await, SessionStatus::Active);
    assert_eq!(
        app.grpc().verdict(&new.session_token).await,
        SessionStatus::Revoked
    );
}

async fn the_clients_address_must_be_canonical(app: Server) {
    let user = app.grpc().registered().await;
    let request = |ip: &str| CreateSessionRequest {
        email: user.email.clone(),
        password: PASSWORD.into(),
        client: Some(ClientInfo {
            ip: ip.into(),
            user_agent: "curl\r\n\u{202e}".repeat(100),
        }),
    };
    for good in ["", "192.0.2.1", "2001:db8::1"] {
        app.grpc().create_session(request(good)).await.unwrap();
    }
    for bad in ["192.0.2.1:80", "2001:DB8::1", "localhost", " ::1"] {
        let fault = Fault::from(app.grpc().create_session(request(bad)).await);
        assert_eq!(fault.faults(), [("client.ip", "INVALID_FIELD")], "{bad}");
    }
}
