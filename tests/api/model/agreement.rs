//! Whether an answer is the one that the reference gives.

use std::fmt::Debug;

use tonic::Status;
use vestibule::proto::v1::{self, AuthenticationMethod, UserStatus};

use super::state::{IDLE, Reason, State, Timestamp};
use crate::harness::Fault;

/// What differs.
pub(super) type Check = Result<(), String>;

/// What came of a call: its answer, or the reason of a refusal.
pub(super) fn reasoned<T>(told: Result<T, Status>) -> Result<T, String> {
    told.map_err(|status| Fault::of(&status).reason)
}

/// Both refused for the same reason, `None`, or both did not.
pub(super) fn agreed<E, T>(
    expected: Result<E, Reason>,
    told: Result<T, String>,
) -> Result<Option<(E, T)>, String> {
    match (expected, told) {
        (Ok(expected), Ok(told)) => Ok(Some((expected, told))),
        (Err(expected), Err(told)) if expected == told => Ok(None),
        (Err(expected), Err(told)) => Err(format!("refused as {told}, not as {expected}")),
        (Ok(_), Err(told)) => Err(format!("refused as {told}")),
        (Err(expected), Ok(_)) => Err(format!("not refused as {expected}")),
    }
}

/// Both are equal. Of large ones it says where they are not.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what is compared is mostly made for it"
)]
pub(super) fn same<T: Debug + PartialEq>(what: &str, expected: T, told: T) -> Check {
    if expected == told {
        return Ok(());
    }
    let (long, short) = (format!("{expected:#?}"), format!("{expected:?}"));
    let told_long = format!("{told:#?}");
    let lines = long.lines().zip(told_long.lines());
    let differing = lines.filter(|(expected, told)| expected != told);
    let differing: Vec<_> = differing
        .map(|(expected, told)| {
            format!(
                "\n  expected {}\n      told {}",
                expected.trim(),
                told.trim()
            )
        })
        .collect();
    if long.lines().count() == told_long.lines().count() && short.len() > 200 {
        return Err(format!("{what}:{}", differing.concat()));
    }
    Err(format!("{what}: expected {short}, told {told:?}"))
}

impl State {
    /// A user as told. The etag is opaque, and another one for each version.
    pub(super) fn check_user(&mut self, at: usize, told: &v1::User) -> Check {
        let user = &mut self.users[at];
        if user.id.is_empty() {
            user.id.clone_from(&told.id);
        }
        let status = if user.disabled {
            UserStatus::Disabled
        } else {
            UserStatus::Active
        };
        let expected = v1::User {
            id: user.id.clone(),
            email: user.email.clone(),
            status: status.into(),
            created_at: Some(timestamp(user.created)),
            updated_at: Some(timestamp(user.updated)),
            email_verified_at: user.verified.map(timestamp),
            etag: told.etag.clone(),
        };
        same("the user", &expected, told)?;
        let others = user.etags.iter().filter(|(at, _)| **at != user.version);
        let is_new = others.into_iter().all(|(_, etag)| *etag != told.etag);
        let etag = user.etags.entry(user.version);
        let known = etag.or_insert_with(|| told.etag.clone());
        same("the etag", (&*known, true), (&told.etag, is_new))
    }

    /// A session as told. When it was last seen may be told late.
    pub(super) fn check_session(&self, at: usize, told: &v1::Session) -> Check {
        let session = &self.sessions[at];
        let method = if session.by_caller {
            AuthenticationMethod::Caller
        } else {
            AuthenticationMethod::Password
        };
        let seen = told.last_seen_at.and_then(instant).unwrap_or_default();
        let expected = v1::Session {
            id: session.id.clone(),
            user_id: self.users[session.user].id.clone(),
            created_at: Some(timestamp(session.created)),
            expires_at: Some(timestamp(session.limit())),
            authenticated_at: Some(timestamp(session.proven)),
            methods: vec![method.into()],
            last_seen_at: told.last_seen_at,
            idle_expires_at: Some(timestamp(session.limit().min(seen + IDLE))),
            client: None,
        };
        same("the session", &expected, told)?;
        let may_be = session.created <= seen && seen <= session.seen;
        same("last_seen_at in its bounds", true, may_be)
    }

    /// Some sessions as told, which are in the order of their ids.
    pub(super) fn check_sessions(&self, mut expected: Vec<usize>, told: &[v1::Session]) -> Check {
        expected.sort_by(|one, other| self.sessions[*one].id.cmp(&self.sessions[*other].id));
        let ids = expected.iter().map(|at| self.sessions[*at].id.as_str());
        let told_ids = told.iter().map(|session| session.id.as_str());
        same("the sessions", ids.collect::<Vec<_>>(), told_ids.collect())?;
        let mut both = expected.into_iter().zip(told);
        both.try_for_each(|(at, told)| self.check_session(at, told))
    }
}

pub(super) fn timestamp(instant: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: instant.timestamp(),
        nanos: instant.timestamp_subsec_nanos().try_into().unwrap(),
    }
}

fn instant(told: prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::from_timestamp(told.seconds, told.nanos.try_into().ok()?)
}
