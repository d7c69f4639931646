//! The REST gateway: the seed's routes over the same use cases and the same error table.

mod body;
mod form;
mod json;
mod users;

use axum::{
    Json, Router,
    routing::{get, post},
};
use http::Method;
use serde::Serialize;

use crate::auth::Auth;

/// The gateway's routes over the use cases. What they answer gets its final form in the edge.
pub fn router(auth: Auth) -> Router {
    Router::new()
        .route("/", get(welcome))
        .route("/users", post(users::register_user))
        .route("/users/{id}", get(users::find_user))
        .with_state(auth)
}

/// The templates of the routes.
pub(crate) const ROUTES: [&str; 3] = ["/", "/users", "/users/{id}"];

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
        ("users", Some(id), None) if !id.is_empty() => Some(2),
        _ => None,
    }
}

#[derive(Serialize)]
struct Welcome {
    message: &'static str,
}

async fn welcome() -> Json<Welcome> {
    Json(Welcome {
        message: "Bienvenue",
    })
}
