//! How many calls ended with which code, and how long they took. Every method and code has a place
//! from the start, so that a call is counted without a lookup by labels.

use std::{sync::OnceLock, time::Duration};

use http::StatusCode;
use tonic::Code;

use super::{
    call_name::{CallName, OTHER},
    error_table::grpc_name,
    protocol::Protocol,
};
use crate::metrics::DurationHistogram;

/// The statuses that calls over HTTP can end with.
pub(crate) static HTTP_STATUSES: [StatusCode; 15] = [
    StatusCode::OK,
    StatusCode::CREATED,
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::CONFLICT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];
/// The status of HTTP calls whose caller went away: `google.rpc.Code` maps CANCELLED to it.
const CALLER_GONE: &str = "499";
/// gRPC's codes are numbered from 0 to this, UNAUTHENTICATED.
const LAST_GRPC_CODE: i32 = 16;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    CallerGone,
    /// The codes of both protocols, whichever the call used.
    Answered {
        grpc: Code,
        http: StatusCode,
    },
}

/// The calls of one port.
pub(crate) struct CallMetrics {
    protocol: Protocol,
    names: &'static [CallName],
    codes: Vec<&'static str>,
    /// By name, then by code; empty until the first call.
    durations: Vec<OnceLock<DurationHistogram>>,
}

/// The calls that had the same name and ended with the same code.
pub(crate) struct CallSeries<'c> {
    /// The RPC (`vestibule.v1.AuthService/ValidLogin`) or the HTTP method; `_OTHER` if unknown.
    pub(crate) method: &'static str,
    /// The template of a REST route; `_OTHER` if unknown. `None` on the gRPC port.
    pub(crate) route: Option<&'static str>,
    /// gRPC's code (`OK`) on the gRPC port, the HTTP status (`200`) on the other.
    pub(crate) code: &'static str,
    pub(crate) duration: &'c DurationHistogram,
}

impl CallMetrics {
    pub(crate) fn new(protocol: Protocol) -> Self {
        let names = CallName::all(protocol);
        let codes = codes(protocol);
        Self {
            protocol,
            names,
            durations: vec![OnceLock::new(); names.len() * codes.len()],
            codes,
        }
    }

    /// Counts a call that ended.
    pub(crate) fn record(&self, name: &CallName, outcome: Outcome, time: Duration) {
        let code = match self.protocol {
            Protocol::Grpc => grpc_number(outcome),
            Protocol::Rest => http_number(outcome),
        };
        self.durations[name.index * self.codes.len() + code]
            .get_or_init(DurationHistogram::default)
            .observe(time);
    }

    /// The names and codes under which a call was counted.
    pub(crate) fn series(&self) -> impl Iterator<Item = CallSeries<'_>> {
        let by_name = self.durations.chunks_exact(self.codes.len());
        self.names.iter().zip(by_name).flat_map(|(name, by_code)| {
            let by_code = self.codes.iter().zip(by_code);
            by_code.filter_map(|(code, duration)| {
                Some(CallSeries {
                    method: name.method,
                    route: name.route,
                    code,
                    duration: duration.get()?,
                })
            })
        })
    }
}

/// The codes of a protocol in the order of [`grpc_number`] and [`http_number`].
fn codes(protocol: Protocol) -> Vec<&'static str> {
    match protocol {
        Protocol::Grpc => (0..=LAST_GRPC_CODE)
            .map(|code| grpc_name(code.into()))
            .collect(),
        Protocol::Rest => HTTP_STATUSES
            .iter()
            .map(StatusCode::as_str)
            .chain([CALLER_GONE, OTHER])
            .collect(),
    }
}

fn grpc_number(outcome: Outcome) -> usize {
    match outcome {
        Outcome::CallerGone => Code::Cancelled as usize,
        Outcome::Answered { grpc, .. } => grpc as usize,
    }
}

fn http_number(outcome: Outcome) -> usize {
    let statuses = HTTP_STATUSES.len();
    match outcome {
        Outcome::CallerGone => statuses,
        Outcome::Answered { http, .. } => {
            let known = HTTP_STATUSES.iter().position(|status| *status == http);
            known.unwrap_or(statuses + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(grpc: Code, http: u16) -> Outcome {
        let http = StatusCode::from_u16(http).unwrap();
        Outcome::Answered { grpc, http }
    }

    /// The codes under which one call of the first and the last name are counted.
    fn counted(protocol: Protocol, outcome: Outcome) -> Vec<&'static str> {
        let calls = CallMetrics::new(protocol);
        for name in [&calls.names[0], &calls.names[calls.names.len() - 1]] {
            calls.record(name, outcome, Duration::from_millis(1));
        }
        let series: Vec<_> = calls.series().collect();
        assert_eq!(series.len(), 2);
        assert_eq!(series[1].method, OTHER);
        let counts = series.iter().map(|calls| calls.duration.inner().count());
        assert!(counts.eq([1, 1]));
        series.iter().map(|calls| calls.code).collect()
    }

    #[test]
    fn a_call_is_counted_by_the_code_of_its_port() {
        for code in (0..=LAST_GRPC_CODE).map(Code::from) {
            let codes = counted(Protocol::Grpc, answered(code, 200));
            assert_eq!(codes, [grpc_name(code); 2]);
        }
        let gone = Outcome::CallerGone;
        assert_eq!(counted(Protocol::Grpc, gone), ["CANCELLED"; 2]);
        assert_eq!(counted(Protocol::Rest, gone), ["499"; 2]);
        for (status, code) in [(200, "200"), (504, "504"), (418, OTHER)] {
            let outcome = answered(Code::Unknown, status);
            assert_eq!(counted(Protocol::Rest, outcome), [code; 2]);
        }
    }

    #[test]
    fn codes_without_a_call_are_left_out() {
        assert_eq!(CallMetrics::new(Protocol::Grpc).series().count(), 0);
    }
}
