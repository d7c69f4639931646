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

/// Method and route template for the log, or `unknown`: path text could be anything.
pub(crate) fn method_name(method: &Method, path: &str) -> String {
    let route = match path.split('/').collect::<Vec<_>>()[..] {
        ["", ""] => "/",
        ["", "users"] => "/users",
        ["", "users", id] if !id.is_empty() => "/users/{id}",
        _ => return "unknown".to_owned(),
    };
    // A method is text that the caller chose, too.
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(method) {
        format!("{method} {route}")
    } else {
        format!("unknown {route}")
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
