//! Which service calls, and whether it may: decided when the headers are there, before the body is
//! read and before anything is hashed.
//!
//! A caller proves itself by a key, by the certificate of its connection, or by both. A proof that
//! fails makes the call fail, on open methods too: nobody who shows a wrong key is taken for nobody.
//! Health alone looks at none, so that it is told without the database.

use std::{future::pending, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, Request, header::AUTHORIZATION};
use tokio::time::{Instant, sleep};
use tracing::Span;

use super::{
    Protocol,
    bearer::{any_bearer_is, bearer},
    error_table::ErrorKind,
    failure::Failure,
    peer::PeerCertificate,
    policy::{AuthServiceAccess, Policy, policy},
    request_id::single,
};
use crate::{
    auth::{CallContext, CallerProof, Callers},
    domain::{Caller, CallerKind, CallerToken, TokenKind},
};

/// A key for where `Authorization` holds the end user's session.
const X_VESTIBULE_CALLER: HeaderName = HeaderName::from_static("x-vestibule-caller");

/// How often the caller of a stream is proven again: no answer of [`Callers`] is older.
const AGAIN: Duration = Duration::from_secs(1);

/// By what a call was let in.
pub(crate) struct Admission {
    grant: Option<&'static str>,
    proofs: Vec<CallerProof>,
}

/// Decides who may call.
pub struct Gate {
    callers: Callers,
    auth_service: AuthServiceAccess,
}

impl Gate {
    /// A gate for the callers of a database.
    pub fn new(callers: Callers, auth_service: AuthServiceAccess) -> Self {
        Self {
            callers,
            auth_service,
        }
    }

    /// Lets a call in, by its place among `call_names`, and notes who calls.
    ///
    /// # Errors
    /// The caller is not who it says, is not allowed, or cannot be looked up.
    pub(crate) async fn authorize<B>(
        &self,
        protocol: Protocol,
        name: usize,
        request: &mut Request<B>,
    ) -> Result<Admission, Failure> {
        let policy = policy(protocol, name);
        let grant = needed_grant(policy, self.auth_service)?;
        let proofs = match policy {
            Policy::Probe => Vec::new(),
            Policy::Open
            | Policy::EndUser(_)
            | Policy::Session(_)
            | Policy::Named(_)
            | Policy::Nothing => proofs(policy, request)?,
        };
        let call = request.extensions().get::<CallContext>();
        let deadline = call.ok_or(ErrorKind::Internal)?.deadline;
        let admission = Admission { grant, proofs };
        let caller = if admission.proofs.is_empty() {
            None
        } else {
            // Apart, because few calls need it and every call would have to make room for it.
            Box::pin(self.prove(&admission.proofs, deadline)).await?
        };
        if let Some(caller) = &caller {
            Span::current().record("caller", caller.name.as_str());
            if let Some(call) = request.extensions_mut().get_mut::<CallContext>() {
                call.caller = Some(caller.name.clone());
            }
        }
        allow(grant, caller.as_deref())?;
        Ok(admission)
    }

    /// Resolves when the caller of a call that was let in may not make it any more: a stream lasts as
    /// long as its caller likes, and a key that has leaked must not.
    pub(crate) async fn denied(&self, admission: &Admission) -> Failure {
        if admission.grant.is_none() {
            return pending().await;
        }
        loop {
            sleep(AGAIN).await;
            let proven = self.prove(&admission.proofs, Instant::now() + AGAIN).await;
            let allowed = proven.and_then(|caller| Ok(allow(admission.grant, caller.as_deref())?));
            // A database that is away for a moment turns nobody away.
            let denied = [
                ErrorKind::CallerUnauthenticated,
                ErrorKind::CallerNotAllowed,
            ];
            match allowed {
                Err(failure) if denied.contains(&failure.kind) => return failure,
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// The one caller whom all proofs name; `None` where none was shown.
    async fn prove(
        &self,
        proofs: &[CallerProof],
        deadline: Instant,
    ) -> Result<Option<Arc<Caller>>, Failure> {
        let mut known: Option<Arc<Caller>> = None;
        for proof in proofs {
            let caller = self.callers.prove(proof, deadline).await?;
            let caller = caller.ok_or(ErrorKind::CallerUnauthenticated)?;
            if known.is_some_and(|known| known.name != caller.name) {
                return Err(ErrorKind::CallerUnauthenticated.into());
            }
            known = Some(caller);
        }
        Ok(known)
    }
}

/// The method that the caller of a call must have been granted; `None`: anybody may call.
fn needed_grant(
    policy: Policy,
    auth_service: AuthServiceAccess,
) -> Result<Option<&'static str>, ErrorKind> {
    match (policy, auth_service) {
        (Policy::Nothing, _) => Err(ErrorKind::UnknownRoute),
        (Policy::Open | Policy::Probe, _)
        | (Policy::EndUser(_) | Policy::Session(_), AuthServiceAccess::Open) => Ok(None),
        (Policy::EndUser(method) | Policy::Session(method), AuthServiceAccess::Named)
        | (Policy::Named(method), _) => Ok(Some(method)),
    }
}

fn allow(grant: Option<&str>, caller: Option<&Caller>) -> Result<(), ErrorKind> {
    match (grant, caller) {
        (None, _) => Ok(()),
        (Some(method), Some(caller)) if caller.may_call(method) => Ok(()),
        (Some(_), Some(_)) => Err(ErrorKind::CallerNotAllowed),
        (Some(_), None) => Err(ErrorKind::CallerUnauthenticated),
    }
}

/// What a call shows; where it shows nothing, nothing is allocated and nobody asked.
///
/// # Errors
/// Something that is no proof stands where one must.
fn proofs<B>(policy: Policy, request: &Request<B>) -> Result<Vec<CallerProof>, ErrorKind> {
    let headers = request.headers();
    let mut proofs = Vec::new();
    if headers.contains_key(AUTHORIZATION) && !is_the_end_users(policy, headers) {
        proofs.push(key(bearer(headers))?);
    }
    if headers.contains_key(&X_VESTIBULE_CALLER) {
        proofs.push(key(single(headers, &X_VESTIBULE_CALLER))?);
    }
    match request.extensions().get::<PeerCertificate>() {
        Some(PeerCertificate::Of(identity)) => {
            proofs.push(CallerProof::Certificate(Arc::clone(identity)));
        }
        Some(PeerCertificate::Nobody) => return Err(ErrorKind::CallerUnauthenticated),
        None => {}
    }
    Ok(proofs)
}

fn key(text: Option<&str>) -> Result<CallerProof, ErrorKind> {
    let token = text.and_then(CallerToken::parse);
    token
        .map(CallerProof::Key)
        .ok_or(ErrorKind::CallerUnauthenticated)
}

/// Where a session is the proof, `Authorization` holds it, unless a caller's key is there.
fn is_the_end_users(policy: Policy, headers: &HeaderMap) -> bool {
    let with_session = matches!(policy, Policy::Session(_));
    with_session && !any_bearer_is(CallerKind::PREFIX, headers)
}

#[cfg(test)]
mod tests;
