//! The descriptors that clients are generated from.

mod behaviors;
mod repeated;

use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use prost_types::{MethodOptions, method_options::IdempotencyLevel};
use vestibule::proto::v1;

use crate::harness::{choice_of, is_secret, messages, rpcs};

/// What a field's name says when it carries a secret.
const SECRET_WORDS: [&str; 5] = ["password", "token", "secret", "hash", "key"];
/// Where a list goes on is no secret: every page is authorised afresh.
const NO_SECRETS: [&str; 2] = ["page_token", "next_page_token"];

const SECRET: &str = "a canary in the dark";
const OPEN: &str = "a canary in the sun";

macro_rules! messages {
    ($($message:ident),*) => {
        /// What `Debug` prints of an encoded message of this name.
        fn print(name: &str, bytes: &[u8]) -> String {
            match name {
                $(stringify!($message) => format!("{:?}", v1::$message::decode(bytes).unwrap()),)*
                _ => panic!("{name} was not generated"),
            }
        }
    };
}

// Of every message, by `build.rs`.
include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// (W21) Connect would put the request of such an RPC into a URL.
#[test]
fn no_rpc_may_be_called_with_its_request_in_a_url() {
    let mut count = 0;
    for rpc in rpcs() {
        count += 1;
        let options = rpc.method_descriptor_proto().options.as_ref();
        let level = options.map(MethodOptions::idempotency_level);
        assert_ne!(level, Some(IdempotencyLevel::NoSideEffects), "{rpc:?}");
    }
    assert_eq!(count, 36);
}

/// (L5) A secret is marked, and what is marked is a secret.
#[test]
fn every_field_that_carries_a_secret_is_marked() {
    for field in messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let names_secret = SECRET_WORDS.iter().any(|word| field.name().contains(word));
        let expected = names_secret && !NO_SECRETS.contains(&field.name());
        assert_eq!(is_secret(&field), expected, "{}", field.full_name());
    }
}

/// (L5) A message with a secret prints none of its fields, and what contains it prints no secret.
#[test]
fn no_message_prints_a_secret() {
    let (mut with_secret, mut open) = (0, 0);
    for message in messages() {
        let has_secret = message.fields().any(|field| is_secret(&field));
        let choices = message.oneofs().map(|oneof| oneof.fields().len()).max();
        for choice in 0..choices.unwrap_or(1) {
            let filled = filled(&message, choice).encode_to_vec();
            let printed = print(message.name(), &filled);
            assert!(!printed.contains(SECRET), "{printed}");
            assert!(!has_secret || !printed.contains(OPEN), "{printed}");
            with_secret += usize::from(has_secret);
            open += usize::from(printed.contains(OPEN));
        }
    }
    assert!(with_secret > 20 && open > 20, "{with_secret} and {open}");
}

/// A message with a canary in every text, and of each choice the field of this place.
fn filled(message: &MessageDescriptor, choice: usize) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields().filter(|field| is_chosen(field, choice)) {
        let canary = if is_secret(&field) { SECRET } else { OPEN };
        let value = match field.kind() {
            Kind::String => Value::String(canary.to_owned()),
            Kind::Bytes => Value::Bytes(canary.into()),
            Kind::Message(inner) => Value::Message(self::filled(&inner, choice)),
            _ => continue,
        };
        let value = if field.is_list() {
            Value::List(vec![value])
        } else {
            value
        };
        filled.set_field(&field, value);
    }
    filled
}

fn is_chosen(field: &FieldDescriptor, choice: usize) -> bool {
    let Some(oneof) = choice_of(field) else {
        return true;
    };
    let fields: Vec<_> = oneof.fields().collect();
    fields[choice % fields.len()] == *field
}
