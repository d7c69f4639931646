//! Which service calls, and whether it may: decided when the headers are there, before the body is
//! read and before anything is hashed.
//!
//! A caller proves itself by a key, by the certificate of its connection, or by both. A wrong proof is
//! an error on every method; it never falls back to anonymous. Health alone looks at no proof, because
//! it must not depend on the database.

use std::{future::pending, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, Request, header::AUTHORIZATION};
use tokio::time::{Instant, sleep};
use tracing::Span;

use super::{
    access_policy::{AuthServiceAccess, Needs, Policy, Reflection, needs},
    bearer::{any_bearer_is, bearer},
    call_name::CallName,
    failure::Failure,
    forwarded::{Origin, Proxies},
    peer::{Peer, PeerCertificate},
    protocol::Protocol,
    request_id::single,
};
use crate::{
    auth::{AuthError, CallContext, CallerProof, Callers, ProofFault},
    domain::{Caller, CallerKind, CallerToken, SessionKind, TokenKind},
    proto::v1::ErrorReason,
};

/// A key for where `Authorization` holds the end user's session.
const X_VESTIBULE_CALLER: HeaderName = HeaderName::from_static("x-vestibule-caller");

/// How often the caller of a stream is proven again: the age at which [`Callers`] asks anew.
const AGAIN: Duration = Duration::from_secs(1);

/// How a call was authorized: what its caller must be, and the proofs of that.
pub(crate) struct Admission {
    needs: Needs,
    proofs: Vec<CallerProof>,
}

/// Who may call, and whose word on sources is believed.
#[derive(Debug, Clone)]
pub struct GateSettings {
    pub auth_service: AuthServiceAccess,
    pub reflection: Reflection,
    pub proxies: Proxies,
}

/// Decides who may call.
pub struct Gate {
    callers: Callers,
    settings: GateSettings,
}

impl Gate {
    /// A gate for the callers of a database.
    pub fn new(callers: Callers, settings: GateSettings) -> Self {
        Self { callers, settings }
    }

    /// Authorizes a call, and records its caller in the log and in the call's context.
    pub(crate) async fn authorize<B>(
        &self,
        name: &CallName,
        request: &mut Request<B>,
    ) -> Result<Admission, Failure> {
        let GateSettings {
            auth_service,
            reflection,
            ..
        } = self.settings;
        let needs = needs(name.policy, auth_service, reflection)?;
        let proofs = match name.policy {
            Policy::Probe => Vec::new(),
            Policy::Open
            | Policy::Schema
            | Policy::EndUser(_)
            | Policy::Session(_)
            | Policy::Named(_)
            | Policy::Nothing => read_proofs(name, request)?,
        };
        let call = request.extensions().get::<CallContext>();
        let no_context = || Failure::internal("a request without its context");
        let deadline = call.ok_or_else(no_context)?.deadline;
        let admission = Admission { needs, proofs };
        let caller = if admission.proofs.is_empty() {
            None
        } else {
            // Apart, because few calls need it and every call would have to make room for it.
            Box::pin(self.prove(&admission.proofs, deadline)).await?
        };
        let origin = self.origin(request);
        if let Some(call) = request.extensions_mut().get_mut::<CallContext>() {
            // A caller that tells its users' addresses is no user: its own is nobody's.
            let tells = caller
                .as_deref()
                .is_some_and(Caller::may_tell_client_address);
            call.address = origin.and_then(Origin::address).filter(|_| !tells);
            call.believes_client = self.believes_client(origin, caller.as_deref());
            if let Some(caller) = &caller {
                Span::current().record("caller", caller.name.as_str());
                call.caller = Some(caller.name.clone());
            }
        }
        check(needs, caller.as_deref())?;
        Ok(admission)
    }

    fn origin<B>(&self, request: &Request<B>) -> Option<Origin> {
        let peer = request.extensions().get::<Peer>()?;
        Some(self.settings.proxies.origin(peer.0.ip(), request.headers()))
    }

    /// Whether the message may tell the end user's address: by a grant, or where everybody may call and
    /// no proxy says more; what a proxy says and cannot be told is no leave to say something else.
    fn believes_client(&self, origin: Option<Origin>, caller: Option<&Caller>) -> bool {
        let is_forwarded = matches!(origin, Some(Origin::Forwarded(_)));
        let is_open = self.settings.auth_service == AuthServiceAccess::Open;
        caller.is_some_and(Caller::may_tell_client_address) || (is_open && !is_forwarded)
    }

    /// Resolves when the caller of a stream loses its key or its grant: a stream may last long, and a
    /// key that has leaked must not be of use for as long.
    pub(crate) async fn denied(&self, admission: &Admission) -> Failure {
        if admission.needs == Needs::Nothing {
            return pending().await;
        }
        loop {
            sleep(AGAIN).await;
            let proven = self.prove(&admission.proofs, Instant::now() + AGAIN).await;
            let allowed = proven.and_then(|caller| check(admission.needs, caller.as_deref()));
            // A database that is away for a moment ends no stream.
            if let Err(failure) = allowed
                && let ErrorReason::CallerUnauthenticated | ErrorReason::CallerNotAllowed =
                    failure.code().reason
            {
                return failure;
            }
        }
    }

    /// The one caller that all proofs name; `None`: there is no proof.
    async fn prove(
        &self,
        proofs: &[CallerProof],
        deadline: Instant,
    ) -> Result<Option<Arc<Caller>>, Failure> {
        let mut known: Option<Arc<Caller>> = None;
        for proof in proofs {
            let caller = self.callers.prove(proof, deadline).await?;
            if known.is_some_and(|known| known.name != caller.name) {
                return Err(unauthenticated(ProofFault::DifferentCallers));
            }
            known = Some(caller);
        }
        Ok(known)
    }
}

fn check(needs: Needs, caller: Option<&Caller>) -> Result<(), Failure> {
    match (needs, caller) {
        (Needs::Nothing, _) | (Needs::Caller, Some(_)) => Ok(()),
        (Needs::Grant(method), Some(caller)) if caller.may_call(method) => Ok(()),
        (Needs::Grant(_), Some(_)) => Err(Failure::CallerNotAllowed),
        (Needs::Caller | Needs::Grant(_), None) => Err(unauthenticated(ProofFault::NoProof)),
    }
}

fn unauthenticated(fault: ProofFault) -> Failure {
    AuthError::CallerUnauthenticated(fault).into()
}

/// The proofs of a call; of a call without proofs nothing is allocated and nothing looked up.
///
/// # Errors
/// A header or certificate that must be a proof is none.
fn read_proofs<B>(name: &CallName, request: &Request<B>) -> Result<Vec<CallerProof>, Failure> {
    let headers = request.headers();
    let mut proofs = Vec::new();
    if headers.contains_key(AUTHORIZATION) && !is_the_end_users(name, headers) {
        proofs.push(parse_key(bearer(headers))?);
    }
    if headers.contains_key(&X_VESTIBULE_CALLER) {
        proofs.push(parse_key(single(headers, &X_VESTIBULE_CALLER))?);
    }
    match request.extensions().get::<PeerCertificate>() {
        Some(PeerCertificate::Of(identity)) => {
            proofs.push(CallerProof::Certificate(Arc::clone(identity)));
        }
        Some(PeerCertificate::Unusable) => {
            return Err(unauthenticated(ProofFault::UnusableCertificate));
        }
        None => {}
    }
    Ok(proofs)
}

fn parse_key(text: Option<&str>) -> Result<CallerProof, Failure> {
    let token = text.and_then(CallerToken::parse);
    token
        .map(CallerProof::Key)
        .ok_or_else(|| unauthenticated(ProofFault::MalformedKey))
}

/// Whether `Authorization` is the end user's and no proof of a caller. A route that needs a session
/// judges whatever is no key itself. Other routes ignore a session, because clients of users send it
/// with every request.
fn is_the_end_users(name: &CallName, headers: &HeaderMap) -> bool {
    match (name.policy, name.protocol) {
        (Policy::Session(_), _) => !any_bearer_is(CallerKind::PREFIX, headers),
        (_, Protocol::Rest) => {
            bearer(headers).is_some_and(|it| it.starts_with(SessionKind::PREFIX))
        }
        (_, Protocol::Grpc) => false,
    }
}

#[cfg(test)]
mod tests;
