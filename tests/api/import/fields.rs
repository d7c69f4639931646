//! What a user had is kept.

use vestibule::domain::{PasswordScheme, User, UserStatus};

use super::{Import, line};
use crate::{
    harness::{PASSWORD, Server, email},
    imported::FORMATS,
};

on_both_databases!(
    what_a_user_had_is_kept,
    what_a_user_had_not_is_new,
    a_disabled_user_stays_disabled,
);

const ID: &str = "0b2e5c1a-4b7e-4cc3-98c4-dc0c0c07398f";
const CREATED_AT: &str = "2019-03-04T05:06:07.089123Z";

fn assert_kept(user: &User) {
    assert_eq!(user.id.to_string(), ID);
    let created_at = user
        .created_at
        .to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    assert_eq!(created_at, CREATED_AT);
    assert!(
        user.email_verified_at
            .is_some_and(|at| at > user.created_at)
    );
    assert_eq!((user.status, user.version), (UserStatus::Active, 1));
    assert_eq!(user.password_scheme, PasswordScheme::Imported);
}

/// In both forms; an id of any version, in any case.
async fn what_a_user_had_is_kept(app: Server) {
    let address = format!("Canary.{}", email());
    let upper = ID.to_uppercase();
    let object = serde_json::json!({
        "id": upper, "email": address, "password_hash": FORMATS[0], "email_verified": true,
        "created_at": CREATED_AT, "status": "active",
    });
    Import::of_lines(&[object.to_string()])
        .run_whole(&app.store)
        .await;
    let user = app.stored(&address).await;
    assert_kept(&user);
    assert_eq!(user.email.0, address);

    app.erase(ID).await;
    app.store.execute("DELETE FROM erased_users").await;
    let columns = "status,created_at,email_verified,password_hash,email,id";
    let row = format!("active,{CREATED_AT},True,\"{}\",{address},{ID}", FORMATS[0]);
    Import::of("users.csv", format!("{columns}\n{row}\n"))
        .run_whole(&app.store)
        .await;
    assert_kept(&app.stored(&address).await);
}

async fn what_a_user_had_not_is_new(app: Server) {
    let address = email();
    let columns = "id,email,password_hash,email_verified,created_at,status";
    let row = format!(",{address},\"{}\",,,", FORMATS[0]);
    Import::of("users.csv", format!("{columns}\n{row}\n"))
        .run_whole(&app.store)
        .await;
    let user = app.stored(&address).await;
    assert_eq!(user.id.uuid().get_version_num(), 7);
    assert_eq!(user.created_at, user.updated_at);
    assert_eq!((user.email_verified_at, user.request_id), (None, None));
    assert_eq!(user.status, UserStatus::Active);
}

async fn a_disabled_user_stays_disabled(app: Server) {
    let (address, active) = (email(), email());
    let object = serde_json::json!({
        "email": address, "password_hash": FORMATS[0], "status": "disabled",
    });
    let lines = [object.to_string(), line(&active, FORMATS[0])];
    Import::of_lines(&lines).run_whole(&app.store).await;
    assert!(!app.grpc().is_valid(&address, PASSWORD).await);
    assert!(app.grpc().is_valid(&active, PASSWORD).await);
    let id = app.stored(&address).await.id.to_string();
    app.enable(&id).await;
    assert!(app.grpc().is_valid(&address, PASSWORD).await);
}
