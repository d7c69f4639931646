//! The REST gateway: the seed's routes over the same use cases and the same error table.

mod body;
mod form;
mod json;
mod openapi;
mod users;

use axum::{
    Json, Router,
    routing::{get, post},
};
use bytes::Bytes;
use http::{Method, header::CONTENT_TYPE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Auth;

/// The gateway's routes over the use cases. What they answer gets its final form in the edge.
pub fn router(auth: Auth) -> Router {
    let document = openapi::document(auth.password_policy());
    let document = Bytes::from(document);
    Router::new()
        .route("/", get(welcome))
        .route("/users", post(users::register_user))
        .route("/users/{id}", get(users::find_user))
        .route(
            "/openapi.json",
            get(|| async { ([(CONTENT_TYPE, "application/json")], document) }),
        )
        .with_state(auth)
}

/// The templates of the routes.
pub(crate) const ROUTES: [&str; 4] = ["/", "/users", "/users/{id}", "/openapi.json"];

/// The methods that have a name: one is text that the caller chose, too.
pub(crate) const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Which of [`ROUTES`] a path takes, whatever the method.
pub(crate) fn route(path: &str) -> Option<usize> {
    let mut parts = path.strip_prefix('/')?.split('/');
    match (parts.next()?, parts.next(), parts.next()) {
        ("", None, _) => Some(0),
        ("users", None, _) => Some(1),
        ("openapi.json", None, _) => Some(3),
        ("users", Some(id), None) if !id.is_empty() => Some(2),
        _ => None,
    }
}

/// A first word.
#[derive(Serialize, ToSchema)]
struct Welcome {
    /// Always `Bienvenue`.
    message: &'static str,
}

async fn welcome() -> Json<Welcome> {
    Json(Welcome {
        message: "Bienvenue",
    })
}
