//! The RPCs that exist, read from the descriptors that reflection serves: no log or metric names a
//! path that somebody made up, and a stream is told from a call before its handler is known.

use std::sync::LazyLock;

use prost::Message;
use prost_types::FileDescriptorSet;

/// By name, so that a path is found by bisection.
static RPCS: LazyLock<Vec<Rpc>> = LazyLock::new(|| {
    let sets = [
        crate::proto::DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let mut rpcs: Vec<_> = sets
        .into_iter()
        // Embedded by the build and read by a test; what is missing would only go without a name.
        .filter_map(|bytes| FileDescriptorSet::decode(bytes).ok())
        .flat_map(|set| set.file)
        .flat_map(|file| {
            let package = file.package().to_owned();
            let services = file.service.into_iter();
            services.map(move |service| (format!("{package}.{}", service.name()), service.method))
        })
        .flat_map(|(service, methods)| {
            methods.into_iter().map(move |method| Rpc {
                name: format!("{service}/{}", method.name()),
                streams: method.client_streaming() || method.server_streaming(),
            })
        })
        .collect();
    rpcs.sort_by(|a, b| a.name.cmp(&b.name));
    rpcs
});

struct Rpc {
    /// The path without its first slash, such as `vestibule.v1.AuthService/ValidLogin`.
    name: String,
    streams: bool,
}

/// The names of all RPCs.
pub(crate) fn methods() -> impl ExactSizeIterator<Item = &'static str> {
    RPCS.iter().map(|rpc| rpc.name.as_str())
}

/// Which of [`methods`] a path names.
pub(crate) fn method(path: &str) -> Option<usize> {
    let name = path.strip_prefix('/')?;
    RPCS.binary_search_by(|rpc| rpc.name.as_str().cmp(name))
        .ok()
}

/// Whether the path's RPC streams in either direction.
pub(crate) fn streams(path: &str) -> bool {
    method(path).is_some_and(|method| RPCS[method].streams)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_known_and_streams_are_told_apart() {
        for (path, expected) in [
            ("/vestibule.v1.AuthService/ValidLogin", false),
            ("/vestibule.v1.AuthService/RevokeSession", false),
            ("/vestibule.v1.AuditService/ListEvents", false),
            ("/vestibule.v1.AccountService/CloseAccount", false),
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
            assert_eq!(methods().nth(method(path).unwrap()), Some(&path[1..]));
            assert_eq!(streams(path), expected, "{path}");
        }
        for unknown in ["/", "", "vestibule.v1.AuthService/ValidLogin", "/a/b"] {
            assert_eq!(method(unknown), None);
        }
    }
}
