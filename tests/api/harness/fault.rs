//! An error as a machine reads it: what both protocols must say alike.

use std::time::Duration;

use prost::Message;
use tonic::{Code, Status};
use vestibule::proto::google::rpc;

/// A decoded error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The gRPC code.
    pub(crate) code: Code,
    /// `ErrorInfo.reason`; empty where the answer has none.
    pub(crate) reason: String,
    /// `ErrorInfo.domain`.
    pub(crate) domain: String,
    /// `BadRequest`: field and reason of each violation, in order.
    pub(crate) violations: Vec<(String, String)>,
    /// `RetryInfo.retry_delay`.
    pub(crate) retry_after: Option<Duration>,
    /// `RequestInfo.request_id`.
    pub(crate) request_id: Option<String>,
    /// `ResourceInfo`: type and name.
    pub(crate) resource: Option<(String, String)>,
    /// The text for people.
    pub(crate) message: String,
}

impl Fault {
    /// Reads the details of a status.
    pub(crate) fn of(status: &Status) -> Self {
        let details = rpc::Status::decode(status.details()).unwrap();
        let info: rpc::ErrorInfo = detail(&details, "google.rpc.ErrorInfo").unwrap_or_default();
        let bad: rpc::BadRequest = detail(&details, "google.rpc.BadRequest").unwrap_or_default();
        let retry: Option<rpc::RetryInfo> = detail(&details, "google.rpc.RetryInfo");
        let request: Option<rpc::RequestInfo> = detail(&details, "google.rpc.RequestInfo");
        let resource: Option<rpc::ResourceInfo> = detail(&details, "google.rpc.ResourceInfo");
        let fault = Self {
            code: status.code(),
            reason: info.reason,
            domain: info.domain,
            violations: bad
                .field_violations
                .into_iter()
                .map(|violation| (violation.field, violation.reason))
                .collect(),
            retry_after: retry
                .and_then(|retry| retry.retry_delay)
                .map(|delay| delay.try_into().unwrap()),
            request_id: request.map(|request| request.request_id),
            resource: resource.map(|one| (one.resource_type, one.resource_name)),
            message: status.message().to_owned(),
        };
        let help: rpc::Help = detail(&details, "google.rpc.Help").unwrap();
        let anchor = fault.reason.to_lowercase();
        assert_eq!(help.links[0].url, format!("docs/errors.md#{anchor}"));
        fault.assert_complete(status);
        fault
    }

    /// What every error of a call must have: a reason and its domain, and the id of the call.
    fn assert_complete(&self, status: &Status) {
        let name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        assert!(
            !self.reason.is_empty() && self.reason.chars().all(name),
            "{self:?}"
        );
        assert_eq!(self.domain, "vestibule.v1", "{self:?}");
        let id = status.metadata().get("x-request-id");
        let id = id.map(|id| id.to_str().unwrap().to_owned());
        assert!(id.is_some() && id == self.request_id, "{self:?}");
        assert_tells_nothing(&self.message);
    }

    /// Of a call that must have failed.
    pub(crate) fn from<T>(outcome: Result<T, Status>) -> Self {
        match outcome {
            Ok(_) => panic!("the call succeeded"),
            Err(status) => Self::of(&status),
        }
    }

    /// Code and reason.
    pub(crate) fn meaning(&self) -> (Code, &str) {
        (self.code, &self.reason)
    }

    /// Field and reason of each violation.
    pub(crate) fn faults(&self) -> Vec<(&str, &str)> {
        self.violations
            .iter()
            .map(|(field, reason)| (field.as_str(), reason.as_str()))
            .collect()
    }
}

/// What no text for a client may hold: the insides of this program and of its machine.
pub(crate) fn assert_tells_nothing(text: &str) {
    const INSIDES: [&str; 18] = [
        "select ",
        "insert ",
        "update ",
        "sql",
        "postgres",
        "sqlx",
        "sea_orm",
        "seaorm",
        "tokio",
        "tonic",
        "hyper",
        "prost",
        "argon2",
        "panick",
        ".rs",
        "127.0.0.1",
        "/tmp",
        "email_key",
    ];
    let lower = text.to_lowercase();
    let found = INSIDES.iter().find(|inside| lower.contains(**inside));
    assert!(found.is_none(), "{found:?} in {text:?}");
}

fn detail<M: Message + Default>(details: &rpc::Status, name: &str) -> Option<M> {
    let url = format!("type.googleapis.com/{name}");
    let any = details.details.iter().find(|any| any.type_url == url)?;
    Some(M::decode(any.value.as_slice()).unwrap())
}
