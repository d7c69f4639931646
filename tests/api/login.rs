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
    a_clients_address_in_any_spelling_is_stored_in_one,
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
            ("password", "PASSWORD_TOO_SHORT")
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

/// What only informs refuses no login.
async fn a_clients_address_in_any_spelling_is_stored_in_one(app: Server) {
    let user = app.grpc().registered().await;
    let dropped = async || {
        let scrape = app.scrape().await;
        scrape.value("vestibule_client_ips_dropped_total", &[])
    };
    let before = dropped().await;
    for (spelling, stored) in [
        ("", ""),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:443", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:0db8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        (" ::1 ", "::1"),
        ("localhost", ""),
        ("unknown", ""),
        ("192.0.2.1, 192.0.2.2", ""),
    ] {
        let request = CreateSessionRequest {
            email: user.email.clone(),
            password: PASSWORD.into(),
            client: Some(ClientInfo {
                ip: spelling.into(),
                user_agent: "curl\r\n\u{202e}".repeat(100),
            }),
        };
        let opened = app.grpc().create_session(request).await.unwrap();
        let token = opened.into_inner().session_token;
        let session = app.grpc().validate(&token).await.unwrap().session.unwrap();
        let client = session.client.unwrap();
        assert_eq!(client.ip, stored, "{spelling}");
        assert!(client.user_agent.starts_with("curlcurl"));
    }
    // Of the whole process, where other tests run too.
    assert!(dropped().await >= before + 3);
}
