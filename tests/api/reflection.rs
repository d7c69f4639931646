//! Reflection: what grpcurl and its like ask first.

use tokio_stream::once;
use tonic::{Code, Status, transport::Channel};
use vestibule::{
    proto::DESCRIPTORS,
    transport::{AuthServiceAccess, Reflection},
};

use crate::harness::{Database, Fault, Server};

on_both_databases!(
    both_versions_list_what_is_mounted_and_nothing_else,
    switched_off_it_is_not_there,
    who_may_call_nothing_may_not_read_the_schema,
    what_is_served_is_what_was_compiled,
);

const MOUNTED: [&str; 7] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "vestibule.v1.AccountService",
    "vestibule.v1.AuditService",
    "vestibule.v1.AuthService",
    "vestibule.v1.UserService",
];

/// Makes a client of one version: the two differ in nothing but their package.
macro_rules! reflection {
    ($version:ident) => {
        mod $version {
            use super::*;
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };

            async fn ask(
                channel: Channel,
                question: MessageRequest,
            ) -> Result<MessageResponse, Status> {
                let request = ServerReflectionRequest {
                    host: String::new(),
                    message_request: Some(question),
                };
                let mut client = ServerReflectionClient::new(channel);
                let stream = client.server_reflection_info(once(request)).await?;
                let answer = stream.into_inner().message().await?;
                Ok(answer.unwrap().message_response.unwrap())
            }

            pub(super) async fn services(channel: Channel) -> Result<Vec<String>, Status> {
                let question = MessageRequest::ListServices(String::new());
                match ask(channel, question).await? {
                    MessageResponse::ListServicesResponse(list) => {
                        let mut names: Vec<_> = list
                            .service
                            .into_iter()
                            .map(|service| service.name)
                            .collect();
                        names.sort();
                        Ok(names)
                    }
                    other => panic!("{other:?}"),
                }
            }

            pub(super) async fn file_of(channel: Channel, symbol: &str) -> Vec<Vec<u8>> {
                let question = MessageRequest::FileContainingSymbol(symbol.into());
                match ask(channel, question).await.unwrap() {
                    MessageResponse::FileDescriptorResponse(files) => files.file_descriptor_proto,
                    other => panic!("{other:?}"),
                }
            }
        }
    };
}

mod clients {
    use super::*;
    reflection!(v1);
    reflection!(v1alpha);

    pub(super) async fn services(channel: &Channel) -> [Result<Vec<String>, Status>; 2] {
        [
            v1::services(channel.clone()).await,
            v1alpha::services(channel.clone()).await,
        ]
    }

    pub(super) async fn files_of(channel: &Channel, symbol: &str) -> [Vec<Vec<u8>>; 2] {
        [
            v1::file_of(channel.clone(), symbol).await,
            v1alpha::file_of(channel.clone(), symbol).await,
        ]
    }
}

/// (W4)
async fn both_versions_list_what_is_mounted_and_nothing_else(app: Server) {
    for services in clients::services(&app.channel()).await {
        assert_eq!(services.unwrap(), MOUNTED);
    }
    for symbol in MOUNTED {
        for files in clients::files_of(&app.channel(), symbol).await {
            assert!(!files.is_empty(), "{symbol} is not described");
        }
    }
}

/// (W4)
async fn switched_off_it_is_not_there(database: Database) {
    let plan = Server::on(database).await;
    let app = plan
        .settings(|settings| settings.server.gate.reflection = Reflection::Off)
        .start()
        .await;
    for services in clients::services(&app.channel()).await {
        let fault = Fault::from(services);
        assert_eq!(fault.meaning(), (Code::Unimplemented, "UNSUPPORTED"));
    }
    app.grpc().registered().await;
}

/// Where only named callers are served, the schema is theirs as well, unless it is open.
async fn who_may_call_nothing_may_not_read_the_schema(database: Database) {
    for (reflection, allowed) in [(Reflection::On, false), (Reflection::Open, true)] {
        let plan = Server::on(database).await.settings(|settings| {
            settings.server.gate.auth_service = AuthServiceAccess::Named;
            settings.server.gate.reflection = reflection;
        });
        let app = plan.start().await;
        for services in clients::services(&app.channel()).await {
            match services {
                Ok(_) => assert!(allowed),
                Err(status) => {
                    assert!(!allowed);
                    let told = Fault::of(&status);
                    let expected = (Code::Unauthenticated, "CALLER_UNAUTHENTICATED");
                    assert_eq!(told.meaning(), expected);
                }
            }
        }
    }
}

/// (W4) Byte by byte: options such as `debug_redact` and `google.api.field_behavior` are still there.
async fn what_is_served_is_what_was_compiled(app: Server) {
    for files in clients::files_of(&app.channel(), "vestibule.v1.AuthService").await {
        assert!(!files.is_empty());
        for file in files {
            let mut parts = DESCRIPTORS.windows(file.len());
            assert!(parts.any(|part| part == file), "another file is served");
        }
    }
}
