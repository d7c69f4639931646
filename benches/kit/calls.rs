//! The calls of the load and their messages, which are encoded before a run where possible.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use uuid::Uuid;
use vestibule::{
    domain::{SessionId, SessionToken},
    proto::v1::{
        CreateSessionRequest, RegisterUserRequest, ValidLoginRequest, ValidateSessionRequest,
    },
};

/// The password of every user.
pub(crate) const PASSWORD: &str = "vestibule opens at nine";
/// The secret of every session; a check compares its hash alone.
pub(crate) const SECRET: [u8; 32] = [0xA5; 32];
/// How many users a load names: enough to touch nearly every page of a million users, in random
/// order.
const PICKS: usize = 1 << 16;

/// An RPC.
#[derive(Clone, Copy)]
pub(crate) struct Rpc {
    /// Its name in tables.
    pub(crate) name: &'static str,
    /// The server ignores the authority.
    pub(crate) uri: &'static str,
    /// The first bytes of the message of a good answer.
    pub(crate) good: &'static [u8],
}

macro_rules! auth_rpc {
    ($name:literal, $good:expr) => {
        Rpc {
            name: $name,
            uri: concat!("http://bench/vestibule.v1.AuthService/", $name),
            good: $good,
        }
    };
}

/// Field 1 is a varint of 1: `valid`, or the status ACTIVE or SERVING.
const ONE: &[u8] = &[0x08, 1];
/// Field 1 has a length: a user, or a token.
const MESSAGE: &[u8] = &[0x0A];

/// Calls of one kind, made by many at once.
pub(crate) struct Workload {
    pub(crate) rpc: Rpc,
    next: AtomicUsize,
    message: Box<dyn Fn(usize) -> Bytes + Send + Sync>,
}

impl Workload {
    fn new(rpc: Rpc, message: impl Fn(usize) -> Bytes + Send + Sync + 'static) -> Self {
        Self {
            rpc,
            next: AtomicUsize::new(0),
            message: Box::new(message),
        }
    }

    fn from_messages(rpc: Rpc, messages: Vec<Bytes>) -> Self {
        Self::new(rpc, move |number| messages[number % messages.len()].clone())
    }

    /// The message of the next call.
    pub(crate) fn next(&self) -> Bytes {
        (self.message)(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A call of the standard health service: an empty request, an answer of two bytes, whatever the
    /// status.
    pub(crate) fn empty() -> Self {
        Self::health(&ONE[..1])
    }

    /// The same call, whose good answer is SERVING.
    pub(crate) fn serving() -> Self {
        Self::health(ONE)
    }

    fn health(good: &'static [u8]) -> Self {
        let rpc = Rpc {
            name: "empty RPC",
            uri: "http://bench/grpc.health.v1.Health/Check",
            good,
        };
        Self::from_messages(rpc, vec![frame(&())])
    }

    /// A session check of a token that does not exist, which a server without users can answer.
    pub(crate) fn validate_unknown() -> Self {
        let message = validate(&SessionToken::new(SessionId::new(Uuid::nil()), SECRET));
        // Status NOT_FOUND.
        Self::from_messages(auth_rpc!("ValidateSession", &[0x08, 4]), vec![message])
    }

    /// Session checks of all users, who have a session each.
    pub(crate) fn validate_session(users: u64) -> Self {
        let message = |user| validate(&SessionToken::new(SessionId::new(session_id(user)), SECRET));
        let messages = picks(users).map(message).collect();
        Self::from_messages(auth_rpc!("ValidateSession", ONE), messages)
    }

    /// Logins of all users with the right password.
    pub(crate) fn valid_login(users: u64) -> Self {
        let message = |user| {
            frame(&ValidLoginRequest {
                email: email(user),
                password: PASSWORD.to_owned(),
                client: None,
            })
        };
        let messages = picks(users).map(message).collect();
        Self::from_messages(auth_rpc!("ValidLogin", ONE), messages)
    }

    /// Logins of all users that open a session each.
    pub(crate) fn create_session(users: u64) -> Self {
        let message = |user| {
            frame(&CreateSessionRequest {
                email: email(user),
                password: PASSWORD.to_owned(),
                client: None,
            })
        };
        let messages = picks(users).map(message).collect();
        Self::from_messages(auth_rpc!("CreateSession", MESSAGE), messages)
    }

    /// Registrations of new users. A second workload on the same database would repeat them.
    pub(crate) fn register_user() -> Self {
        Self::new(auth_rpc!("RegisterUser", MESSAGE), |number| {
            register(&format!("new{number}@bench.example"))
        })
    }

    /// The registration of one user.
    pub(crate) fn register(email: &str) -> Self {
        Self::from_messages(auth_rpc!("RegisterUser", MESSAGE), vec![register(email)])
    }
}

fn register(email: &str) -> Bytes {
    frame(&RegisterUserRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        request_id: String::new(),
        client: None,
    })
}

fn validate(token: &SessionToken) -> Bytes {
    frame(&ValidateSessionRequest {
        session_token: token.expose().to_string(),
    })
}

/// A gRPC frame: the compression flag, the length, the message.
fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(5 + length);
    bytes.put_u8(0);
    bytes.put_u32(length as u32);
    bytes.extend_from_slice(&message.encode_to_vec());
    bytes.freeze()
}

/// The address of a user by number, from 1.
pub(crate) fn email(user: u64) -> String {
    format!("user{user}@bench.example")
}

/// The id of a user's session, as `store` writes it: a UUID version 7, later for later users.
fn session_id(user: u64) -> Uuid {
    let millis = u128::from(EPOCH_MILLIS + user) << 80;
    Uuid::from_u128(millis | 0x7001_8000 << 48 | u128::from(user))
}

/// The time of the first user.
pub(crate) const EPOCH_MILLIS: u64 = 1_760_000_000_000;

/// Users from 1 to `users`, uniformly distributed and the same in every run (`SplitMix64`).
fn picks(users: u64) -> impl Iterator<Item = u64> {
    (0..PICKS as u64).map(move |number| {
        let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % users + 1
    })
}
