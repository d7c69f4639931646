//! An answer fails closed.

use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::domain::{PasswordScheme, SecretHash, SessionId, SessionToken, StoredEmail, UserId};

const MICROS: i64 = 1_700_000_000_123_456;

fn user() -> User {
    let at = DateTime::from_timestamp_micros(MICROS).unwrap();
    User {
        id: UserId::new(Uuid::from_u128(1)),
        email: StoredEmail("ada@example.com".to_owned()),
        hashed_password: None,
        password_scheme: PasswordScheme::Nfc,
        status: UserStatus::Active,
        session_epoch: 0,
        version: 0,
        request_id: None,
        email_verified_at: None,
        created_at: at,
        updated_at: at,
    }
}

fn session() -> Session {
    let at = DateTime::from_timestamp_micros(MICROS).unwrap();
    Session {
        id: SessionId::new(Uuid::from_u128(2)),
        user_id: UserId::new(Uuid::from_u128(1)),
        secret_hash: SecretHash::from_stored([0; 32]),
        epoch: 0,
        created_at: at,
        authenticated_at: at,
        method: AuthenticationMethod::Password,
        last_seen_at: at,
        idle_expires_at: at,
        expires_at: at,
        revoked_at: None,
        client: ClientInfo::default(),
    }
}

#[test]
fn an_identity_is_told_on_active_alone() {
    let active = SessionVerdict::Active(Box::new((session(), user())));
    let answer = ValidateSessionResponse::from(active);
    assert_eq!(answer.status(), SessionStatus::Active);
    let session = answer.session.unwrap();
    assert_eq!(session.user_id, "00000000-0000-0000-0000-000000000001");
    assert_eq!(answer.user.unwrap().id, session.user_id);

    for (verdict, status) in [
        (SessionVerdict::Expired, SessionStatus::Expired),
        (SessionVerdict::Revoked, SessionStatus::Revoked),
        (SessionVerdict::NotFound, SessionStatus::NotFound),
        (SessionVerdict::UserDisabled, SessionStatus::UserDisabled),
    ] {
        let answer = ValidateSessionResponse::from(verdict);
        assert_eq!(answer.status(), status);
        assert!(answer.session.is_none() && answer.user.is_none());
    }
    let invalid = ValidLoginResponse::from(LoginVerdict::Invalid);
    assert!(!invalid.valid && invalid.user_id.is_empty());
    let valid = ValidLoginResponse::from(LoginVerdict::Valid(user().id));
    assert!(valid.valid && valid.user_id == session.user_id);
}

#[test]
fn instants_keep_their_microseconds() {
    let created_at = v1::User::from(user()).created_at.unwrap();
    assert_eq!(
        (created_at.seconds, created_at.nanos),
        (1_700_000_000, 123_456_000)
    );
}

#[test]
fn a_new_session_comes_with_its_token() {
    let token = SessionToken::new(session().id, [7; 32]);
    let answer = CreateSessionResponse::from(NewSession {
        token: token.clone(),
        session: session(),
        user: user(),
    });
    assert_eq!(answer.session_token, *token.expose());
    assert!(answer.session.is_some() && answer.user.is_some());
}
