//! Named callers: how they are made, what proves them, and what they may call.

mod access;
mod command;
mod proofs;

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Request, Status, metadata::AsciiMetadataKey};
use vestibule::{
    auth::Callers,
    domain::{CallerName, Clock},
    proto::v1::ValidateSessionRequest,
    transport::AuthServiceAccess,
};

use crate::harness::{Database, Fault, Plan, Server};

const CALLER_UNAUTHENTICATED: &str = "CALLER_UNAUTHENTICATED";
const CALLER_NOT_ALLOWED: &str = "CALLER_NOT_ALLOWED";

/// Nothing here takes that long.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn name(text: &str) -> CallerName {
    CallerName::parse(text).unwrap()
}

/// A plan whose `AuthService` takes named callers alone.
async fn named(database: Database) -> Plan {
    let plan = Server::on(database).await;
    plan.settings(|settings| settings.server.gate.auth_service = AuthServiceAccess::Named)
}

/// The callers of an application's database, as the command line sees them.
fn callers(app: &Server) -> Callers {
    Callers::new(app.db.clone(), Clock::system())
}

/// The value of `Authorization`.
pub(crate) fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

/// Asks about a malformed token, which is `NOT_FOUND` for whoever may ask, with metadata.
async fn ask(app: &Server, metadata: &[(&str, &str)]) -> Result<(), Status> {
    let mut request = Request::new(ValidateSessionRequest {
        session_token: "nothing".into(),
    });
    for (name, value) in metadata {
        let name: AsciiMetadataKey = name.parse().unwrap();
        request.metadata_mut().append(name, value.parse().unwrap());
    }
    app.grpc().validate_session(request).await.map(|_| ())
}

/// The reason of a refusal; `OK` where there was none.
async fn told(app: &Server, metadata: &[(&str, &str)]) -> String {
    match ask(app, metadata).await {
        Ok(()) => "OK".to_owned(),
        Err(status) => Fault::of(&status).reason,
    }
}
