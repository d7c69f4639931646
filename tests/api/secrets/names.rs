//! What callers say and are told who act on users by name: their key, and tokens for their users.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};

use super::CANARY;
use crate::harness::{
    PASSWORD, Sample, ServerProcess, Store, frame, is_secret, messages, name_of, rpcs,
};

/// Calls every RPC by name: well, with a wrong text in the place of every secret, and with broken
/// messages; and exports on the command line. Answers the key and the tokens that were told.
pub(super) async fn say_it_by_name(service: &ServerProcess, store: &Store) -> Vec<String> {
    let allow: Vec<_> = rpcs().map(|rpc| name_of(&rpc)).collect();
    let allow = allow.join(",");
    let added = ServerProcess::run_over(store, &["caller", "add", "desk", "--allow", &allow]).await;
    let key = added.stdout.trim_end().to_owned();
    let wire = service.wire();
    let ask = async |rpc: &MethodDescriptor, message: &[u8]| -> Bytes {
        let request = wire
            .request(&format!("/vestibule.v1.{}", name_of(rpc)))
            .header(AUTHORIZATION, format!("Bearer {key}"));
        wire.send(request, frame(message)).await.body
    };

    let mut told = Told::default();
    for rpc in rpcs() {
        let sample = Sample::new(&service.grpc()).await;
        for secret in [None, Some("a canary sings wrong")] {
            let message = sample.message(&rpc.input(), secret);
            told.note(&rpc, &ask(&rpc, &message.encode_to_vec()).await);
        }
        for message in [b"".as_slice(), PASSWORD.as_bytes()] {
            ask(&rpc, message).await;
        }
    }
    told.assert_complete();
    let exported = ServerProcess::run_over(store, &["users", "export"]).await;
    assert!(exported.stdout.contains(CANARY), "{}", exported.output);
    assert!(!exported.output.contains("$argon2"), "{}", exported.output);
    told.tokens.push(key);
    told.tokens
}

/// The secrets in answers.
#[derive(Default)]
struct Told {
    tokens: Vec<String>,
    fields: BTreeSet<String>,
}

impl Told {
    fn note(&mut self, rpc: &MethodDescriptor, body: &Bytes) {
        let Some(message) = body.get(5..) else {
            return;
        };
        let answer = DynamicMessage::decode(rpc.output(), message).unwrap();
        for (field, value) in answer.fields().filter(|(field, _)| is_secret(field)) {
            self.tokens.push(value.as_str().unwrap().to_owned());
            self.fields.insert(field.full_name().to_owned());
        }
    }

    /// Each secret that an answer can have was in one.
    fn assert_complete(&self) {
        let answers = messages().filter(|message| rpcs().any(|rpc| rpc.output() == *message));
        let fields = answers.flat_map(|message| message.fields().collect::<Vec<_>>());
        let secrets = fields.filter(is_secret);
        let secrets: BTreeSet<_> = secrets.map(|field| field.full_name().to_owned()).collect();
        assert_eq!(self.fields, secrets);
    }
}
