//! How many calls ended how, and how long they took. All that can be counted has its place before
//! the first call: to count is to find it.

use std::time::Duration;

use http::StatusCode;
use tonic::Code;

use super::{
    call_name::{CallName, OTHER},
    error_table::grpc_name,
    protocol::Protocol,
};
use crate::metrics::{Distribution, Histogram};

/// The statuses that calls over HTTP can end with.
pub(crate) static HTTP_STATUSES: [StatusCode; 14] = [
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
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];
/// What calls over HTTP are counted as whose caller went away: what `google.rpc.Code` gives for
/// CANCELLED.
const CALLER_GONE: &str = "499";
/// gRPC's codes are numbered from 0 to this, UNAUTHENTICATED.
const LAST_GRPC_CODE: i32 = 16;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its caller went away.
    CallerGone,
    /// It was answered; what the other protocol would have said is here as well.
    Answered { grpc: Code, http: StatusCode },
}

/// The calls of one port.
pub struct Calls {
    protocol: Protocol,
    names: &'static [CallName],
    codes: Vec<&'static str>,
    /// By name, then by code.
    durations: Vec<Histogram>,
}

/// Calls that had the same name and ended the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallMetrics {
    /// The RPC (`vestibule.v1.AuthService/ValidLogin`) or the HTTP method; `_OTHER` for all others.
    pub method: &'static str,
    /// The route's template on the REST port; `_OTHER` for what is none.
    pub route: Option<&'static str>,
    /// gRPC's code (`OK`) on the gRPC port, the HTTP status (`200`) on the other.
    pub code: &'static str,
    /// How long they took.
    pub duration: Distribution,
}

impl Calls {
    /// None yet.
    pub(crate) fn new(protocol: Protocol) -> Self {
        let names = CallName::all(protocol);
        let codes = codes(protocol);
        let mut durations = Vec::new();
        durations.resize_with(names.len() * codes.len(), Histogram::default);
        Self {
            protocol,
            names,
            codes,
            durations,
        }
    }

    pub(crate) fn record(&self, name: &CallName, outcome: Outcome, time: Duration) {
        let code = match self.protocol {
            Protocol::Grpc => grpc_number(outcome),
            Protocol::Rest => http_number(outcome),
        };
        self.durations[name.index * self.codes.len() + code].record(time);
    }

    /// What was counted; what never happened is not among it.
    pub fn metrics(&self) -> impl Iterator<Item = CallMetrics> {
        let by_name = self.durations.chunks_exact(self.codes.len());
        self.names
            .iter()
            .zip(by_name)
            .flat_map(|(name, by_code)| {
                let by_code = self.codes.iter().zip(by_code);
                by_code.map(|(code, duration)| CallMetrics {
                    method: name.method,
                    route: name.route,
                    code,
                    duration: duration.read(),
                })
            })
            .filter(|calls| calls.duration.count() > 0)
    }
}

/// What the codes of a protocol are called, by their number here.
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
        let calls = Calls::new(protocol);
        for name in [&calls.names[0], &calls.names[calls.names.len() - 1]] {
            calls.record(name, outcome, Duration::from_millis(1));
        }
        let metrics: Vec<_> = calls.metrics().collect();
        assert_eq!(metrics.len(), 2);
        assert_eq!(metrics[1].method, OTHER);
        assert!(metrics.iter().all(|calls| calls.duration.count() == 1));
        metrics.iter().map(|calls| calls.code).collect()
    }

    #[test]
    fn a_call_is_counted_by_the_code_of_its_port() {
        for code in (0..=LAST_GRPC_CODE).map(Code::from) {
            let told = counted(Protocol::Grpc, answered(code, 200));
            assert_eq!(told, [grpc_name(code); 2]);
        }
        let gone = Outcome::CallerGone;
        assert_eq!(counted(Protocol::Grpc, gone), ["CANCELLED"; 2]);
        assert_eq!(counted(Protocol::Rest, gone), ["499"; 2]);
        for (status, told) in [(200, "200"), (504, "504"), (418, OTHER)] {
            let outcome = answered(Code::Unknown, status);
            assert_eq!(counted(Protocol::Rest, outcome), [told; 2]);
        }
    }

    #[test]
    fn what_never_happened_is_not_told() {
        assert_eq!(Calls::new(Protocol::Grpc).metrics().count(), 0);
    }
}
