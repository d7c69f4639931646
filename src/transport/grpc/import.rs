//! `UserService.ImportUsers`: a stream of rows, written a batch at a time as they come.

use std::{pin::pin, time::Duration};

use chrono::DateTime;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout};
use tonic::Status;

use crate::{
    auth::{Auth, AuthError, CallContext, Import, RawUser, RowFault},
    domain::{ImportedUser, UserId, UserStatus},
    proto::v1::{self, ErrorReason, ImportUsersRequest, ImportUsersResponse},
    transport::failure::Failure,
};

/// How long a caller may take for its next message.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long the database may take for a batch.
const BATCH_MAX: Duration = Duration::from_secs(30);
/// The most refused rows of an answer.
const REFUSED_MAX: usize = 1_000;

/// Imports what comes until the stream ends. What was written before a failure stays.
pub(super) async fn import_users(
    auth: &Auth,
    call: &CallContext,
    messages: impl Stream<Item = Result<ImportUsersRequest, Status>>,
) -> Result<ImportUsersResponse, Status> {
    let mut messages = pin!(messages);
    let mut intake = None;
    while let Some(message) = next_message(&mut messages).await? {
        let validate_only = message.validate_only;
        let is_first = intake.is_none();
        let intake = intake.get_or_insert_with(|| Intake::new(auth, call, validate_only));
        if validate_only && !is_first {
            let must = "is for the first message";
            let reason = ErrorReason::InvalidField;
            return Err(Failure::invalid_field("validate_only", reason, must).into());
        }
        for user in message.users {
            intake.add(user).await?;
        }
    }
    match intake {
        Some(intake) => Ok(intake.finish().await?),
        None => Ok(ImportUsersResponse::default()),
    }
}

async fn next_message<M>(
    messages: &mut (impl Stream<Item = Result<M, Status>> + Unpin),
) -> Result<Option<M>, Status> {
    match timeout(IDLE_MAX, messages.next()).await {
        Ok(message) => message.transpose(),
        Err(_) => Err(Failure::from(AuthError::DeadlineExceeded).into()),
    }
}

/// An import, and the rows that are not decided yet.
struct Intake<'c> {
    call: &'c CallContext,
    import: Import,
    pending: Vec<Result<ImportedUser, Vec<RowFault>>>,
    decided: u64,
    answer: ImportUsersResponse,
}

impl<'c> Intake<'c> {
    fn new(auth: &Auth, call: &'c CallContext, validate_only: bool) -> Self {
        Self {
            call,
            import: auth.users().import(call.caller.clone(), validate_only),
            pending: Vec::new(),
            decided: 0,
            answer: ImportUsersResponse::default(),
        }
    }

    async fn add(&mut self, user: v1::ImportedUser) -> Result<(), Failure> {
        self.pending.push(self.import.parse_row(&user.into()));
        if self.pending.len() == Import::BATCH {
            self.decide().await?;
        }
        Ok(())
    }

    async fn decide(&mut self) -> Result<(), Failure> {
        let rows = std::mem::take(&mut self.pending);
        let deadline = self.call.deadline.min(Instant::now() + BATCH_MAX);
        for outcome in self.import.import_rows(rows, deadline).await? {
            self.decided += 1;
            self.record(outcome);
        }
        Ok(())
    }

    fn record(&mut self, outcome: Result<UserId, Vec<RowFault>>) {
        let Err(faults) = outcome else {
            self.answer.imported_count += 1;
            return;
        };
        self.answer.refused_count += 1;
        if self.answer.refused_rows.len() < REFUSED_MAX {
            self.answer.refused_rows.push(v1::RefusedRow {
                row: self.decided,
                faults: faults.iter().map(v1::RowFault::from).collect(),
            });
        }
    }

    async fn finish(mut self) -> Result<ImportUsersResponse, Failure> {
        self.decide().await?;
        Ok(self.answer)
    }
}

/// Empty texts are what was not sent.
impl From<v1::ImportedUser> for RawUser {
    fn from(user: v1::ImportedUser) -> Self {
        let sent = |text: String| (!text.is_empty()).then_some(text);
        // An invalid timestamp or status becomes a text that the row refuses.
        let created_at = user.created_at.map(|at| {
            let nanos = u32::try_from(at.nanos).ok();
            let instant = nanos.and_then(|nanos| DateTime::from_timestamp(at.seconds, nanos));
            instant
                .map(|instant| instant.to_rfc3339())
                .unwrap_or_default()
        });
        let status = match v1::UserStatus::try_from(user.status) {
            Ok(v1::UserStatus::Unspecified) => None,
            Ok(v1::UserStatus::Active) => Some(UserStatus::Active.as_str()),
            Ok(v1::UserStatus::Disabled) => Some(UserStatus::Disabled.as_str()),
            Err(_) => Some(""),
        };
        Self {
            id: sent(user.id),
            email: Some(user.email),
            password_hash: sent(user.password_hash),
            password_nfc: Some(user.password_nfc.to_string()),
            email_verified: Some(user.email_verified.to_string()),
            created_at,
            status: status.map(str::to_owned),
        }
    }
}

impl From<&RowFault> for v1::RowFault {
    fn from(fault: &RowFault) -> Self {
        let reason = match fault {
            RowFault::Email(_) => ErrorReason::InvalidEmail,
            RowFault::EmailTaken => ErrorReason::EmailTaken,
            RowFault::Missing(_)
            | RowFault::Hash(_)
            | RowFault::Field { .. }
            | RowFault::IdTaken
            | RowFault::Unreadable(_) => ErrorReason::InvalidField,
        };
        Self {
            field: fault.field().to_owned(),
            reason: reason.into(),
            message: fault.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tonic::Code;

    use super::*;

    /// On a clock that jumps to whatever is awaited.
    #[tokio::test(start_paused = true)]
    async fn a_caller_that_sends_nothing_for_30_seconds_is_cut_off() {
        let begun = Instant::now();
        let status = next_message(&mut stream::pending::<Result<(), Status>>()).await;
        assert_eq!(status.unwrap_err().code(), Code::DeadlineExceeded);
        assert_eq!((Instant::now() - begun).as_secs(), 30);
    }
}
