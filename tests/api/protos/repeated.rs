//! Every repeated field of a request has a maximum, which is told before any work.

use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use tonic::Code;

use super::behaviors::{caller, send};
use crate::harness::{Sample, Server, name_of, rpcs};

on_both_databases!(too_many_of_anything_is_no_fault_of_the_service);

/// As many as fit into a message of 64 KiB.
const MANY: usize = 20_000;

/// The repeated fields of a message and of those in it, each with the way to it.
fn repeated(message: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    let mut found = Vec::new();
    for field in message.fields() {
        if field.is_list() {
            found.push(vec![field]);
        } else if let Some(inner) = field.kind().as_message() {
            let inner = repeated(inner).into_iter();
            found.extend(inner.map(|way| [vec![field.clone()], way].concat()));
        }
    }
    found
}

fn fill(message: &mut DynamicMessage, way: &[FieldDescriptor]) {
    let [field, rest @ ..] = way else { return };
    if let [_, ..] = rest {
        let Kind::Message(kind) = field.kind() else {
            return;
        };
        let mut inner = DynamicMessage::new(kind);
        fill(&mut inner, rest);
        return message.set_field(field, Value::Message(inner));
    }
    let one = match field.kind() {
        Kind::String => Value::String(String::new()),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::Message(kind) => Value::Message(DynamicMessage::new(kind)),
        kind => panic!("no sample of {kind:?}"),
    };
    message.set_field(field, Value::List(vec![one; MANY]));
}

/// (I1) Of each repeated field of each request 20,000.
async fn too_many_of_anything_is_no_fault_of_the_service(app: Server) {
    let key = caller(&app).await;
    let mut fields = 0;
    for rpc in rpcs() {
        for way in repeated(&rpc.input()) {
            fields += 1;
            let sample = Sample::new(&app.grpc()).await;
            let mut message = sample.message(&rpc.input(), None);
            fill(&mut message, &way);
            assert!(message.encoded_len() < 65_536);
            let method = name_of(&rpc);
            let status = send(&app, &key, &method, &message).await.grpc_status();
            // The rows of an import are refused one by one.
            let expected = match method.as_str() {
                "UserService/ImportUsers" => Code::Ok,
                _ => Code::InvalidArgument,
            };
            assert_eq!(status.code(), expected, "{method}: {status:?}");
        }
    }
    assert!(fields >= 4, "{fields} repeated fields");
}
