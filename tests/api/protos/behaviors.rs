//! `google.api.field_behavior` (AIP-203) of every field, and that it is true.

use std::collections::BTreeSet;

use http::header::AUTHORIZATION;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, Value};
use tonic::Code;
use vestibule::proto::v1::ImportUsersResponse;

use crate::harness::{
    Fault, Sample, Server, WireReply, behaviors, choice_of, frame, is_required, is_secret, message,
    messages, name_of, rpcs,
};

on_both_databases!(
    a_request_is_refused_exactly_without_what_is_required,
    a_row_is_refused_exactly_without_what_is_required,
);

/// In what is sent, a field is `REQUIRED` or `OPTIONAL`; in what is only answered, `OUTPUT_ONLY`.
#[test]
fn every_field_says_how_it_behaves() {
    let mut sent = BTreeSet::new();
    for rpc in rpcs() {
        reach(&rpc.input(), &mut sent);
    }
    for message in messages() {
        let expected: &[&str] = if sent.contains(message.full_name()) {
            &["REQUIRED", "OPTIONAL"]
        } else {
            &["OUTPUT_ONLY"]
        };
        for field in message.fields() {
            let behaviors = behaviors(&field);
            let is_one = behaviors.len() == 1 && expected.contains(&behaviors[0].as_str());
            assert!(is_one, "{}: {behaviors:?}", field.full_name());
            let may_be = choice_of(&field).is_none() || !is_required(&field);
            assert!(may_be, "{}: one of several", field.full_name());
        }
    }
    let required = |message: &MessageDescriptor| message.fields().any(|field| is_required(&field));
    let inputs: Vec<_> = rpcs().map(|rpc| rpc.input()).collect();
    let inner: Vec<_> = messages()
        .filter(|message| required(message) && !inputs.contains(message))
        .map(|message| message.name().to_owned())
        .collect();
    assert_eq!(inner, ["ImportedUser"], "the tests below look at these");
}

/// Notes a message and all that it contains.
fn reach(message: &MessageDescriptor, reached: &mut BTreeSet<String>) {
    if reached.insert(message.full_name().to_owned()) {
        for field in message.fields() {
            if let Some(inner) = field.kind().as_message() {
                reach(inner, reached);
            }
        }
    }
}

/// What may be left out of a message: a field, or a choice whole.
struct Part {
    name: String,
    fields: Vec<FieldDescriptor>,
    is_required: bool,
}

fn parts(message: &MessageDescriptor) -> Vec<Part> {
    let fields = message.fields().filter(|field| choice_of(field).is_none());
    let fields = fields.map(|field| Part {
        name: field.name().to_owned(),
        is_required: is_required(&field),
        fields: vec![field],
    });
    let choices = message.oneofs().filter(|oneof| !oneof.is_synthetic());
    let choices = choices.map(|oneof| Part {
        name: oneof.name().to_owned(),
        // A proof besides a token is needed unless the configuration says otherwise.
        is_required: oneof.name() != "proof",
        fields: oneof.fields().collect(),
    });
    fields.chain(choices).collect()
}

impl Part {
    fn remove_from(&self, message: &mut DynamicMessage) {
        for field in &self.fields {
            message.clear_field(field);
        }
    }

    /// Whether the answer blames this part; it may blame no other. A proof is blamed by a reason of
    /// its own.
    fn is_blamed(&self, reply: &WireReply) -> bool {
        let status = reply.grpc_status();
        if status.code() == Code::Ok {
            return false;
        }
        let fault = Fault::of(&status);
        let others = fault.violations.iter().any(|(name, _)| *name != self.name);
        assert!(!others, "without {}: {fault:?}", self.name);
        let is_proof = self.name.ends_with("_token") && self.fields.iter().any(is_secret);
        let is_no_proof = ["SESSION_INVALID", "TOKEN_INVALID"].contains(&fault.reason.as_str());
        !fault.violations.is_empty() || (is_proof && is_no_proof)
    }
}

pub(super) async fn send(
    app: &Server,
    key: &str,
    method: &str,
    message: &DynamicMessage,
) -> WireReply {
    let wire = app.wire();
    let request = wire
        .request(&format!("/vestibule.v1.{method}"))
        .header(AUTHORIZATION, format!("Bearer {key}"));
    wire.send(request, frame(&message.encode_to_vec())).await
}

/// A caller that may call everything; its key.
pub(super) async fn caller(app: &Server) -> String {
    let methods: Vec<_> = rpcs().map(|rpc| name_of(&rpc)).collect();
    app.caller("desk", &methods).await
}

/// Each field of each request is left out by itself.
async fn a_request_is_refused_exactly_without_what_is_required(app: Server) {
    let key = caller(&app).await;
    for rpc in rpcs() {
        let method = name_of(&rpc);
        for part in parts(&rpc.input()) {
            let sample = Sample::new(&app.grpc()).await;
            let mut message = sample.message(&rpc.input(), None);
            part.remove_from(&mut message);
            let reply = send(&app, &key, &method, &message).await;
            let (name, is_blamed) = (&part.name, part.is_blamed(&reply));
            assert_eq!(is_blamed, part.is_required, "{method} without {name}");
        }
    }
}

/// The rows of an import are judged one by one, and the call is OK.
async fn a_row_is_refused_exactly_without_what_is_required(app: Server) {
    let key = caller(&app).await;
    let sample = Sample::new(&app.grpc()).await;
    let kind = message("ImportedUser");
    for part in parts(&kind) {
        let mut row = sample.message(&kind, None);
        part.remove_from(&mut row);
        let mut message = DynamicMessage::new(message("ImportUsersRequest"));
        message.set_field_by_name("users", Value::List(vec![Value::Message(row)]));
        let reply = send(&app, &key, "UserService/ImportUsers", &message).await;
        let answer = ImportUsersResponse::decode(reply.body.slice(5..)).unwrap();
        let faults = answer.refused_rows.into_iter().flat_map(|row| row.faults);
        let blamed: Vec<_> = faults.map(|fault| fault.field).collect();
        let expected: Vec<_> = part.is_required.then_some(part.name).into_iter().collect();
        assert_eq!(blamed, expected);
    }
}
