//! The filter and the page of a list of events.

use prost::Message;

use super::Faults;
use crate::{
    domain::{EventFilter, EventKind, Timestamp, UserId},
    proto::v1::{self, ErrorReason, ListEventsRequest},
    transport::{failure::Failure, page::Page},
};

const METHOD: &str = "vestibule.v1.AuditService/ListEvents";
/// The most kinds of a filter.
const KINDS_MAX: usize = 64;

/// Reads a filter and the page of what it selects.
pub(crate) fn event_list(message: &ListEventsRequest) -> Result<(EventFilter, Page), Failure> {
    let mut faults = Faults::default();
    let filter = EventFilter {
        user_id: faults.any_user(&message.user_id),
        kinds: faults.kinds(&message.kinds),
        since: faults.timestamp("since", message.since.as_ref()),
        until: faults.timestamp("until", message.until.as_ref()),
    };
    let filter_alone = ListEventsRequest {
        page_size: 0,
        page_token: String::new(),
        ..message.clone()
    };
    let filter_alone = filter_alone.encode_to_vec();
    let page = faults.page(
        METHOD,
        &filter_alone,
        message.page_size,
        &message.page_token,
    );
    faults.finish(page.map(|page| (filter, page)))
}

impl Faults {
    /// Empty: any user's.
    fn any_user(&mut self, text: &str) -> Option<UserId> {
        let id = UserId::parse(text);
        if id.is_none() && !text.is_empty() {
            self.add("user_id", ErrorReason::InvalidField, "must be a user's id");
        }
        id
    }

    fn kinds(&mut self, numbers: &[i32]) -> Vec<EventKind> {
        if numbers.len() > KINDS_MAX {
            let message = format!("must be at most {KINDS_MAX}");
            self.add("kinds", ErrorReason::InvalidField, message);
            return Vec::new();
        }
        let kinds: Vec<_> = numbers
            .iter()
            .filter_map(|number| parse_kind(*number))
            .collect();
        if kinds.len() < numbers.len() {
            self.add(
                "kinds",
                ErrorReason::InvalidField,
                "has one that is not known",
            );
        }
        kinds
    }

    pub(super) fn timestamp(
        &mut self,
        field: &str,
        sent: Option<&prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        let parsed = parse_timestamp(sent?);
        if parsed.is_none() {
            let message = "must be a time from the year 1 to 9999";
            self.add(field, ErrorReason::InvalidField, message);
        }
        parsed
    }
}

/// Reads a timestamp in protobuf's range: 0001-01-01 to 9999-12-31, in UTC.
fn parse_timestamp(sent: &prost_types::Timestamp) -> Option<Timestamp> {
    const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
    let nanos = u32::try_from(sent.nanos).ok()?;
    let is_valid = SECONDS.contains(&sent.seconds) && nanos < 1_000_000_000;
    is_valid.then(|| Timestamp::from_timestamp(sent.seconds, nanos))?
}

/// A kind in the protocol.
pub(crate) fn wire_kind(kind: EventKind) -> v1::EventKind {
    use v1::EventKind as Wire;
    match kind {
        EventKind::UserRegistered => Wire::UserRegistered,
        EventKind::LoginSucceeded => Wire::LoginSucceeded,
        EventKind::LoginFailed => Wire::LoginFailed,
        EventKind::SessionCreated => Wire::SessionCreated,
        EventKind::SessionRevoked => Wire::SessionRevoked,
        EventKind::SessionsRevoked => Wire::SessionsRevoked,
        EventKind::SessionSecretReused => Wire::SessionSecretReused,
        EventKind::PasswordChanged => Wire::PasswordChanged,
        EventKind::PasswordReset => Wire::PasswordReset,
        EventKind::EmailVerified => Wire::EmailVerified,
        EventKind::EmailChanged => Wire::EmailChanged,
        EventKind::UserDisabled => Wire::UserDisabled,
        EventKind::UserEnabled => Wire::UserEnabled,
        EventKind::UserDeleted => Wire::UserDeleted,
        EventKind::UserImported => Wire::UserImported,
        EventKind::CallerAdded => Wire::CallerAdded,
        EventKind::CallerRemoved => Wire::CallerRemoved,
        EventKind::PasswordResetRequested => Wire::PasswordResetRequested,
        EventKind::EmailVerificationRequested => Wire::EmailVerificationRequested,
        EventKind::EmailChangeRequested => Wire::EmailChangeRequested,
        EventKind::PasswordResetCreated => Wire::PasswordResetCreated,
        EventKind::EmailChangeCancelled => Wire::EmailChangeCancelled,
        EventKind::EmailRestored => Wire::EmailRestored,
        EventKind::LoginThrottled => Wire::LoginThrottled,
        EventKind::ThrottleCleared => Wire::ThrottleCleared,
        EventKind::SourceThrottled => Wire::SourceThrottled,
        EventKind::PasswordSprayed => Wire::PasswordSprayed,
    }
}

fn parse_kind(number: i32) -> Option<EventKind> {
    EventKind::ALL
        .into_iter()
        .find(|kind| wire_kind(*kind) as i32 == number)
}
