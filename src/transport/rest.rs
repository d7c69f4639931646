//! The REST gateway.

use axum::Router;

use crate::auth::Auth;

/// The gateway's routes over the use cases.
pub fn router(auth: Auth) -> Router {
    Router::new().with_state(auth)
}
