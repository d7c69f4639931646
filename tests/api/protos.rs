//! The descriptors that clients are generated from.

use prost::Message;
use prost_types::{FileDescriptorSet, MethodOptions, method_options::IdempotencyLevel};
use vestibule::proto::{
    DESCRIPTORS,
    v1::{
        BatchValidateSessionsRequest, ChangePasswordRequest, CloseAccountRequest,
        ConfirmEmailChangeRequest, CreateSessionRequest, CreateSessionResponse, GetAccountRequest,
        ListSessionsRequest, RegisterUserRequest, RequestEmailChangeRequest, ResetPasswordRequest,
        RevokeOtherSessionsRequest, RevokeSessionByIdRequest, RevokeSessionRequest,
        RotateSessionRequest, RotateSessionResponse, ValidLoginRequest, ValidateSessionRequest,
        VerifyEmailRequest,
    },
};

/// What a field's name says when it carries a secret.
const SECRET_WORDS: [&str; 4] = ["password", "token", "secret", "key"];

/// `prost_types` does not know `debug_redact` yet, so these are the few parts of a file's descriptor
/// that do (the numbers are those of descriptor.proto).
#[derive(Message)]
struct File {
    #[prost(message, repeated, tag = "4")]
    messages: Vec<Described>,
}

#[derive(Message)]
struct Described {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<Field>,
}

#[derive(Message)]
struct Field {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "8")]
    options: Option<Options>,
}

#[derive(Message)]
struct Options {
    #[prost(bool, tag = "16")]
    debug_redact: bool,
}

#[derive(Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

/// `Message.field` of each field of a file that is marked `debug_redact`.
pub(crate) fn redacted_fields(file: &[u8]) -> Vec<String> {
    fields(file)
        .into_iter()
        .filter_map(|(name, redacted)| redacted.then_some(name))
        .collect()
}

fn fields(file: &[u8]) -> Vec<(String, bool)> {
    let file = File::decode(file).unwrap();
    let of_message = |message: &Described| {
        let name = message.name.clone();
        let of_field = move |field: &Field| {
            let redacted = field.options.as_ref().is_some_and(|one| one.debug_redact);
            (format!("{name}.{}", field.name), redacted)
        };
        message.fields.iter().map(of_field).collect::<Vec<_>>()
    };
    file.messages.iter().flat_map(of_message).collect()
}

/// (W21) Connect would put the request of such an RPC into a URL.
#[test]
fn no_rpc_may_be_called_with_its_request_in_a_url() {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let mut rpcs = 0;
    for method in set
        .file
        .iter()
        .filter(|file| file.package() == "vestibule.v1")
        .flat_map(|file| &file.service)
        .flat_map(|service| &service.method)
    {
        rpcs += 1;
        let level = method
            .options
            .as_ref()
            .map(MethodOptions::idempotency_level);
        assert_ne!(level, Some(IdempotencyLevel::NoSideEffects), "{method:?}");
    }
    assert_eq!(rpcs, 32);
}

/// (L5) A secret is marked, and what is marked is a secret.
#[test]
fn every_field_that_carries_a_secret_is_marked() {
    let set = Files::decode(DESCRIPTORS).unwrap();
    let ours = set.files.iter().filter(|file| {
        let file = prost_types::FileDescriptorProto::decode(file.as_slice()).unwrap();
        file.package() == "vestibule.v1"
    });
    let mut marked = 0;
    for (name, redacted) in ours.flat_map(|file| fields(file)) {
        let (_, field) = name.split_once('.').unwrap();
        // Where a list goes on is no secret: every page is authorised afresh.
        let is_page = field.ends_with("page_token");
        let secret = !is_page && SECRET_WORDS.iter().any(|word| field.contains(word));
        assert_eq!(redacted, secret, "{name}");
        marked += usize::from(redacted);
    }
    assert_eq!(marked, 28);
}

/// (L5) Messages with a secret print none of their fields.
#[test]
fn a_message_with_a_secret_prints_nothing_of_it() {
    let canary = || "a canary".to_owned();
    let printed = [
        format!(
            "{:?}",
            RegisterUserRequest {
                email: canary(),
                password: canary(),
                request_id: canary(),
                client: None,
            }
        ),
        format!(
            "{:?}",
            ValidLoginRequest {
                email: canary(),
                password: canary(),
                client: None,
            }
        ),
        format!(
            "{:?}",
            CreateSessionRequest {
                email: canary(),
                password: canary(),
                client: None,
            }
        ),
        format!(
            "{:?}",
            CreateSessionResponse {
                session_token: canary(),
                ..CreateSessionResponse::default()
            }
        ),
        format!(
            "{:?}",
            ValidateSessionRequest {
                session_token: canary(),
            }
        ),
        format!(
            "{:?}",
            RevokeSessionRequest {
                session_token: canary(),
            }
        ),
    ];
    for text in printed
        .into_iter()
        .chain(printed_of_accounts())
        .chain(printed_of_sessions())
    {
        assert!(!text.contains("canary"), "{text}");
    }
}

fn printed_of_accounts() -> [String; 7] {
    let session_token = "a canary".to_owned();
    let secret = || session_token.clone();
    let change = ChangePasswordRequest {
        session_token: secret(),
        current_password: secret(),
        new_password: secret(),
        client: None,
    };
    let reset = ResetPasswordRequest {
        reset_token: secret(),
        new_password: secret(),
        client: None,
    };
    let address = RequestEmailChangeRequest {
        session_token: secret(),
        current_password: secret(),
        new_email: secret(),
    };
    let close = CloseAccountRequest {
        session_token: secret(),
        current_password: secret(),
    };
    let verify = VerifyEmailRequest {
        verification_token: secret(),
    };
    let confirm = ConfirmEmailChangeRequest {
        email_change_token: secret(),
    };
    let get = GetAccountRequest {
        session_token: secret(),
    };
    [
        format!("{change:?}"),
        format!("{reset:?}"),
        format!("{address:?}"),
        format!("{close:?}"),
        format!("{verify:?}"),
        format!("{confirm:?}"),
        format!("{get:?}"),
    ]
}

fn printed_of_sessions() -> [String; 6] {
    let session_token = "a canary".to_owned();
    let secret = || session_token.clone();
    let batch = BatchValidateSessionsRequest {
        session_tokens: vec![secret()],
    };
    let rotate = RotateSessionRequest {
        session_token: secret(),
    };
    let rotated = RotateSessionResponse {
        session_token: secret(),
        session: None,
    };
    let list = ListSessionsRequest {
        session_token: secret(),
        ..ListSessionsRequest::default()
    };
    let end = RevokeSessionByIdRequest {
        session_token: secret(),
        session_id: String::new(),
    };
    let end_others = RevokeOtherSessionsRequest {
        session_token: secret(),
    };
    [
        format!("{batch:?}"),
        format!("{rotate:?}"),
        format!("{rotated:?}"),
        format!("{list:?}"),
        format!("{end:?}"),
        format!("{end_others:?}"),
    ]
}
