//! An account that is closed leaves an id and nothing else.

use tonic::Code;
use vestibule::proto::v1::{ClientInfo, CreateSessionRequest, SessionStatus};

use super::{assert_session_invalid, assert_token_invalid, events};
use crate::harness::{EventKind, PASSWORD, Server, phrase};

on_both_databases!(
    a_closed_account_leaves_an_id_and_nothing_else,
    a_closed_account_can_be_registered_again_as_another,
);

async fn a_closed_account_leaves_an_id_and_nothing_else(app: Server) {
    let (owner, stays) = (app.owner().await, app.owner().await);
    let opened = CreateSessionRequest {
        email: owner.email.clone(),
        password: PASSWORD.into(),
        client: Some(ClientInfo {
            ip: "192.0.2.1".into(),
            user_agent: "curl".into(),
        }),
    };
    app.grpc().create_session(opened).await.unwrap();
    let reset = app.reset_token(&owner.email).await;
    let asked = app.account().request_password_reset(&owner.email).await;
    asked.unwrap();
    app.account().close(&owner.token, PASSWORD).await.unwrap();

    for table in ["users", "sessions"] {
        assert_eq!(app.store.rows(table).await, 1, "{table}: the other user's");
    }
    for table in ["one_time_tokens", "mail_intents"] {
        assert_eq!(app.store.rows(table).await, 0, "{table}");
    }
    assert_eq!(app.store.rows("erased_users").await, 1);
    let told = "events WHERE ip IS NOT NULL OR user_agent IS NOT NULL";
    assert_eq!(app.store.rows(told).await, 0);
    assert_eq!(
        events(&app, &owner.id, EventKind::UserRegistered).await,
        1,
        "what happened stays"
    );
    assert_eq!(events(&app, &owner.id, EventKind::UserDeleted).await, 1);

    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::NotFound
    );
    assert_session_invalid(app.account().get(&owner.token).await);
    assert_session_invalid(app.account().close(&owner.token, PASSWORD).await);
    assert_token_invalid(app.account().reset_password(&reset, &phrase()).await);
    app.account().get(&stays.token).await.unwrap();
}

/// (A8) Nothing that proved the old one proves anything of the new one.
async fn a_closed_account_can_be_registered_again_as_another(app: Server) {
    let owner = app.owner().await;
    let reset = app.reset_token(&owner.email).await;
    app.account().close(&owner.token, PASSWORD).await.unwrap();
    let again = app.grpc().register(&owner.email, PASSWORD).await.unwrap();
    assert_ne!(again.id, owner.id);
    assert_eq!(again.email_verified_at, None);
    assert_session_invalid(app.account().get(&owner.token).await);
    super::assert_refused(
        app.account().reset_password(&reset, &phrase()).await,
        Code::FailedPrecondition,
        "TOKEN_INVALID",
    );
}
