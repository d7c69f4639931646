//! The services that may act on users by name: made by an operator on the database, proven on each
//! call. No RPC makes one.

mod cache;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::time::Instant;

use super::{AuthError, entropy::random};
use crate::{
    db::{AddedCaller, Db, DbError},
    domain::{
        Caller, CallerKey, CallerKeyId, CallerName, CallerRecord, CallerToken, CertificateIdentity,
        Clock, Event, EventId, EventKind, Origin, Timestamp, uuid_v7,
    },
};
use cache::Cache;

/// The callers; clones share what they remember.
#[derive(Clone)]
pub struct Callers {
    db: Db,
    clock: Clock,
    keys: Arc<Cache<CallerKeyId, (CallerKey, Arc<Caller>)>>,
    certificates: Arc<Cache<CertificateIdentity, Arc<Caller>>>,
}

/// What a service shows to prove who it is.
#[derive(Debug, Clone)]
pub enum CallerProof {
    /// A key.
    Key(CallerToken),
    /// The name that a certificate of its connection proved.
    Certificate(Arc<CertificateIdentity>),
}

/// Why a caller was not added or changed; nothing was done.
#[derive(Debug, Error)]
pub enum CallerError {
    /// There is one of this name.
    #[error("there is a caller of this name")]
    NameTaken,
    /// A certificate's name is another caller's: it could prove two.
    #[error("an identity is another caller's")]
    IdentityTaken,
    /// There is none of this name.
    #[error("there is no caller of this name")]
    Unknown,
    /// It could not be tried.
    #[error(transparent)]
    Failed(#[from] AuthError),
}

impl From<DbError> for CallerError {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl Callers {
    /// The callers that a database knows.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self {
            db,
            clock,
            keys: Arc::default(),
            certificates: Arc::default(),
        }
    }

    /// Who shows a proof; `None`: it proves nobody. What the database said is believed for a second.
    ///
    /// # Errors
    /// The database is away or the deadline passed.
    pub async fn prove(
        &self,
        proof: &CallerProof,
        deadline: Instant,
    ) -> Result<Option<Arc<Caller>>, AuthError> {
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
    ) -> Result<Option<Arc<Caller>>, AuthError> {
        let accepted = |(key, caller): (CallerKey, Arc<Caller>)| {
            key.accepts(token, self.clock.now()).then_some(caller)
        };
        if let Some(known) = self.keys.get(&token.id()) {
            return Ok(accepted(known));
        }
        let asked_at = Instant::now();
        let Some((key, caller)) = self.db.find_caller_key(token.id(), deadline).await? else {
            return Ok(None);
        };
        let known = (key, Arc::new(caller));
        self.keys.put(token.id(), known.clone(), asked_at);
        Ok(accepted(known))
    }

    async fn prove_by_certificate(
        &self,
        identity: &CertificateIdentity,
        deadline: Instant,
    ) -> Result<Option<Arc<Caller>>, AuthError> {
        if let Some(caller) = self.certificates.get(identity) {
            return Ok(Some(caller));
        }
        let asked_at = Instant::now();
        let found = self.db.find_caller_by_identity(identity, deadline).await?;
        let caller = found.map(Arc::new);
        if let Some(caller) = &caller {
            self.certificates
                .put(identity.clone(), Arc::clone(caller), asked_at);
        }
        Ok(caller)
    }

    /// Adds a caller and answers with its key.
    ///
    /// # Errors
    /// The name or an identity is taken, the database is away or the deadline passed.
    pub async fn add(
        &self,
        name: CallerName,
        grants: BTreeSet<String>,
        identities: Vec<CertificateIdentity>,
        deadline: Instant,
    ) -> Result<CallerToken, CallerError> {
        let now = self.clock.now();
        let token = new_token(now)?;
        let event = event(EventKind::CallerAdded, &name, now)?;
        let record = CallerRecord {
            caller: Caller { name, grants },
            created_at: now,
            identities,
            keys: vec![CallerKey::of(&token, now)],
        };
        match self.db.add_caller(record, event, deadline).await? {
            AddedCaller::Added => Ok(token),
            AddedCaller::NameTaken => Err(CallerError::NameTaken),
            AddedCaller::IdentityTaken => Err(CallerError::IdentityTaken),
        }
    }

    /// Gives a caller a new key; its others are good for as long as the overlap.
    ///
    /// # Errors
    /// There is no such caller, the database is away or the deadline passed.
    pub async fn rotate(
        &self,
        name: CallerName,
        overlap: Duration,
        deadline: Instant,
    ) -> Result<CallerToken, CallerError> {
        let now = self.clock.now();
        let token = new_token(now)?;
        let key = CallerKey::of(&token, now);
        let is_there = self
            .db
            .rotate_caller_key(name, key, now + overlap, deadline);
        if is_there.await? {
            Ok(token)
        } else {
            Err(CallerError::Unknown)
        }
    }

    /// Removes a caller; within a second no proof of it is accepted any more.
    ///
    /// # Errors
    /// There is no such caller, the database is away or the deadline passed.
    pub async fn remove(&self, name: CallerName, deadline: Instant) -> Result<(), CallerError> {
        let event = event(EventKind::CallerRemoved, &name, self.clock.now())?;
        if self.db.remove_caller(name, event, deadline).await? {
            Ok(())
        } else {
            Err(CallerError::Unknown)
        }
    }

    /// Every caller, by name.
    ///
    /// # Errors
    /// The database is away or the deadline passed.
    pub async fn list(&self, deadline: Instant) -> Result<Vec<CallerRecord>, AuthError> {
        Ok(self.db.list_callers(deadline).await?)
    }

    /// Callers whose database does not exist: whoever asks it fails.
    #[cfg(test)]
    pub(crate) fn of_no_database() -> Self {
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
    let id = CallerKeyId::new(uuid_v7(now, random()?));
    Ok(CallerToken::new(id, random()?))
}

/// What happened to a caller; it is about no user.
fn event(kind: EventKind, caller: &CallerName, at: Timestamp) -> Result<Event, AuthError> {
    Ok(Event {
        id: EventId::new(uuid_v7(at, random()?)),
        kind,
        at,
        user_id: None,
        session_id: None,
        origin: Origin {
            caller: Some(caller.clone()),
            ..Origin::default()
        },
    })
}
