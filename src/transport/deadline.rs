//! Until when a call may work: the arrival of its headers plus the shorter of the client's
//! `grpc-timeout` and our own limit, and never beyond the drain's grace.

use std::{future, time::Duration};

use http::{HeaderMap, HeaderName};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{failure::Failure, request_id::single};
use crate::auth::AuthError;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// The protocol allows at most eight digits.
const DIGITS_MAX: usize = 8;

/// The deadline of a stream without a limit; no stream lives that long.
const FAR: Duration = Duration::from_hours(365 * 24);

/// What ends a call that does not end by itself.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    arrival: Instant,
    deadline: Option<Instant>,
    cut: CancellationToken,
}

impl Ends {
    /// A call that arrived with a limit, `None` for a stream without a limit.
    pub(crate) fn new(arrival: Instant, limit: Option<Duration>, cut: CancellationToken) -> Self {
        Self {
            arrival,
            deadline: limit.and_then(|limit| arrival.checked_add(limit)),
            cut,
        }
    }

    /// The deadline for the layers below.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline.unwrap_or(self.arrival + FAR)
    }

    /// The failure of a call whose end has come already.
    pub(crate) fn already(&self) -> Option<Failure> {
        if self.cut.is_cancelled() {
            Some(Failure::Draining)
        } else if self
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            Some(AuthError::DeadlineExceeded.into())
        } else {
            None
        }
    }

    /// Waits for the end of the call, and returns its failure.
    pub(crate) async fn reached(self) -> Failure {
        let deadline = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            () = self.cut.cancelled() => Failure::Draining,
            () = deadline => AuthError::DeadlineExceeded.into(),
        }
    }
}

/// The client's own limit.
///
/// # Errors
/// `Malformed`: the header is there and is not the one number of up to eight digits with a unit
/// that the protocol allows. Ignoring it would run work that the caller has long given up on.
pub(crate) fn grpc_timeout(headers: &HeaderMap) -> Result<Option<Duration>, Failure> {
    if !headers.contains_key(&GRPC_TIMEOUT) {
        return Ok(None);
    }
    let timeout = single(headers, &GRPC_TIMEOUT).and_then(parse);
    timeout.map(Some).ok_or(Failure::Malformed)
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=DIGITS_MAX).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_hours(amount)),
        "M" => Some(Duration::from_mins(amount)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::ErrorReason;
    use proptest::prelude::*;

    const MALFORMED: Result<Option<Duration>, ErrorReason> = Err(ErrorReason::MalformedRequest);

    fn read(values: &[&str]) -> Result<Option<Duration>, ErrorReason> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(GRPC_TIMEOUT, value.parse().unwrap());
        }
        grpc_timeout(&headers).map_err(|failure| failure.code().reason)
    }

    #[test]
    fn every_unit_is_read_and_anything_else_refused() {
        assert_eq!(read(&[]), Ok(None));
        for (text, expected) in [
            ("0n", Duration::ZERO),
            ("50m", Duration::from_millis(50)),
            ("3S", Duration::from_secs(3)),
            ("2M", Duration::from_mins(2)),
            ("7u", Duration::from_micros(7)),
            ("99999999H", Duration::from_hours(99_999_999)),
        ] {
            assert_eq!(read(&[text]), Ok(Some(expected)), "{text}");
        }
        for bad in [
            "",
            "S",
            "5",
            "-5S",
            "+5S",
            "5s",
            "5 S",
            "1.5S",
            "100000000S",
            "é",
        ] {
            assert_eq!(read(&[bad]), MALFORMED, "{bad}");
        }
        assert_eq!(read(&["1S", "1S"]), MALFORMED);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
