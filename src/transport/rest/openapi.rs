//! The document `/openapi.json`: `OpenAPI` 3.1, made of the table of routes, of the types that answer, of
//! the error table and of the limits in force, so that it cannot drift from them.

pub(super) mod operations;
mod parts;
mod problems;

use utoipa::openapi::{
    Components, ComponentsBuilder, Info, InfoBuilder, License, LicenseBuilder, ObjectBuilder,
    OpenApiBuilder, Paths, Schema,
    schema::AdditionalProperties,
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::answers::{Created, Found, Welcome};
use crate::{
    domain::{Email, PasswordPolicy},
    transport::problem::{Fault, Problem},
};
use parts::{CALLER, NEW_USER, SESSION, text_schema};

/// The document, with the password policy that is in force.
pub(super) fn document(policy: PasswordPolicy, paths: Paths) -> String {
    let document = OpenApiBuilder::new()
        .info(info())
        .paths(paths)
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
    let email = text_schema("email").max_length(Some(Email::MAX_LENGTH)).description(Some(
        "Without quotes and comments; at most 64 characters before the @, behind it a domain of \
             two labels or more, which may have letters beyond ASCII.",
    ));
    let password = text_schema("password")
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
