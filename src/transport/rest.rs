//! The REST gateway: the seed's routes over the same use cases and the same error table.

mod answers;
mod body;
mod fields;
mod form;
mod json;
mod openapi;
mod origin;
mod routes;
mod users;

#[cfg(any(test, fuzzing))]
pub(crate) use body::is_readable;
pub use routes::router;
pub(crate) use routes::{ROUTES, route_position};
