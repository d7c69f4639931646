//! Import of users from other systems. An import only inserts; a row that is refused does not
//! affect the rows after it.

mod row;

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::{BuildHasher, Hash},
};

use tokio::time::Instant;

pub use row::{RawUser, RowFault};

use super::{AuthError, entropy::random_bytes, events::new_event};
use crate::{
    db::{Db, ImportOutcome, NewImport},
    domain::{CallerName, Clock, EventKind, ImportedUser, UserId, uuid_v7},
};

/// An import that is under way.
pub struct Import {
    db: Db,
    clock: Clock,
    caller: Option<CallerName>,
    /// For an import that only validates, what earlier rows would have taken.
    earlier_rows: Option<EarlierRows>,
}

impl Import {
    /// The most rows of one [`Self::import_rows`], which are written in one transaction.
    pub const BATCH: usize = 500;

    pub(super) fn new(
        db: Db,
        clock: Clock,
        caller: Option<CallerName>,
        validate_only: bool,
    ) -> Self {
        Self {
            db,
            clock,
            caller,
            earlier_rows: validate_only.then(EarlierRows::default),
        }
    }

    /// Makes a user of a row.
    ///
    /// # Errors
    /// Every fault that can be found without the database.
    pub fn parse_row(&self, row: &RawUser) -> Result<ImportedUser, Vec<RowFault>> {
        row.parse(self.clock.now())
    }

    /// Imports at most [`Self::BATCH`] parsed rows in one transaction. Returns for each row, in
    /// their order, the id of its user or its faults; rows with faults stay refused.
    ///
    /// # Errors
    /// Either none of the rows was imported, or all that could be: importing them again shows
    /// which.
    pub async fn import_rows(
        &mut self,
        rows: Vec<Result<ImportedUser, Vec<RowFault>>>,
        deadline: Instant,
    ) -> Result<Vec<Result<UserId, Vec<RowFault>>>, AuthError> {
        let (mut parsed, mut refused) = (Vec::new(), Vec::new());
        for row in rows {
            match row {
                Ok(user) => {
                    parsed.push(self.prepare(user)?);
                    refused.push(None);
                }
                Err(faults) => refused.push(Some(faults)),
            }
        }
        let ids: Vec<UserId> = parsed.iter().map(|new| new.id).collect();
        let outcomes = self.write_or_check(parsed, deadline).await?;
        let mut decided = ids.into_iter().zip(outcomes).map(id_or_faults);
        let all = refused.into_iter().filter_map(|row| match row {
            Some(faults) => Some(Err(faults)),
            None => decided.next(),
        });
        Ok(all.collect())
    }

    fn prepare(&self, user: ImportedUser) -> Result<NewImport, AuthError> {
        let id = match user.id {
            Some(id) => id,
            None => UserId::new(uuid_v7(self.clock.now(), random_bytes()?)),
        };
        let (kind, caller) = (EventKind::UserImported, self.caller.clone());
        let event = new_event(&self.clock, kind, Some(id), None, caller)?;
        Ok(NewImport { id, user, event })
    }

    async fn write_or_check(
        &mut self,
        users: Vec<NewImport>,
        deadline: Instant,
    ) -> Result<Vec<ImportOutcome>, AuthError> {
        let Some(earlier_rows) = &mut self.earlier_rows else {
            return Ok(self.db.add_imported_users(users, deadline).await?);
        };
        let outcomes = self.db.check_imported_users(&users, deadline).await?;
        let users = users.iter().zip(outcomes);
        Ok(users
            .map(|(user, outcome)| earlier_rows.judge(user, outcome))
            .collect())
    }
}

fn id_or_faults((id, outcome): (UserId, ImportOutcome)) -> Result<UserId, Vec<RowFault>> {
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

/// The ids and addresses that earlier rows would have taken. It keeps eight bytes of each, which
/// bounds the memory of a large import; two different values collide in less than one of a million
/// imports of a million rows.
#[derive(Default)]
struct EarlierRows {
    taken: HashSet<u64>,
    hasher: RandomState,
}

impl EarlierRows {
    /// Adds to the outcome by the database what earlier rows would have taken.
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

    fn digest(&self, value: impl Hash) -> u64 {
        self.hasher.hash_one(value)
    }
}
