//! What is told of everything that is kept of a user.

use prost::Message;
use vestibule::{
    domain::SessionToken,
    proto::v1::{EventKind, ExportUserDataRequest, find_user_request::Key},
};

use super::{NOBODY, assert_nobody};
use crate::harness::Server;

on_both_databases!(
    an_export_holds_what_is_kept_and_nothing_that_proves_anything,
    an_export_is_paged,
);

async fn an_export_holds_what_is_kept_and_nothing_that_proves_anything(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    let other = app.owner().await;
    let ended = app.session_of(&owner.email).await;
    app.grpc().revoke(&ended).await.unwrap();
    let reset = users.reset_for(&owner.id).await.unwrap().reset_token;

    let export = users.export(&owner.id).await.unwrap();
    let found = users.find_by(Key::Id(owner.id.clone())).await.unwrap();
    assert_eq!(export.user.as_ref(), Some(&found));
    assert_eq!(export.sessions.len(), 2, "the one that has ended too");
    let live = users.sessions(&owner.id).await.unwrap();
    assert_eq!(export.sessions[..1], live, "with the limits that it has");
    let kinds: Vec<EventKind> = export
        .events
        .iter()
        .map(vestibule::proto::v1::Event::kind)
        .collect();
    assert_eq!(
        kinds,
        [
            EventKind::UserRegistered,
            EventKind::SessionCreated,
            EventKind::SessionCreated,
            EventKind::SessionRevoked,
            EventKind::PasswordResetCreated,
        ]
    );
    assert!(export.events.iter().all(|event| event.user_id == owner.id));

    let bytes = export.encode_to_vec();
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(holds(owner.id.as_bytes()) && !holds(other.id.as_bytes()));
    let stored = app.stored_hash(&owner.email).await;
    let hash = SessionToken::parse(&owner.token).unwrap().secret_hash();
    for secret in [
        b"$argon2",
        stored.as_str().as_bytes(),
        owner.token.as_bytes(),
        &owner.token.as_bytes()[30..60],
        reset.as_bytes(),
        hash.as_bytes(),
    ] {
        assert!(!holds(secret), "{}", String::from_utf8_lossy(secret));
    }
    assert_nobody(users.export(NOBODY).await, NOBODY);
}

/// Whatever there is of each, a page holds so many of both together.
async fn an_export_is_paged(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    for _ in 0..3 {
        app.session_of(&owner.email).await;
    }
    let all = users.export(&owner.id).await.unwrap();
    assert_eq!((all.events.len(), all.sessions.len()), (5, 4));
    let (mut events, mut sessions) = (Vec::new(), Vec::new());
    let mut page_token = String::new();
    for held in [2, 2, 2, 2, 1] {
        let page = ExportUserDataRequest {
            user_id: owner.id.clone(),
            page_size: 2,
            page_token,
        };
        let page = users.export_page(page).await.unwrap();
        assert_eq!(page.events.len() + page.sessions.len(), held);
        assert_eq!(page.user, all.user);
        events.extend(page.events);
        sessions.extend(page.sessions);
        page_token = page.next_page_token;
    }
    assert_eq!((events, sessions), (all.events, all.sessions));
    assert_eq!(page_token, "");
}
