//! The RPCs that exist, read from the descriptors that reflection serves: a log names no path that
//! somebody made up, and a stream is told from a call before its handler is known.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message;
use prost_types::FileDescriptorSet;

/// Path without its first slash → whether the RPC streams.
static METHODS: LazyLock<HashMap<String, bool>> = LazyLock::new(|| {
    [
        crate::proto::DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ]
    .into_iter()
    // Embedded by the build and read by a test; what is missing would only be logged as unknown.
    .filter_map(|bytes| FileDescriptorSet::decode(bytes).ok())
    .flat_map(|set| set.file)
    .flat_map(|file| {
        let package = file.package().to_owned();
        let services = file.service.into_iter();
        services.map(move |service| (format!("{package}.{}", service.name()), service.method))
    })
    .flat_map(|(service, methods)| {
        methods.into_iter().map(move |method| {
            let streams = method.client_streaming() || method.server_streaming();
            (format!("{service}/{}", method.name()), streams)
        })
    })
    .collect()
});

/// The RPC of a path, such as `vestibule.v1.AuthService/ValidLogin`, or `unknown`.
pub(crate) fn method_name(path: &str) -> &'static str {
    find(path).map_or("unknown", |(name, _)| name)
}

/// Whether the path's RPC streams in either direction.
pub(crate) fn streams(path: &str) -> bool {
    find(path).is_some_and(|(_, streams)| streams)
}

fn find(path: &str) -> Option<(&'static str, bool)> {
    let (name, streams) = METHODS.get_key_value(path.strip_prefix('/')?)?;
    Some((name, *streams))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_known_and_streams_are_told_apart() {
        for (path, expected) in [
            ("/vestibule.v1.AuthService/ValidLogin", false),
            ("/vestibule.v1.AuthService/RevokeSession", false),
            ("/grpc.health.v1.Health/Check", false),
            ("/grpc.health.v1.Health/Watch", true),
            (
                "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                true,
            ),
            (
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                true,
            ),
        ] {
            assert_eq!(method_name(path), &path[1..]);
            assert_eq!(streams(path), expected, "{path}");
        }
        for unknown in ["/", "", "vestibule.v1.AuthService/ValidLogin", "/a/b"] {
            assert_eq!(method_name(unknown), "unknown");
        }
    }
}
