//! Moving in from other systems. An import only inserts, and a row that is refused takes nothing away
//! from those that follow it.

mod row;

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::{BuildHasher, Hash},
};

use tokio::time::Instant;

pub use row::{RawUser, RowFault};

use super::{Auth, AuthError, entropy::random, events::event};
use crate::{
    db::{Db, ImportOutcome, NewImport},
    domain::{CallerName, ClientInfo, Clock, EventKind, ImportedUser, Origin, UserId, uuid_v7},
};

/// An import that is under way.
pub struct Import {
    db: Db,
    clock: Clock,
    origin: Origin,
    /// Of an import that writes nothing.
    seen: Option<Seen>,
}

impl Auth {
    /// Begins an import; `validate_only`: one that writes nothing and says what it would.
    pub fn import_users(&self, caller: Option<CallerName>, validate_only: bool) -> Import {
        Import::new(self.db.clone(), self.clock.clone(), caller, validate_only)
    }
}

impl Import {
    /// The most rows that are taken at once: so many are written in one transaction.
    pub const BATCH: usize = 500;

    /// Begins an import into a database. The command line needs no hashing for it.
    pub fn new(db: Db, clock: Clock, caller: Option<CallerName>, validate_only: bool) -> Self {
        Self {
            db,
            clock,
            origin: Origin {
                caller,
                client: ClientInfo::default(),
            },
            seen: validate_only.then(Seen::default),
        }
    }

    /// Reads a row.
    ///
    /// # Errors
    /// Every fault that it has by itself.
    pub fn read(&self, row: &RawUser) -> Result<ImportedUser, Vec<RowFault>> {
        row.parse(self.clock.now())
    }

    /// Imports at most [`Self::BATCH`] rows in one transaction, and answers for each: the id, or why
    /// not. Rows that could not be read stay refused.
    ///
    /// # Errors
    /// The database is away or the deadline passed; none of these rows was imported, or all that
    /// could be were: importing them again tells.
    pub async fn take(
        &mut self,
        rows: Vec<Result<ImportedUser, Vec<RowFault>>>,
        deadline: Instant,
    ) -> Result<Vec<Result<UserId, Vec<RowFault>>>, AuthError> {
        let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
        for row in rows {
            match row {
                Ok(user) => {
                    readable.push(self.prepared(user)?);
                    unreadable.push(None);
                }
                Err(faults) => unreadable.push(Some(faults)),
            }
        }
        let ids: Vec<UserId> = readable.iter().map(|new| new.id).collect();
        let outcomes = self.decide(readable, deadline).await?;
        let mut decided = ids.into_iter().zip(outcomes).map(told);
        let all = unreadable.into_iter().filter_map(|row| match row {
            Some(faults) => Some(Err(faults)),
            None => decided.next(),
        });
        Ok(all.collect())
    }

    fn prepared(&self, user: ImportedUser) -> Result<NewImport, AuthError> {
        let id = match user.id {
            Some(id) => id,
            None => UserId::new(uuid_v7(self.clock.now(), random()?)),
        };
        let kind = EventKind::UserImported;
        let event = event(&self.clock, kind, Some(id), self.origin.clone())?;
        Ok(NewImport { id, user, event })
    }

    async fn decide(
        &mut self,
        users: Vec<NewImport>,
        deadline: Instant,
    ) -> Result<Vec<ImportOutcome>, AuthError> {
        let Some(seen) = &mut self.seen else {
            return Ok(self.db.add_imported_users(users, deadline).await?);
        };
        let outcomes = self.db.check_imported_users(&users, deadline).await?;
        let users = users.iter().zip(outcomes);
        Ok(users
            .map(|(user, outcome)| seen.judge(user, outcome))
            .collect())
    }
}

fn told((id, outcome): (UserId, ImportOutcome)) -> Result<UserId, Vec<RowFault>> {
    match outcome {
        ImportOutcome::Added => Ok(id),
        ImportOutcome::Taken { id, email } => {
            let faults = [
                id.then_some(RowFault::IdTaken),
                email.then_some(RowFault::EmailTaken),
            ];
            Err(faults.into_iter().flatten().collect())
        }
    }
}

/// What earlier rows would have taken: eight bytes of each id and address, which bounds the memory
/// of a large import and takes two for one less than once in a million imports of a million rows.
#[derive(Default)]
struct Seen {
    taken: HashSet<u64>,
    hasher: RandomState,
}

impl Seen {
    fn judge(&mut self, user: &NewImport, outcome: ImportOutcome) -> ImportOutcome {
        let id = self.digest((0, user.id));
        let email = self.digest((1, user.user.email.key()));
        let earlier = (self.taken.contains(&id), self.taken.contains(&email));
        match (outcome, earlier) {
            (ImportOutcome::Added, (false, false)) => {
                self.taken.extend([email]);
                if user.user.id.is_some() {
                    self.taken.insert(id);
                }
                outcome
            }
            (ImportOutcome::Added, (id, email)) => ImportOutcome::Taken { id, email },
            (ImportOutcome::Taken { id, email }, earlier) => ImportOutcome::Taken {
                id: id || earlier.0,
                email: email || earlier.1,
            },
        }
    }

    fn digest(&self, what: impl Hash) -> u64 {
        self.hasher.hash_one(what)
    }
}
