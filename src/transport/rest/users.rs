//! `POST /users` and `GET /users/{id}`: each handler converts, calls `auth` and converts back.

use axum::{
    Extension, Json,
    extract::{Path, Request, State, rejection::PathRejection},
    response::IntoResponse,
};
use http::{HeaderMap, HeaderName, StatusCode, header::LOCATION};

use super::{
    answers::{Created, Found},
    body::read_fields,
    fields::Fields,
};
use crate::{
    auth::{Auth, AuthError, CallContext},
    domain::{PresentedToken, UserId},
    transport::{
        bearer::bearer,
        failure::Failure,
        input::{self, RawRegistration, Text},
        request_id::single,
    },
};

/// Carries a registration's `request_id`; its violations have this name as their field.
pub(super) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// `POST /users`: registers a user.
pub(super) async fn register_user(
    State(auth): State<Auth>,
    Extension(call): Extension<CallContext>,
    request: Request,
) -> Result<impl IntoResponse, Failure> {
    let (parts, body) = request.into_parts();
    let fields = read_fields(&parts, body).await?;
    let raw = raw_registration(&parts.headers, &fields);
    let registration = input::registration(&call, &raw, auth.password_rules())?;
    let user = auth.register_user(&call, registration).await?;
    let location = [(LOCATION, format!("/users/{}", user.id))];
    Ok((StatusCode::CREATED, location, Json(Created::from(user))))
}

/// `GET /users/{id}`: the user of the bearer's session, asked for by `me` or by the user's own id. The
/// id is looked at only after the session is proven.
pub(super) async fn find_user(
    State(auth): State<Auth>,
    Extension(call): Extension<CallContext>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Json<Found>, Failure> {
    let token = bearer(&headers).and_then(|text| PresentedToken::parse(text).ok());
    let token = token.ok_or(AuthError::SessionInvalid)?;
    let user = auth.user_of_session(&call, &token).await?;
    match path {
        Ok(Path(asked)) if asked == "me" || UserId::parse(&asked) == Some(user.id) => {
            Ok(Json(user.into()))
        }
        Ok(_) | Err(_) => Err(AuthError::UserNotFound.into()),
    }
}

fn raw_registration<'a>(headers: &'a HeaderMap, fields: &'a Fields) -> RawRegistration<'a> {
    RawRegistration {
        email: fields.text("email"),
        password: fields.text("password"),
        request_id: (IDEMPOTENCY_KEY, idempotency_key(headers)),
        client: None,
        unknown: fields.unknown(&["email", "password"]),
    }
}

/// Empty when the header was not sent; a header that was sent empty is a fault.
fn idempotency_key(headers: &HeaderMap) -> Text<'_> {
    let name = HeaderName::from_static("idempotency-key");
    if headers.contains_key(&name) {
        single(headers, &name).filter(|key| !key.is_empty())
    } else {
        Some("")
    }
}

#[cfg(test)]
mod tests;
