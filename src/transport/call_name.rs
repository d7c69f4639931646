//! What is known of a call by its RPC, or by its method and route: its name in logs and metrics, who
//! may call it, whether it streams. The names are ours, so no text of a path gets out and their number
//! is known before the first call.

use std::sync::LazyLock;

use http::{Method, Request};

use super::{
    access_policy::{Policy, rpc_policy},
    grpc,
    protocol::Protocol,
    rest,
};

/// The name in metrics of every method and route that is not ours, as in OpenTelemetry's conventions.
pub(crate) const OTHER: &str = "_OTHER";

/// The methods that have a name: a method is text of the caller, too.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// One of the names that calls can have.
pub(crate) struct CallName {
    pub(crate) protocol: Protocol,
    /// Its place among [`CallName::all`] of its protocol.
    pub(crate) index: usize,
    /// For the log: `vestibule.v1.AuthService/ValidLogin`, `GET /users/{id}` or `unknown`.
    pub(crate) text: String,
    /// The RPC, or the HTTP method.
    pub(crate) method: &'static str,
    /// The template of the route; RPCs have none.
    pub(crate) route: Option<&'static str>,
    pub(crate) policy: Policy,
    /// Whether the RPC streams in either direction.
    pub(crate) streams: bool,
}

impl CallName {
    /// All names that calls of a protocol can have; the last is that of unknown calls.
    pub(crate) fn all(protocol: Protocol) -> &'static [Self] {
        static GRPC: LazyLock<Vec<CallName>> = LazyLock::new(grpc_names);
        static REST: LazyLock<Vec<CallName>> = LazyLock::new(rest_names);
        match protocol {
            Protocol::Grpc => &GRPC,
            Protocol::Rest => &REST,
        }
    }

    /// The name of a call.
    pub(crate) fn find<B>(protocol: Protocol, request: &Request<B>) -> &'static Self {
        let path = request.uri().path();
        let index = match protocol {
            Protocol::Grpc => grpc::rpc_position(path).unwrap_or(grpc::rpcs().len()),
            Protocol::Rest => {
                let routes = rest::ROUTES.len();
                let method = METHODS.iter().position(|m| m == request.method());
                let route = rest::route_position(path);
                method.unwrap_or(METHODS.len()) * (routes + 1) + route.unwrap_or(routes)
            }
        };
        &Self::all(protocol)[index]
    }
}

fn grpc_names() -> Vec<CallName> {
    let rpcs = grpc::rpcs().iter().map(Some).chain([None]).enumerate();
    rpcs.map(|(index, rpc)| CallName {
        protocol: Protocol::Grpc,
        index,
        text: rpc.map_or("unknown", |rpc| &rpc.name).to_owned(),
        method: rpc.map_or(OTHER, |rpc| &rpc.name),
        route: None,
        policy: rpc.map_or(Policy::Nothing, |rpc| rpc_policy(&rpc.name)),
        streams: rpc.is_some_and(|rpc| rpc.streams),
    })
    .collect()
}

/// By method, then by route.
fn rest_names() -> Vec<CallName> {
    let methods = METHODS.iter().map(Some).chain([None]);
    let pairs = methods.flat_map(|method| {
        let routes = rest::ROUTES.iter().map(Some).chain([None]);
        routes.map(move |route| (method, route))
    });
    pairs
        .enumerate()
        .map(|(index, (method, route))| CallName {
            protocol: Protocol::Rest,
            index,
            text: match (method, route) {
                (Some(method), Some(route)) => format!("{method} {}", route.path),
                (None, Some(route)) => format!("unknown {}", route.path),
                (Some(_) | None, None) => "unknown".to_owned(),
            },
            method: method.map_or(OTHER, Method::as_str),
            route: Some(route.map_or(OTHER, |route| route.path)),
            policy: route.map_or(Policy::Nothing, |route| route.policy_of(method)),
            streams: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(protocol: Protocol, method: &str, path: &str) -> &'static CallName {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(())
            .unwrap();
        let name = CallName::find(protocol, &request);
        assert_eq!(CallName::all(protocol)[name.index].text, name.text);
        name
    }

    #[test]
    fn a_call_has_a_name_of_ours_or_none() {
        let rpc = "vestibule.v1.AuthService/ValidLogin";
        let grpc = |path: &str| {
            let name = find(Protocol::Grpc, "POST", path);
            (name.text.as_str(), name.method)
        };
        assert_eq!(grpc(&format!("/{rpc}")), (rpc, rpc));
        assert_eq!(grpc("/canary/Canary"), ("unknown", OTHER));

        let rest = |method, path| {
            let name = find(Protocol::Rest, method, path);
            (name.text.as_str(), name.route.unwrap())
        };
        assert_eq!(rest("GET", "/"), ("GET /", "/"));
        assert_eq!(rest("POST", "/users"), ("POST /users", "/users"));
        assert_eq!(
            rest("DELETE", "/users/canary"),
            ("DELETE /users/{id}", "/users/{id}")
        );
        assert_eq!(rest("CANARY", "/users"), ("unknown /users", "/users"));
        for path in ["/canary", "/users/", "/users/a/b", "/users/a/"] {
            assert_eq!(rest("GET", path), ("unknown", OTHER), "{path}");
        }
    }

    #[test]
    fn a_call_without_a_name_is_denied() {
        for path in [
            "/vestibule.v1.AuthService/NoSuchMethod",
            "//vestibule.v1.AuthService/ValidLogin",
            "/vestibule.v1.AuthService/ValidLogin/",
            "/VESTIBULE.V1.AUTHSERVICE/VALIDLOGIN",
            "/grpc.health.v1.Health/../vestibule.v1.UserService/FindUser",
            "/",
        ] {
            let name = find(Protocol::Grpc, "POST", path);
            assert_eq!(name.policy, Policy::Nothing, "{path}");
        }
        assert_eq!(find(Protocol::Rest, "GET", "/no").policy, Policy::Nothing);
    }
}
