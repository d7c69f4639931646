//! The body of a request, read within limits and parsed into named fields, strictly: a body that two
//! parsers could read differently is refused.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_ENCODING, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroize;

use super::{fields::Fields, form, json};
use crate::{
    auth::AuthError,
    transport::{failure::Failure, media_type::media_type, peer::AwaitedSince},
};

/// The largest body, in bytes.
const BODY_MAX: usize = 16 * 1024;
/// How long a body may take in total, the wait for its headers included: a slow peer is gone within
/// 10 s, and the answer and the close take time as well.
const BODY_TIME: Duration = Duration::from_millis(9_500);

/// How much of a body that is too large is read for the sake of its answer, and for how long.
const DISCARD_MAX: usize = 2 * 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// The media types that a body may have.
enum Format {
    Json,
    Form,
}

/// Reads the fields of a JSON or form body.
///
/// # Errors
/// `WrongMediaType`, `MessageTooLarge`, `DeadlineExceeded` when the body takes too long, and
/// `Malformed` when it is cut short or not of its media type.
pub(super) async fn read_fields(request: &Parts, body: Body) -> Result<Fields, Failure> {
    let format = declared_format(&request.headers)?;
    let awaited = request.extensions.get::<AwaitedSince>();
    let awaited = awaited.map_or_else(Instant::now, |since| since.0);
    let bytes = read_body(body, awaited + BODY_TIME).await?;
    let fields = str::from_utf8(&bytes)
        .ok()
        .and_then(|text| match format {
            Format::Json => json::parse(text),
            Format::Form => form::parse(text),
        })
        .ok_or(Failure::Malformed);
    // As far as the library has no part in them.
    if let Ok(mut bytes) = bytes.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    fields
}

/// Whether a body can be read, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(crate) async fn is_readable(request: &Parts, body: Body) -> bool {
    read_fields(request, body).await.is_ok()
}

fn declared_format(headers: &HeaderMap) -> Result<Format, Failure> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Failure::WrongMediaType);
    }
    match media_type(headers).as_deref() {
        Some("application/json") => Ok(Format::Json),
        Some("application/x-www-form-urlencoded") => Ok(Format::Form),
        Some(_) | None => Err(Failure::WrongMediaType),
    }
}

async fn read_body(mut body: Body, until: Instant) -> Result<Bytes, Failure> {
    let collected = timeout_at(until, Limited::new(&mut body, BODY_MAX).collect())
        .await
        .map_err(|_| AuthError::DeadlineExceeded)?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let until = until.min(Instant::now() + DISCARD_TIME);
            let _ = timeout_at(until, discard(body)).await;
            Err(Failure::MessageTooLarge)
        }
        Err(_cut_short) => Err(Failure::Malformed),
    }
}

/// Reads the rest of a body that is too large. A client that is still sending when the connection
/// closes is reset and never sees its answer.
async fn discard(mut body: Body) {
    let mut left = DISCARD_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(less) => left = less,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests;
