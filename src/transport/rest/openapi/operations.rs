//! The operation of each route.

use std::time::Duration;

use utoipa::openapi::{
    Content, ObjectBuilder, Ref, Required, Type,
    path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
    security::SecurityRequirement,
};

use super::{
    parts::{CALLER, JSON, NEW_USER, SESSION, header, schema_of, success, text_schema},
    problems,
};
use crate::{
    auth::AuthError,
    transport::{
        failure::Failure,
        request_id::X_REQUEST_ID,
        rest::{
            answers::{Created, Found, Welcome},
            users::IDEMPOTENCY_KEY,
        },
    },
};

const FORM: &str = "application/x-www-form-urlencoded";

/// The one spelling of ids.
const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

pub(in crate::transport::rest) fn welcome() -> Operation {
    operation("welcome", "Says that this is the gateway", &[])
        .response(
            "200",
            success("It is.", Content::new(Some(schema_of::<Welcome>()))),
        )
        .build()
}

pub(in crate::transport::rest) fn register_user() -> Operation {
    let location = header("`/users/` and the new id: resolves with a session of this user");
    let created = success(
        "The user exists now.",
        Content::new(Some(schema_of::<Created>())),
    );
    let failures = [
        Failure::InvalidInput(Vec::new()),
        Failure::Malformed,
        Failure::CallerNotAllowed,
        Failure::CrossOrigin,
        AuthError::EmailTaken.into(),
        rate_limited(),
        login_throttled(),
        AuthError::RequestIdReused.into(),
        Failure::MessageTooLarge,
        Failure::WrongMediaType,
        overloaded(),
    ];
    operation(
        "registerUser",
        "Registers a user; opens no session",
        &failures,
    )
    .parameter(idempotency_key())
    .security(SecurityRequirement::default())
    .security(SecurityRequirement::new(CALLER, [""; 0]))
    .request_body(Some(new_user_body()))
    .response("201", created.header("Location", location))
    .build()
}

pub(in crate::transport::rest) fn find_user() -> Operation {
    let id = ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .description(Some("`me`, or the id of the session's own user"))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(Some(format!("^(me|{UUID})$"))),
        ))
        .build();
    let failures = [
        AuthError::SessionInvalid.into(),
        Failure::CallerNotAllowed,
        AuthError::UserNotFound.into(),
        overloaded(),
    ];
    operation(
        "findUser",
        "Tells the user whom the session proves",
        &failures,
    )
    .parameter(id)
    .security(SecurityRequirement::new(SESSION, [""; 0]))
    .security(SecurityRequirement::new(SESSION, [""; 0]).add(CALLER, [""; 0]))
    .response(
        "200",
        success("The user.", Content::new(Some(schema_of::<Found>()))),
    )
    .build()
}

pub(in crate::transport::rest) fn openapi_json() -> Operation {
    let document = ObjectBuilder::new().description(Some("An OpenAPI 3.1 document."));
    operation("describe", "Tells what this gateway offers", &[])
        .response(
            "200",
            success("This document.", Content::new(Some(document))),
        )
        .build()
}

/// What every operation has, and the failures of its own.
fn operation(id: &str, summary: &str, failures: &[Failure]) -> OperationBuilder {
    OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .parameter(
            ParameterBuilder::new()
                .name(X_REQUEST_ID.as_str())
                .parameter_in(ParameterIn::Header)
                .description(Some(
                    "Names the call in the log and in the answer; kept when it is 1 to 64 of \
                     A-Z a-z 0-9 . _ -, else made",
                ))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .build(),
        )
        .responses(problems::responses(failures))
}

fn overloaded() -> Failure {
    let retry_after = Duration::ZERO;
    AuthError::Overloaded { retry_after }.into()
}

fn new_user_body() -> RequestBody {
    let content = || Content::new(Some(Ref::from_schema_name(NEW_USER)));
    RequestBodyBuilder::new()
        .description(Some("At most 16,384 bytes, no name twice."))
        .content(JSON, content())
        .content(FORM, content())
        .required(Some(Required::True))
        .build()
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name(IDEMPOTENCY_KEY)
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "Made once per submission and kept over its retries: within a day the same key, \
             address and password answer the same user",
        ))
        .schema(Some(text_schema("uuid")))
        .build()
}

fn rate_limited() -> Failure {
    let retry_after = Duration::ZERO;
    AuthError::RateLimited { retry_after }.into()
}

fn login_throttled() -> Failure {
    let retry_after = Duration::ZERO;
    AuthError::LoginThrottled { retry_after }.into()
}
