//! The parts that operations, problems and components of the document share.

use utoipa::{
    ToSchema,
    openapi::{
        Content, Header, ObjectBuilder, Ref, ResponseBuilder, SchemaFormat, Type,
        header::HeaderBuilder,
    },
};

use crate::transport::request_id::X_REQUEST_ID;

/// The names of the ways to prove a session and a caller.
pub(super) const SESSION: &str = "session";
pub(super) const CALLER: &str = "caller";
/// The name of the body of `POST /users`.
pub(super) const NEW_USER: &str = "NewUser";

pub(super) const JSON: &str = "application/json";

pub(super) fn success(description: &str, content: Content) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .content(JSON, content)
        .header(X_REQUEST_ID.as_str(), request_id_header())
}

pub(super) fn request_id_header() -> Header {
    header("The call's name in the log")
}

pub(super) fn header(description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(description))
        .build()
}

pub(super) fn text_schema(format: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom(format.to_owned())))
}

pub(super) fn schema_of<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}
