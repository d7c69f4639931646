//! What `/openapi.json` says: `OpenAPI` 3.1, made of the types that answer, of the one error table and
//! of the limits in force, so that it cannot drift from them.

mod problems;

use utoipa::{
    ToSchema,
    openapi::{
        Components, ComponentsBuilder, Content, Header, HttpMethod, Info, InfoBuilder, License,
        LicenseBuilder, ObjectBuilder, OpenApiBuilder, PathItem, Paths, PathsBuilder, Ref,
        Required, ResponseBuilder, Schema, SchemaFormat, Type,
        header::HeaderBuilder,
        path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::{RequestBody, RequestBodyBuilder},
        schema::AdditionalProperties,
        security::{
            ApiKey, ApiKeyValue, Http, HttpAuthScheme, HttpBuilder, SecurityRequirement,
            SecurityScheme,
        },
    },
};

use super::{
    Welcome,
    users::{Created, Found, IDEMPOTENCY_KEY},
};
use crate::{
    domain::{Email, PasswordPolicy},
    transport::{
        error_table::ErrorKind,
        problem::{Fault, Problem},
        request_id::X_REQUEST_ID,
    },
};

/// The name of the one way to prove a session.
const SESSION: &str = "session";
const CALLER: &str = "caller";
/// The name of what `POST /users` takes.
const NEW_USER: &str = "NewUser";

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// As ids are told, in lower case.
const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/// The document, with the password policy that is in force.
pub(super) fn document(policy: PasswordPolicy) -> String {
    let document = OpenApiBuilder::new()
        .info(info())
        .paths(paths())
        .components(Some(components(policy)))
        .build();
    // Text and numbers always serialise.
    document.to_json().unwrap_or_default()
}

fn info() -> Info {
    let licence: License = LicenseBuilder::new()
        .name("MIT OR Apache-2.0")
        .identifier(Some("MIT OR Apache-2.0"))
        .build();
    InfoBuilder::new()
        .title("Vestibule")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The REST gateway of an authentication service. Any other path is 404 and any other \
             method 405, with the reason UNSUPPORTED. Every error is a problem. No cookie is read \
             or set.",
        ))
        .license(Some(licence))
        .build()
}

fn components(policy: PasswordPolicy) -> Components {
    let bearer: Http = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "The session token that vestibule.v1.AuthService/CreateSession answers over gRPC",
        ))
        .build();
    let caller = ApiKey::Header(ApiKeyValue::with_description(
        "x-vestibule-caller",
        "The key of a service (vck_…), wanted where `callers.auth_service` is `named`",
    ));
    ComponentsBuilder::new()
        .schema_from::<Welcome>()
        .schema(NEW_USER, new_user(policy))
        .schema_from::<Created>()
        .schema_from::<Found>()
        .schema_from::<Problem>()
        .schema_from::<Fault>()
        .security_scheme(SESSION, SecurityScheme::Http(bearer))
        .security_scheme(CALLER, SecurityScheme::ApiKey(caller))
        .build()
}

fn new_user(policy: PasswordPolicy) -> ObjectBuilder {
    let email = text("email").max_length(Some(Email::MAX_LENGTH)).description(Some(
        "Without quotes and comments; at most 64 characters before the @, behind it a domain of \
             two labels or more, which may have letters beyond ASCII.",
    ));
    let password = text("password")
        .min_length(Some(policy.min_length))
        .max_length(Some(PasswordPolicy::MAX_LENGTH))
        .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]*$"))
        .description(Some(
            "Counted in code points of NFC. Common passwords, the address itself, its local part \
             and the name of this service are refused as PASSWORD_COMMON.",
        ));
    ObjectBuilder::new()
        .description(Some("A registration."))
        .property("email", email)
        .property("password", password)
        .required("email")
        .required("password")
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

fn paths() -> Paths {
    PathsBuilder::new()
        .path("/", PathItem::new(HttpMethod::Get, welcome()))
        .path("/users", PathItem::new(HttpMethod::Post, register_user()))
        .path("/users/{id}", PathItem::new(HttpMethod::Get, find_user()))
        .path(
            "/openapi.json",
            PathItem::new(HttpMethod::Get, openapi_json()),
        )
        .build()
}

fn welcome() -> Operation {
    operation("welcome", "Says that this is the gateway", &[])
        .response(
            "200",
            success("It is.", Content::new(Some(of::<Welcome>()))),
        )
        .build()
}

fn register_user() -> Operation {
    let location = header("`/users/` and the new id: resolves with a session of this user");
    let created = success("The user exists now.", Content::new(Some(of::<Created>())));
    let failures = [
        ErrorKind::InvalidInput,
        ErrorKind::Malformed,
        ErrorKind::CallerNotAllowed,
        ErrorKind::EmailTaken,
        ErrorKind::RequestIdReused,
        ErrorKind::MessageTooLarge,
        ErrorKind::WrongMediaType,
        ErrorKind::Overloaded,
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

fn find_user() -> Operation {
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
        ErrorKind::SessionInvalid,
        ErrorKind::CallerNotAllowed,
        ErrorKind::UserNotFound,
        ErrorKind::Overloaded,
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
        success("The user.", Content::new(Some(of::<Found>()))),
    )
    .build()
}

fn openapi_json() -> Operation {
    let document = ObjectBuilder::new().description(Some("An OpenAPI 3.1 document."));
    operation("describe", "Tells what this gateway offers", &[])
        .response(
            "200",
            success("This document.", Content::new(Some(document))),
        )
        .build()
}

/// What every operation has, failures of its own included.
fn operation(id: &str, summary: &str, failures: &[ErrorKind]) -> OperationBuilder {
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

fn success(description: &str, content: Content) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .content(JSON, content)
        .header(X_REQUEST_ID.as_str(), request_id())
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
        .schema(Some(text("uuid")))
        .build()
}

fn request_id() -> Header {
    header("The call's name in the log")
}

fn header(description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(description))
        .build()
}

fn text(format: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom(format.to_owned())))
}

fn of<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

#[cfg(test)]
mod tests;
