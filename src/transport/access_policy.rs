//! Who may call what. A call's policy belongs to its name (`call_name.rs`), that is to the RPC of the
//! descriptors or to the route (`rest/routes.rs`), and is never read from the text of a path; nobody
//! may call what has no name.

use super::{failure::Failure, grpc};

/// `callers.auth_service`: who may call what end users prove themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthServiceAccess {
    /// Everybody who reaches the port: the network protects it.
    Open,
    /// Named callers with a grant.
    Named,
}

/// Who may call a method. The text is the full name of the method that a caller must be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Everybody who reaches the port.
    Open,
    /// Whoever may call `AuthService`, without a grant: the schema, which is public and of use to a caller
    /// alone.
    Schema,
    /// Everybody who reaches the port, and no proof is looked at: that needs the database, and health must
    /// not depend on the database.
    Probe,
    /// The end user's proof is in the message; the setting says which services may bring it.
    EndUser(&'static str),
    /// As [`Policy::EndUser`], and the proof is a session in `Authorization`.
    Session(&'static str),
    /// Named callers, whatever the setting says.
    Named(&'static str),
    /// Nobody: there is no such method.
    Nothing,
}

/// The policy of an RPC: reflection reveals nothing of users; end users prove themselves
/// to `AuthService` and `AccountService`; every other service acts on users by name.
pub(crate) fn rpc_policy(rpc: &'static str) -> Policy {
    match rpc.split_once('/').map_or(rpc, |(service, _)| service) {
        "grpc.health.v1.Health" => Policy::Probe,
        "grpc.reflection.v1.ServerReflection" | "grpc.reflection.v1alpha.ServerReflection" => {
            Policy::Schema
        }
        "vestibule.v1.AuthService" | "vestibule.v1.AccountService" => Policy::EndUser(rpc),
        _ => Policy::Named(rpc),
    }
}

/// The full names of the methods that callers can be granted.
pub fn grantable_methods() -> impl Iterator<Item = &'static str> {
    grpc::rpcs()
        .iter()
        .filter_map(|rpc| match rpc_policy(&rpc.name) {
            Policy::EndUser(method) | Policy::Named(method) => Some(method),
            Policy::Open
            | Policy::Schema
            | Policy::Probe
            | Policy::Session(_)
            | Policy::Nothing => None,
        })
}

/// The full name of a method that callers can be granted, from `AuthService/ValidateSession` or the
/// full name itself. There is no wildcard.
pub fn grantable(text: &str) -> Option<&'static str> {
    let name = text.strip_prefix(PACKAGE).unwrap_or(text);
    grantable_methods().find(|method| method.strip_prefix(PACKAGE) == Some(name))
}

const PACKAGE: &str = "vestibule.v1.";

/// `grpc.reflection`: who may read the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reflection {
    /// Nobody.
    Off,
    /// Whoever may call `AuthService`.
    On,
    /// Everybody who reaches the port.
    Open,
}

/// What the caller of a call must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anybody.
    Nothing,
    /// A named caller, with whatever grants.
    Caller,
    /// A named caller that was granted the method.
    Grant(&'static str),
}

/// What a policy asks of the caller under these settings.
pub(crate) fn needs(
    policy: Policy,
    auth_service: AuthServiceAccess,
    reflection: Reflection,
) -> Result<Needs, Failure> {
    match (policy, auth_service) {
        (Policy::Nothing, _) => Err(Failure::UnknownRoute),
        (Policy::Open | Policy::Probe, _)
        | (Policy::EndUser(_) | Policy::Session(_) | Policy::Schema, AuthServiceAccess::Open) => {
            Ok(Needs::Nothing)
        }
        (Policy::Schema, AuthServiceAccess::Named) => Ok(match reflection {
            Reflection::Open => Needs::Nothing,
            Reflection::On | Reflection::Off => Needs::Caller,
        }),
        (Policy::EndUser(method) | Policy::Session(method), AuthServiceAccess::Named)
        | (Policy::Named(method), _) => Ok(Needs::Grant(method)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Services whose policy is not that of what acts on users by name, each one on purpose.
    const PROBE: &str = "grpc.health.v1.Health";
    const SCHEMA: [&str; 2] = [
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];
    const END_USER: [&str; 2] = ["vestibule.v1.AuthService", "vestibule.v1.AccountService"];
    const NAMED: [&str; 2] = ["vestibule.v1.UserService", "vestibule.v1.AuditService"];

    #[test]
    fn every_method_that_the_descriptors_know_has_a_policy() {
        for rpc in grpc::rpcs().iter().map(|rpc| rpc.name.as_str()) {
            let service = rpc.split_once('/').unwrap().0;
            let expected = if service == PROBE {
                Policy::Probe
            } else if SCHEMA.contains(&service) {
                Policy::Schema
            } else if END_USER.contains(&service) {
                Policy::EndUser(rpc)
            } else {
                assert!(NAMED.contains(&service), "{rpc} has no policy yet");
                Policy::Named(rpc)
            };
            assert_eq!(rpc_policy(rpc), expected, "{rpc}");
        }
    }

    #[test]
    fn an_unknown_service_is_for_named_callers() {
        for rpc in ["later.v1.Service/Do", "vestibule.v1.AuthServices/Do", "x"] {
            assert_eq!(rpc_policy(rpc), Policy::Named(rpc));
        }
    }

    #[test]
    fn a_method_is_granted_by_its_full_name_alone() {
        let validate = Some("vestibule.v1.AuthService/ValidateSession");
        assert_eq!(grantable("AuthService/ValidateSession"), validate);
        assert_eq!(
            grantable("vestibule.v1.AuthService/ValidateSession"),
            validate
        );
        for text in [
            "",
            "*",
            "AuthService",
            "AuthService/",
            "AuthService/*",
            "AuthService/Validate*",
            "*/ValidateSession",
            "authservice/validatesession",
            "AuthService/NoSuchMethod",
            "/AuthService/ValidateSession",
            "AuthService/ValidateSession/",
            "vestibule.v1.vestibule.v1.AuthService/ValidateSession",
            "Health/Check",
            "grpc.health.v1.Health/Check",
        ] {
            assert_eq!(grantable(text), None, "{text}");
        }
    }
}
