//! What is left of a user who was deleted: an id, and that something happened to it.

use std::fs;

use vestibule::{
    db::Target,
    proto::v1::{
        ClientInfo, CreateSessionForUserRequest, CreateSessionRequest, RegisterUserRequest,
        create_session_for_user_request,
    },
};

use crate::harness::{PASSWORD, Postgres, Server, email, phrase};

on_both_databases!(
    of_a_deleted_user_nothing_is_left_but_the_id,
    an_id_that_was_erased_stays_erased,
);

const IP: &str = "192.0.2.231";
const USER_AGENT: &str = "Canarybrowser/7.25";

fn client() -> ClientInfo {
    ClientInfo {
        ip: IP.to_owned(),
        user_agent: USER_AGENT.to_owned(),
    }
}

/// Everything that a database holds, as a backup has it: SQLite's file without what was deleted, and
/// its log; Postgres' dump.
async fn dump(app: &Server) -> Vec<u8> {
    match &app.store.target {
        Target::Sqlite(file) => {
            app.store.execute("VACUUM").await;
            app.store.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
            let log = file.with_extension("db-wal");
            [fs::read(file).unwrap(), fs::read(log).unwrap_or_default()].concat()
        }
        Target::Postgres { .. } => Postgres::dump(&app.store.url),
    }
}

fn holds(dump: &[u8], part: &str) -> bool {
    let part = part.as_bytes();
    dump.windows(part.len()).any(|window| window == part)
}

async fn of_a_deleted_user_nothing_is_left_but_the_id(app: Server) {
    let (users, account) = (app.users().await, app.account());
    let (address, changed_to, wanted) = (email(), email(), email());
    let registration = RegisterUserRequest {
        email: address.clone(),
        password: PASSWORD.into(),
        request_id: String::new(),
        client: Some(client()),
    };
    let registered = app.grpc().register_user(registration).await.unwrap();
    let id = registered.into_inner().user.unwrap().id;
    // The user has had another address, wants a third, and everything tells where they come from.
    for named in [address.clone(), changed_to.clone()] {
        let edit = vestibule::proto::v1::UpdateUserRequest {
            email: Some(named.clone()),
            ..super::edit_of(&users.find(&id).await.unwrap())
        };
        users.update(edit).await.unwrap();
        let login = CreateSessionRequest {
            email: named.clone(),
            password: PASSWORD.into(),
            client: Some(client()),
        };
        let opened = app.grpc().create_session(login).await.unwrap().into_inner();
        let for_user = CreateSessionForUserRequest {
            user: Some(create_session_for_user_request::User::UserId(id.clone())),
            client: Some(client()),
            ..CreateSessionForUserRequest::default()
        };
        users.open(for_user).await.unwrap();
        let asked = account.request_email_change(&opened.session_token, PASSWORD, &wanted);
        asked.await.unwrap();
        users.reset_for(&id).await.unwrap();
        assert!(!app.grpc().is_valid(&named, &phrase()).await);
    }
    account.request_password_reset(&changed_to).await.unwrap();
    let hash = app.stored_hash(&changed_to).await.as_str().to_owned();
    let told = [IP, USER_AGENT, &address, &changed_to, &wanted, &hash];
    let before = dump(&app).await;
    for part in [IP, USER_AGENT, &changed_to, &wanted, &hash] {
        assert!(holds(&before, part), "{part} is looked for in vain");
    }
    users.delete(&id).await.unwrap();
    let after = dump(&app).await;
    for part in told {
        assert!(!holds(&after, part), "{part}");
    }
    for table in ["users", "sessions", "one_time_tokens", "mail_intents"] {
        assert_eq!(app.store.rows(table).await, 0, "{table}");
    }
    assert_eq!(app.store.rows("erased_users").await, 1);
    let kept = "events WHERE user_id = (SELECT id FROM erased_users)";
    assert!(app.store.rows(kept).await >= 8, "what happened stays");
}

/// The database itself refuses a second grave, and nobody finds the first.
async fn an_id_that_was_erased_stays_erased(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    users.delete(&owner.id).await.unwrap();
    for _ in 0..2 {
        super::assert_nobody(users.delete(&owner.id).await, &owner.id);
    }
    let again = app.grpc().register(&owner.email, PASSWORD).await.unwrap();
    users.delete(&again.id).await.unwrap();
    let graves = "SELECT COUNT(DISTINCT id) FROM erased_users";
    let sql = app.sql().await;
    assert_eq!(crate::harness::number(&sql, graves).await, 2);
}
