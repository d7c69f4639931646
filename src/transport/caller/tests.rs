//! The gate over a database that does not exist: a lookup is UNAVAILABLE, so any other outcome was
//! decided without a lookup.

use std::time::Duration;

use http::HeaderValue;

use super::*;
use crate::{
    domain::{CallerKeyId, CallerName, CertificateIdentity},
    transport::{access_policy::rpc_policy, grpc},
};

mod grants;

const VALID_LOGIN: &str = "/vestibule.v1.AuthService/ValidLogin";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

fn key() -> String {
    let id = CallerKeyId::new(uuid::Uuid::from_u128(7));
    CallerToken::new(id, [7; 32]).expose().to_string()
}

fn with(name: &'static str, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

struct Call {
    protocol: Protocol,
    method: &'static str,
    path: &'static str,
    headers: HeaderMap,
    certificate: Option<PeerCertificate>,
}

impl Call {
    fn grpc(path: &'static str) -> Self {
        Self {
            protocol: Protocol::Grpc,
            ..Self::rest("POST", path)
        }
    }

    fn rest(method: &'static str, path: &'static str) -> Self {
        Self {
            protocol: Protocol::Rest,
            method,
            path,
            headers: HeaderMap::new(),
            certificate: None,
        }
    }

    fn with(mut self, name: &'static str, values: &[&str]) -> Self {
        self.headers.extend(with(name, values));
        self
    }

    async fn at(self, auth_service: AuthServiceAccess) -> Result<(), ErrorReason> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .body(())
            .unwrap();
        *request.headers_mut() = self.headers;
        if let Some(certificate) = self.certificate {
            request.extensions_mut().insert(certificate);
        }
        let deadline = Instant::now() + Duration::from_mins(1);
        let call = CallContext::new(deadline, "r-1".to_owned());
        request.extensions_mut().insert(call);
        let name = CallName::find(self.protocol, &request);
        let settings = GateSettings {
            auth_service,
            reflection: Reflection::On,
            proxies: Proxies::default(),
        };
        let gate = Gate::new(Callers::without_database(), settings);
        let outcome = gate.authorize(name, &mut request).await;
        outcome.map(drop).map_err(|failure| failure.code().reason)
    }

    async fn open(self) -> Result<(), ErrorReason> {
        self.at(AuthServiceAccess::Open).await
    }

    async fn named(self) -> Result<(), ErrorReason> {
        self.at(AuthServiceAccess::Named).await
    }
}

/// The hot path has no lookup and no wait.
#[tokio::test]
async fn without_a_proof_an_open_call_needs_no_lookup() {
    for rpc in grpc::rpcs().iter().map(|rpc| rpc.name.as_str()) {
        let path = Box::leak(format!("/{rpc}").into_boxed_str());
        let expected = match rpc_policy(rpc) {
            Policy::Named(_) => Err(ErrorReason::CallerUnauthenticated),
            Policy::Open
            | Policy::Schema
            | Policy::Probe
            | Policy::EndUser(_)
            | Policy::Session(_)
            | Policy::Nothing => Ok(()),
        };
        assert_eq!(Call::grpc(path).open().await, expected, "{rpc}");
    }
    for (method, path) in [("GET", "/"), ("POST", "/users"), ("GET", "/users/me")] {
        assert_eq!(Call::rest(method, path).open().await, Ok(()), "{path}");
    }
    let welcome = Request::new(());
    let name = CallName::find(Protocol::Rest, &welcome);
    let proofs = read_proofs(name, &welcome).unwrap();
    assert_eq!(proofs.capacity(), 0, "nothing is allocated");
}

#[tokio::test]
async fn where_callers_are_named_no_proof_is_refused_without_a_lookup() {
    let refused = Err(ErrorReason::CallerUnauthenticated);
    assert_eq!(Call::grpc(VALID_LOGIN).named().await, refused);
    assert_eq!(Call::rest("POST", "/users").named().await, refused);
    for path in ["/users/me", "/users/7"] {
        let call = || Call::rest("GET", path);
        assert_eq!(call().named().await, refused);
        let session = call().with("authorization", &["Bearer vst_x"]);
        assert_eq!(session.named().await, refused);
        assert_eq!(Call::rest("HEAD", path).named().await, refused);
    }
    assert_eq!(Call::rest("GET", "/").named().await, Ok(()));
    let check = "/grpc.health.v1.Health/Check";
    assert_eq!(Call::grpc(check).named().await, Ok(()));
}

/// A malformed key is refused before the database could be found to be away.
#[tokio::test]
async fn a_malformed_proof_is_refused_without_a_lookup_on_open_methods_too() {
    let good = format!("Bearer {}", key());
    let last = if good.ends_with('A') { "B" } else { "A" };
    let typo = format!("{}{last}", &good[..good.len() - 1]);
    for path in [VALID_LOGIN, REFLECTION] {
        for values in [
            &[""][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer vck_"],
            &["Bearer vst_x"],
            &["Basic dTpw"],
            &[&good[..good.len() - 1]],
            &[&typo],
            &[&key()],
            &[&good, &good],
            &[&good, ""],
            &[&format!("{good}, {good}")],
        ] {
            let call = Call::grpc(path).with("authorization", values);
            let refused = Err(ErrorReason::CallerUnauthenticated);
            assert_eq!(call.open().await, refused, "{path} {values:?}");
        }
        for values in [&[""][..], &["vck_"], &[&good], &[&key(), &key()]] {
            let call = Call::grpc(path).with("x-vestibule-caller", values);
            let refused = Err(ErrorReason::CallerUnauthenticated);
            assert_eq!(call.open().await, refused, "{path} {values:?}");
        }
        let unusable = Call {
            certificate: Some(PeerCertificate::Unusable),
            ..Call::grpc(path)
        };
        assert_eq!(
            unusable.open().await,
            Err(ErrorReason::CallerUnauthenticated)
        );
    }
}

#[tokio::test]
async fn a_proof_that_may_be_one_is_looked_up_and_a_lost_database_is_not_a_wrong_key() {
    let away = Err(ErrorReason::Unavailable);
    let bearer = format!("Bearer {}", key());
    for path in [VALID_LOGIN, REFLECTION] {
        let keyed = Call::grpc(path).with("authorization", &[&bearer]);
        assert_eq!(keyed.open().await, away);
        let beside = Call::grpc(path).with("x-vestibule-caller", &[&key()]);
        assert_eq!(beside.named().await, away);
        let identity = CertificateIdentity::parse("dns:billing.example.org").unwrap();
        let certified = Call {
            certificate: Some(PeerCertificate::Of(identity.into())),
            ..Call::grpc(path)
        };
        assert_eq!(certified.open().await, away);
    }
}

/// Health is answered while the database is away.
#[tokio::test]
async fn health_looks_at_no_proof() {
    let bearer = format!("Bearer {}", key());
    for path in [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
    ] {
        for proof in [bearer.as_str(), "Bearer vst_x"] {
            let call = || Call::grpc(path).with("authorization", &[proof]);
            assert_eq!(call().open().await, Ok(()), "{path} {proof}");
            assert_eq!(call().named().await, Ok(()), "{path} {proof}");
        }
        let unusable = Call {
            certificate: Some(PeerCertificate::Unusable),
            ..Call::grpc(path)
        };
        assert_eq!(unusable.named().await, Ok(()));
    }
}

#[tokio::test]
async fn where_a_session_is_the_proof_the_header_is_the_end_users() {
    let bearer = format!("Bearer {}", key());
    let read = || Call::rest("GET", "/users/me");
    for values in [
        &["Bearer vst_x"][..],
        &["Basic dTpw"],
        &["Bearer"],
        &["Bearer vst_x", "Bearer vst_x"],
    ] {
        let call = read().with("authorization", values);
        assert_eq!(call.open().await, Ok(()), "{values:?}: the handler says");
    }
    let key_alone = read().with("authorization", &[&bearer]);
    assert_eq!(key_alone.open().await, Err(ErrorReason::Unavailable));
    for values in [["Bearer vst_x", bearer.as_str()], [&bearer, "Bearer vst_x"]] {
        let both = read().with("authorization", &values);
        assert_eq!(both.open().await, Err(ErrorReason::CallerUnauthenticated));
    }
    let beside = read()
        .with("authorization", &["Bearer vst_x"])
        .with("x-vestibule-caller", &[&key()]);
    assert_eq!(beside.open().await, Err(ErrorReason::Unavailable));
}

/// Clients of users send the session with every request.
#[tokio::test]
async fn a_route_without_a_proof_ignores_a_session_and_nothing_else() {
    let refused = Err(ErrorReason::CallerUnauthenticated);
    for (method, path) in [("GET", "/"), ("POST", "/users"), ("GET", "/openapi.json")] {
        let call = |values: &[&str]| Call::rest(method, path).with("authorization", values);
        assert_eq!(call(&["Bearer vst_x"]).open().await, Ok(()), "{path}");
        for value in ["Basic dTpw", "Bearer", "Bearer x"] {
            assert_eq!(call(&[value]).open().await, refused, "{path} {value}");
        }
        assert_eq!(call(&["Bearer vst_x"; 2]).open().await, refused, "{path}");
        let key = call(&["Bearer vst_x"]).with("x-vestibule-caller", &[&key()]);
        assert_eq!(key.open().await, Err(ErrorReason::Unavailable), "{path}");
    }
    let session = Call::rest("POST", "/users").with("authorization", &["Bearer vst_x"]);
    assert_eq!(session.named().await, refused);
}

#[tokio::test]
async fn what_is_no_method_is_refused_before_any_router_is_asked() {
    for access in [AuthServiceAccess::Open, AuthServiceAccess::Named] {
        let rpc = Call::grpc("/vestibule.v1.AuthService/No");
        assert_eq!(rpc.at(access).await, Err(ErrorReason::Unsupported));
        let route = Call::rest("GET", "/no");
        assert_eq!(route.at(access).await, Err(ErrorReason::Unsupported));
    }
}
