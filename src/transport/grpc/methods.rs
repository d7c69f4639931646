//! The RPCs that exist, read from the descriptors that reflection serves: no log or metric has a path
//! that a caller made up, and a stream is distinguished from a call before its handler is known.

use std::sync::LazyLock;

use prost::Message;
use prost_types::FileDescriptorSet;

/// Sorted by name, for the binary search of a path.
static RPCS: LazyLock<Vec<Rpc>> = LazyLock::new(|| {
    let sets = [
        crate::proto::DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let mut rpcs: Vec<_> = sets
        .into_iter()
        // The build embeds them and a test reads them, so none is skipped.
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

pub(crate) struct Rpc {
    /// The path without its first slash, such as `vestibule.v1.AuthService/ValidLogin`.
    pub(crate) name: String,
    /// Whether it streams in either direction.
    pub(crate) streams: bool,
}

/// All RPCs, by name.
pub(crate) fn rpcs() -> &'static [Rpc] {
    &RPCS
}

/// The place among [`rpcs`] of the RPC that a path names.
pub(crate) fn rpc_position(path: &str) -> Option<usize> {
    let name = path.strip_prefix('/')?;
    RPCS.binary_search_by(|rpc| rpc.name.as_str().cmp(name))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_known_and_its_streams_are_marked() {
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
            let rpc = &rpcs()[rpc_position(path).unwrap()];
            assert_eq!((&*rpc.name, rpc.streams), (&path[1..], expected));
        }
        for unknown in ["/", "", "vestibule.v1.AuthService/ValidLogin", "/a/b"] {
            assert_eq!(rpc_position(unknown), None);
        }
    }
}
