//! The mounted gRPC services, and reflection over exactly these.

use tonic::service::Routes;
use tonic_health::pb::health_server::{self, HealthServer};
use tonic_reflection::{
    pb::{v1, v1alpha},
    server::{Builder, Error},
};

use super::health::HealthService;
use crate::{
    auth::Auth,
    proto::{
        self,
        v1::{
            account_service_server, audit_service_server, auth_service_server, user_service_server,
        },
    },
    transport::grpc,
};

const SERVICES: &[&str] = &[
    auth_service_server::SERVICE_NAME,
    account_service_server::SERVICE_NAME,
    user_service_server::SERVICE_NAME,
    audit_service_server::SERVICE_NAME,
    health_server::SERVICE_NAME,
    v1::server_reflection_server::SERVICE_NAME,
    v1alpha::server_reflection_server::SERVICE_NAME,
];
/// How many of [`SERVICES`] are mounted without reflection.
const WITHOUT_REFLECTION: usize = 5;

pub(super) fn service_names(reflection: bool) -> &'static [&'static str] {
    if reflection {
        SERVICES
    } else {
        &SERVICES[..WITHOUT_REFLECTION]
    }
}

/// The routes of the mounted services; a call to any other is UNIMPLEMENTED.
pub(super) fn build_routes(
    auth: Auth,
    health: HealthService,
    reflection: bool,
) -> Result<Routes, Error> {
    let routes = Routes::new(grpc::auth_service(auth.clone()))
        .add_service(grpc::account_service(auth.clone()))
        .add_service(grpc::user_service(auth.clone()))
        .add_service(grpc::audit_service(auth))
        .add_service(HealthServer::new(health).max_decoding_message_size(grpc::MESSAGE_MAX));
    if !reflection {
        return Ok(routes);
    }
    let v1 = reflection_builder()
        .build_v1()?
        .max_decoding_message_size(grpc::MESSAGE_MAX);
    let v1alpha = reflection_builder()
        .build_v1alpha()?
        .max_decoding_message_size(grpc::MESSAGE_MAX);
    Ok(routes.add_service(v1).add_service(v1alpha))
}

/// Both versions of reflection describe all services, including themselves and each other.
fn reflection_builder() -> Builder<'static> {
    let builder = Builder::configure()
        .include_reflection_service(false)
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET);
    // Without names it would list every service of the descriptors, mounted or not.
    SERVICES
        .iter()
        .fold(builder, |builder, name| builder.with_service_name(*name))
}
