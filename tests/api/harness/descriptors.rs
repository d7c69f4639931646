//! What the protos declare, from their descriptors: a list by hand would leave out the next one.

use std::sync::LazyLock;

use prost_reflect::{
    DescriptorPool, FieldDescriptor, MessageDescriptor, MethodDescriptor, OneofDescriptor,
};
use vestibule::proto::DESCRIPTORS;

const PACKAGE: &str = "vestibule.v1";

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).unwrap());

/// All RPCs of Vestibule.
pub(crate) fn rpcs() -> impl Iterator<Item = MethodDescriptor> {
    let ours = POOL.services();
    let ours = ours.filter(|service| service.package_name() == PACKAGE);
    ours.flat_map(|service| service.methods().collect::<Vec<_>>())
}

/// An RPC as `Service/Method`.
pub(crate) fn name_of(rpc: &MethodDescriptor) -> String {
    format!("{}/{}", rpc.parent_service().name(), rpc.name())
}

/// The RPCs of these services of Vestibule, as `Service/Method`.
pub(crate) fn methods_of(services: &[&str]) -> Vec<String> {
    rpcs()
        .filter(|rpc| services.contains(&rpc.parent_service().name()))
        .map(|rpc| name_of(&rpc))
        .collect()
}

/// All messages of Vestibule.
pub(crate) fn messages() -> impl Iterator<Item = MessageDescriptor> {
    POOL.all_messages()
        .filter(|message| message.package_name() == PACKAGE)
}

/// A message of Vestibule by its name.
pub(crate) fn message(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(&format!("{PACKAGE}.{name}"))
        .unwrap()
}

/// Whether the field is `debug_redact`.
pub(crate) fn is_secret(field: &FieldDescriptor) -> bool {
    let options = field.options();
    let redact = options.get_field_by_name("debug_redact").unwrap();
    redact.as_bool().unwrap()
}

/// The choice that the field is part of; the one that makes a field `optional` is none.
pub(crate) fn choice_of(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field
        .containing_oneof()
        .filter(|oneof| !oneof.is_synthetic())
}

/// The field's `google.api.field_behavior`, such as `REQUIRED`.
pub(crate) fn behaviors(field: &FieldDescriptor) -> Vec<String> {
    let option = POOL.get_extension_by_name("google.api.field_behavior");
    let option = option.unwrap();
    let kind = option.kind();
    let numbers = field.options().get_extension(&option).into_owned();
    let numbers = numbers.as_list().unwrap().iter();
    numbers
        .map(|number| {
            let number = number.as_enum_number().unwrap();
            let behavior = kind.as_enum().unwrap().get_value(number);
            behavior.unwrap().name().to_owned()
        })
        .collect()
}

/// Whether the field is `REQUIRED`.
pub(crate) fn is_required(field: &FieldDescriptor) -> bool {
    behaviors(field).iter().any(|one| one == "REQUIRED")
}
