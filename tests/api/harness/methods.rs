//! The RPCs that there are, from their descriptors: a list by hand would leave out the next one.

use prost::Message;
use prost_types::FileDescriptorSet;
use vestibule::proto::DESCRIPTORS;

/// The RPCs of these services of ours, as `Service/Method`.
pub(crate) fn methods_of(services: &[&str]) -> Vec<String> {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let ours = files
        .iter()
        .filter(|file| file.package() == "vestibule.v1")
        .flat_map(|file| &file.service)
        .filter(|service| services.contains(&service.name()));
    ours.flat_map(|service| {
        let methods = service.method.iter();
        methods.map(|method| format!("{}/{}", service.name(), method.name()))
    })
    .collect()
}
