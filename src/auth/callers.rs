//! Named callers: operators add them, on the database alone, and each call of theirs carries a
//! proof. No RPC adds a caller.

mod cache;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::time::Instant;

use super::{AuthError, ProofFault, entropy::random_bytes, events::new_event};
use crate::{
    db::{AddedCaller, Db, DbError},
    domain::{
        Caller, CallerKey, CallerKeyId, CallerName, CallerRecord, CallerToken, CertificateIdentity,
        Clock, Event, EventKind, Timestamp, uuid_v7,
    },
};
use cache::Cache;

/// The callers of a database. Clones share the cached answers.
#[derive(Clone)]
pub struct Callers {
    db: Db,
    clock: Clock,
    keys: Arc<Cache<CallerKeyId, (CallerKey, Arc<Caller>)>>,
    certificates: Arc<Cache<CertificateIdentity, Arc<Caller>>>,
}

/// What a service presents to prove its name.
#[derive(Debug, Clone)]
pub enum CallerProof {
    /// The token of a key.
    Key(CallerToken),
    /// The identity that the certificate of its connection proved.
    Certificate(Arc<CertificateIdentity>),
}

/// Why a caller was not added, changed or removed.
#[derive(Debug, Error)]
pub enum CallerError {
    /// There is a caller of this name.
    #[error("there is a caller of this name")]
    NameTaken,
    /// An identity is another caller's: one certificate would prove two callers.
    #[error("an identity is another caller's")]
    IdentityTaken,
    /// There is no caller of this name.
    #[error("there is no caller of this name")]
    Unknown,
    /// The database is not available, or a fault of our own.
    #[error(transparent)]
    Failed(#[from] AuthError),
}

impl From<DbError> for CallerError {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl Callers {
    /// The callers of a database.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self {
            db,
            clock,
            keys: Arc::default(),
            certificates: Arc::default(),
        }
    }

    /// The caller whom a proof names. An answer of the database is believed for a second.
    ///
    /// # Errors
    /// [`AuthError::CallerUnauthenticated`], or the caller could not be looked up.
    pub async fn prove(
        &self,
        proof: &CallerProof,
        deadline: Instant,
    ) -> Result<Arc<Caller>, AuthError> {
        match proof {
            CallerProof::Key(token) => self.prove_by_key(token, deadline).await,
            CallerProof::Certificate(identity) => {
                self.prove_by_certificate(identity, deadline).await
            }
        }
    }

    async fn prove_by_key(
        &self,
        token: &CallerToken,
        deadline: Instant,
    ) -> Result<Arc<Caller>, AuthError> {
        let (key, caller) = if let Some(known) = self.keys.get(&token.id()) {
            known
        } else {
            let asked_at = Instant::now();
            let found = self.db.find_caller_key(token.id(), deadline).await?;
            let (key, caller) = found.ok_or(ProofFault::UnknownKey)?;
            let known = (key, Arc::new(caller));
            self.keys.put(token.id(), known.clone(), asked_at);
            known
        };
        if !key.is_key_of(token) {
            return Err(ProofFault::WrongSecret.into());
        }
        if key.has_expired(self.clock.now()) {
            return Err(ProofFault::ExpiredKey.into());
        }
        Ok(caller)
    }

    async fn prove_by_certificate(
        &self,
        identity: &CertificateIdentity,
        deadline: Instant,
    ) -> Result<Arc<Caller>, AuthError> {
        if let Some(caller) = self.certificates.get(identity) {
            return Ok(caller);
        }
        let asked_at = Instant::now();
        let found = self.db.find_caller_by_identity(identity, deadline).await?;
        let caller = Arc::new(found.ok_or(ProofFault::UnknownCertificate)?);
        self.certificates
            .put(identity.clone(), Arc::clone(&caller), asked_at);
        Ok(caller)
    }

    /// Adds a caller. Returns the token of its first key, which is stored nowhere.
    ///
    /// # Errors
    /// The name or an identity is taken.
    pub async fn add(
        &self,
        name: CallerName,
        grants: BTreeSet<String>,
        identities: Vec<CertificateIdentity>,
        deadline: Instant,
    ) -> Result<CallerToken, CallerError> {
        let event = self.event(EventKind::CallerAdded, &name)?;
        let now = event.at;
        let token = new_token(now)?;
        let record = CallerRecord {
            caller: Caller { name, grants },
            created_at: now,
            identities,
            keys: vec![CallerKey::new(&token, now)],
        };
        match self.db.add_caller(record, event, deadline).await? {
            AddedCaller::Added => Ok(token),
            AddedCaller::NameTaken => Err(CallerError::NameTaken),
            AddedCaller::IdentityTaken => Err(CallerError::IdentityTaken),
        }
    }

    /// Gives a caller a new key. Its other keys stay good for the overlap.
    ///
    /// # Errors
    /// There is no such caller.
    pub async fn rotate(
        &self,
        name: CallerName,
        overlap: Duration,
        deadline: Instant,
    ) -> Result<CallerToken, CallerError> {
        let now = self.clock.now();
        let token = new_token(now)?;
        let key = CallerKey::new(&token, now);
        let rotated = self
            .db
            .rotate_caller_key(name, key, now + overlap, deadline);
        if rotated.await? {
            Ok(token)
        } else {
            Err(CallerError::Unknown)
        }
    }

    /// Removes the keys of a caller that were rotated away and are still in their overlap.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn end_overlap(&self, name: CallerName, deadline: Instant) -> Result<(), AuthError> {
        Ok(self.db.end_overlap(name, deadline).await?)
    }

    /// Removes a caller. Its proofs are refused from at most a second later on.
    ///
    /// # Errors
    /// There is no such caller.
    pub async fn remove(&self, name: CallerName, deadline: Instant) -> Result<(), CallerError> {
        let event = self.event(EventKind::CallerRemoved, &name)?;
        if self.db.remove_caller(name, event, deadline).await? {
            Ok(())
        } else {
            Err(CallerError::Unknown)
        }
    }

    /// All callers in the order of their names.
    pub async fn list(&self, deadline: Instant) -> Result<Vec<CallerRecord>, AuthError> {
        Ok(self.db.list_callers(deadline).await?)
    }

    /// An event about a caller and no user.
    fn event(&self, kind: EventKind, caller: &CallerName) -> Result<Event, AuthError> {
        new_event(&self.clock, kind, None, None, Some(caller.clone()))
    }

    /// Callers whose database does not exist: every question to it fails.
    #[cfg(test)]
    pub(crate) fn without_database() -> Self {
        let settings = crate::db::DbSettings {
            target: crate::db::Target::Sqlite("/proc/nowhere/vestibule.db".into()),
            max_connections: 1,
            acquire_timeout: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(1),
        };
        Self::new(Db::open(&settings).unwrap(), Clock::default())
    }
}

fn new_token(now: Timestamp) -> Result<CallerToken, AuthError> {
    let id = CallerKeyId::new(uuid_v7(now, random_bytes()?));
    Ok(CallerToken::new(id, random_bytes()?))
}
