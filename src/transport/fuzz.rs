//! The fuzzer's targets of this layer: bodies of REST, messages of each service, page tokens and headers of
//! proxies.

use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Request, header::CONTENT_TYPE};
use prost::Message;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Proxies, input, page::Page, rest};
use crate::{
    auth::{CallContext, PasswordRules},
    domain::PasswordPolicy,
    proto::v1,
};

/// The first byte chooses the media type.
pub(crate) fn rest_body(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else {
        return;
    };
    let kind = if kind % 2 == 0 {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    let request = Request::post("/users").header(CONTENT_TYPE, kind).body(());
    if let Ok(request) = request {
        let (parts, ()) = request.into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread();
        if let Ok(runtime) = { runtime }.enable_time().build() {
            runtime.block_on(rest::is_readable(&parts, Body::from(body.to_vec())));
        }
    }
}

/// The first byte chooses the message.
pub(crate) fn message(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    let call = &CallContext::new(Instant::now(), String::new());
    let policy = PasswordPolicy {
        min_length: 8,
        min_strength: 2,
    };
    let rules = PasswordRules {
        policy,
        breached: None,
    };
    match kind % 14 {
        0 => read(bytes, |m: v1::RegisterUserRequest| {
            registration(call, &m, rules)
        }),
        1 => read(bytes, |m: v1::ValidLoginRequest| {
            input::credentials(call, &m.email, &m.password, m.client.as_ref()).is_ok()
        }),
        2 => read(bytes, |m: v1::BatchValidateSessionsRequest| {
            input::session_tokens(&m.session_tokens).is_ok()
        }),
        3 => read(bytes, |m| input::password_change(call, &m, rules).is_ok()),
        4 => read(bytes, |m| input::password_reset(call, &m, rules).is_ok()),
        5 => read(bytes, |m| input::email_restore(call, &m, rules).is_ok()),
        6 => read(bytes, |m| input::email_verification(call, &m).is_ok()),
        7 => read(bytes, |m| input::email_change(call, &m).is_ok()),
        8 => read(bytes, |m| input::event_list(&m).is_ok()),
        9 => read(bytes, |m: v1::FindUserRequest| {
            input::user_key(m.key.as_ref()).is_ok()
        }),
        10 => read(bytes, |m| input::users_page(&m).is_ok()),
        11 => read(bytes, |m| input::user_edit(&m).is_ok()),
        12 => read(bytes, |m| input::session_user(call, &m).is_ok()),
        _ => read(bytes, |_: v1::ImportUsersRequest| true),
    }
}

fn read<M: Message + Default>(bytes: &[u8], is_valid: impl FnOnce(M) -> bool) {
    if let Ok(message) = M::decode(bytes) {
        is_valid(message);
    }
}

fn registration(
    call: &CallContext,
    message: &v1::RegisterUserRequest,
    rules: PasswordRules<'_>,
) -> bool {
    let raw = input::RawRegistration {
        email: Some(&message.email),
        password: Some(&message.password),
        request_id: ("request_id", Some(&message.request_id)),
        client: message.client.as_ref(),
        unknown: Vec::new(),
    };
    input::registration(call, &raw, rules).is_ok()
}

/// A token that is read leads to a page that is not the first.
pub(crate) fn page_token(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    for size in [i32::MIN, 0, 1, i32::MAX] {
        if let Ok(page) = Page::parse("ListUsers", b"filter", size, text) {
            assert!(text.is_empty() || page.after::<Uuid>().is_some());
        }
    }
}

/// Each line is a header of a proxy.
pub(crate) fn forwarded(data: &[u8]) {
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let proxies = ["127.0.0.0/8", "10.0.0.0/8"].map(str::parse);
    let proxies = Proxies::new(proxies.into_iter().flatten().collect());
    for name in ["forwarded", "x-forwarded-for"] {
        let mut headers = HeaderMap::new();
        for line in data.split(|byte| *byte == b'\n') {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(name, value);
            }
        }
        let found = proxies.origin(peer, &headers).address();
        assert!(found.is_none_or(|address| !proxies.contain(address)));
    }
}
