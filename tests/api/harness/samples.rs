//! Requests that are made from their descriptors, so that the next one is not left out.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use vestibule::proto::v1::{CreateSessionResponse, User};

use super::{
    Client, PASSWORD,
    descriptors::{choice_of, is_required, is_secret},
    email, phrase,
};

/// A hash of another system that can be checked.
const HASH: &str = "$argon2id$v=19$m=64,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$ya9pugKzm+bGj6naJLA/eG7wZDHyzZcM0GVxmRXBPjs";

/// A user with a session: what requests are about.
pub(crate) struct Sample {
    user: User,
    session: CreateSessionResponse,
}

impl Sample {
    /// Registers a user and opens a session.
    pub(crate) async fn new(client: &Client) -> Self {
        let user = client.registered().await;
        let session = client.open(&user.email, PASSWORD).await.unwrap();
        Self { user, session }
    }

    /// A message with every `REQUIRED` field, every secret and the first of each choice. With
    /// `secret` each text that is one has this value, else a right one; only one-time tokens are
    /// always wrong.
    pub(crate) fn message(&self, kind: &MessageDescriptor, secret: Option<&str>) -> DynamicMessage {
        let mut message = DynamicMessage::new(kind.clone());
        for field in kind.fields() {
            let is_first =
                choice_of(&field).and_then(|one| one.fields().next()) == Some(field.clone());
            if is_required(&field) || is_first || holds_secret(&field) {
                let value = self.value(&field, secret);
                let value = if field.is_list() {
                    Value::List(vec![value])
                } else {
                    value
                };
                message.set_field(&field, value);
            }
        }
        message
    }

    fn value(&self, field: &FieldDescriptor, secret: Option<&str>) -> Value {
        match (field.kind(), secret) {
            (Kind::Message(kind), _) => Value::Message(self.message(&kind, secret)),
            (Kind::Bool, _) => Value::Bool(true),
            (Kind::String, Some(secret)) if is_secret(field) => Value::String(secret.to_owned()),
            (Kind::String, _) => Value::String(self.text(field)),
            (kind, _) => panic!("no sample of {kind:?} for {field:?}"),
        }
    }

    fn text(&self, field: &FieldDescriptor) -> String {
        match field.name() {
            "email" if is_for_new_user(field) => email(),
            "email" => self.user.email.clone(),
            "new_email" => email(),
            "id" | "user_id" => self.user.id.clone(),
            "session_id" => self.session.session.as_ref().unwrap().id.clone(),
            "password" | "current_password" => PASSWORD.to_owned(),
            "new_password" => phrase(),
            "password_hash" => HASH.to_owned(),
            "session_token" | "session_tokens" => self.session.session_token.clone(),
            "reset_token" | "verification_token" | "email_change_token" | "email_restore_token" => {
                "canary".to_owned()
            }
            name => panic!("no sample for {name}"),
        }
    }
}

fn is_for_new_user(field: &FieldDescriptor) -> bool {
    ["RegisterUserRequest", "ImportedUser"].contains(&field.parent_message().name())
}

fn holds_secret(field: &FieldDescriptor) -> bool {
    let holds = |kind: &MessageDescriptor| kind.fields().any(|inner| holds_secret(&inner));
    is_secret(field) || field.kind().as_message().is_some_and(holds)
}
