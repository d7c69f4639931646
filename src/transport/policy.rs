//! Who may call what: the one table, and what a method that is missing there means (nobody may).
//!
//! It is decided on the method that the descriptors or the routes know, by the place that it has
//! among them, and never on the text of a path.

use std::sync::LazyLock;

use http::Method;

use super::{Protocol, grpc, rest};

/// `callers.auth_service`: who may call what end users prove themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthServiceAccess {
    /// Whoever reaches the port: the network is the guard.
    Open,
    /// Named callers with a grant.
    Named,
}

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Whoever reaches the port.
    Open,
    /// The same, and what they show is not looked at: that takes the database, and whether the
    /// service is well must be told without.
    Probe,
    /// The end user's proof is in the message; the setting says which services may bring it. With
    /// the method that is granted.
    EndUser(&'static str),
    /// The same, and that proof is a session in `Authorization`.
    Session(&'static str),
    /// Named callers, whatever the setting says. With the method that is granted.
    Named(&'static str),
    /// There is no such method.
    Nothing,
}

/// The services whose methods act for whoever is proven in the message, and those that tell nothing
/// of anybody. Every other one acts on users by name.
fn of_rpc(rpc: &'static str) -> Policy {
    match rpc.split_once('/').map_or(rpc, |(service, _)| service) {
        "grpc.health.v1.Health" => Policy::Probe,
        "grpc.reflection.v1.ServerReflection" | "grpc.reflection.v1alpha.ServerReflection" => {
            Policy::Open
        }
        "vestibule.v1.AuthService" | "vestibule.v1.AccountService" => Policy::EndUser(rpc),
        _ => Policy::Named(rpc),
    }
}

/// A route does what an RPC does, and is granted with it.
const ROUTES: [(Method, &str, Policy); 7] = [
    (Method::GET, "/", Policy::Open),
    (Method::HEAD, "/", Policy::Open),
    (Method::GET, "/openapi.json", Policy::Open),
    (Method::HEAD, "/openapi.json", Policy::Open),
    (
        Method::POST,
        "/users",
        Policy::EndUser("vestibule.v1.AuthService/RegisterUser"),
    ),
    (Method::GET, "/users/{id}", Policy::Session(READS_SESSION)),
    (Method::HEAD, "/users/{id}", Policy::Session(READS_SESSION)),
];

const READS_SESSION: &str = "vestibule.v1.AuthService/ValidateSession";

fn of_route(method: Option<&Method>, route: Option<&str>) -> Policy {
    let Some(route) = route else {
        return Policy::Nothing;
    };
    ROUTES
        .iter()
        .find(|row| Some(&row.0) == method && row.1 == route)
        // The router refuses what a route does not have, and tells what it has: 405 and `Allow`.
        .map_or(Policy::Open, |row| row.2)
}

/// The policy of a call, by its place among `call_names`.
pub(crate) fn policy(protocol: Protocol, name: usize) -> Policy {
    static GRPC: LazyLock<Vec<Policy>> = LazyLock::new(|| grpc::methods().map(of_rpc).collect());
    static REST: LazyLock<Vec<Policy>> = LazyLock::new(|| {
        let methods = rest::METHODS.iter().map(Some).chain([None]);
        methods
            .flat_map(|method| {
                let routes = rest::ROUTES.into_iter().map(Some).chain([None]);
                routes.map(move |route| of_route(method, route))
            })
            .collect()
    });
    let policies = match protocol {
        Protocol::Grpc => &GRPC,
        Protocol::Rest => &REST,
    };
    policies.get(name).copied().unwrap_or(Policy::Nothing)
}

/// The full name of a method that callers can be granted, from `AuthService/ValidateSession` or the
/// full name itself. There is no wildcard.
pub fn grantable(text: &str) -> Option<&'static str> {
    let (service, method) = text.split_once('/')?;
    let service = service.strip_prefix("vestibule.v1.").unwrap_or(service);
    let path = format!("/vestibule.v1.{service}/{method}");
    let place = grpc::method(&path)?;
    match policy(Protocol::Grpc, place) {
        Policy::EndUser(rpc) | Policy::Named(rpc) => Some(rpc),
        Policy::Open | Policy::Probe | Policy::Session(_) | Policy::Nothing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Policy {
        let place = grpc::method(path).unwrap_or(grpc::methods().len());
        policy(Protocol::Grpc, place)
    }

    /// Services whose policy is not that of what acts on users by name, each one on purpose.
    const PROBE: &str = "grpc.health.v1.Health";
    const OPEN: [&str; 2] = [
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];
    const END_USER: [&str; 2] = ["vestibule.v1.AuthService", "vestibule.v1.AccountService"];
    const NAMED: [&str; 2] = ["vestibule.v1.UserService", "vestibule.v1.AuditService"];

    #[test]
    fn every_method_that_the_descriptors_know_has_a_policy() {
        for (place, rpc) in grpc::methods().enumerate() {
            let service = rpc.split_once('/').unwrap().0;
            let expected = if service == PROBE {
                Policy::Probe
            } else if OPEN.contains(&service) {
                Policy::Open
            } else if END_USER.contains(&service) {
                Policy::EndUser(rpc)
            } else {
                assert!(NAMED.contains(&service), "{rpc} has no policy yet");
                Policy::Named(rpc)
            };
            assert_eq!(policy(Protocol::Grpc, place), expected, "{rpc}");
        }
    }

    #[test]
    fn what_the_table_does_not_know_is_denied() {
        assert_eq!(
            of_rpc("vestibule.v1.UserService/FindUser"),
            Policy::Named("vestibule.v1.UserService/FindUser")
        );
        for rpc in ["later.v1.Service/Do", "vestibule.v1.AuthServices/Do", "x"] {
            assert_eq!(of_rpc(rpc), Policy::Named(rpc));
        }
        for path in [
            "/vestibule.v1.AuthService/NoSuchMethod",
            "//vestibule.v1.AuthService/ValidLogin",
            "/vestibule.v1.AuthService/ValidLogin/",
            "/VESTIBULE.V1.AUTHSERVICE/VALIDLOGIN",
            "/grpc.health.v1.Health/../vestibule.v1.UserService/FindUser",
            "/",
        ] {
            assert_eq!(of(path), Policy::Nothing, "{path}");
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

    #[test]
    fn a_route_has_the_policy_of_what_it_does() {
        let of = |method: &Method, route| of_route(Some(method), Some(route));
        assert_eq!(of(&Method::GET, "/"), Policy::Open);
        assert_eq!(
            of(&Method::POST, "/users"),
            Policy::EndUser("vestibule.v1.AuthService/RegisterUser")
        );
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(of(&method, "/users/{id}"), Policy::Session(READS_SESSION));
        }
        assert_eq!(of_route(Some(&Method::GET), None), Policy::Nothing);
        for (_, route, _) in &ROUTES {
            assert!(rest::ROUTES.contains(route), "{route}");
        }
        assert!(grantable(READS_SESSION).is_some());
        assert!(grantable("AuthService/RegisterUser").is_some());
    }
}
