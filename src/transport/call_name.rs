//! What calls are called in logs and metrics: by names of our own, whatever callers make up, so that
//! no path text gets out and their number is known before the first call.

use std::sync::LazyLock;

use http::Request;

use super::{Protocol, grpc, rest};

/// What metrics call what we have no name for; so do OpenTelemetry's conventions.
pub(crate) const OTHER: &str = "_OTHER";

/// One of the names that calls can have.
pub(crate) struct CallName {
    /// For the log: `vestibule.v1.AuthService/ValidLogin`, `GET /users/{id}` or `unknown`.
    pub(crate) text: String,
    /// The RPC, or the HTTP method.
    pub(crate) method: &'static str,
    /// The template of the route; RPCs have none.
    pub(crate) route: Option<&'static str>,
}

/// All names that calls of a protocol can have.
pub(crate) fn call_names(protocol: Protocol) -> &'static [CallName] {
    static GRPC: LazyLock<Vec<CallName>> = LazyLock::new(|| {
        let rpcs = grpc::methods().map(|rpc| (rpc.to_owned(), rpc));
        rpcs.chain([("unknown".to_owned(), OTHER)])
            .map(|(text, method)| CallName {
                text,
                method,
                route: None,
            })
            .collect()
    });
    static REST: LazyLock<Vec<CallName>> = LazyLock::new(|| {
        let methods = rest::METHODS.iter().map(Some).chain([None]);
        methods
            .flat_map(|method| {
                let routes = rest::ROUTES.into_iter().map(Some).chain([None]);
                routes.map(move |route| CallName {
                    text: match (method, route) {
                        (Some(method), Some(route)) => format!("{method} {route}"),
                        (None, Some(route)) => format!("unknown {route}"),
                        (Some(_) | None, None) => "unknown".to_owned(),
                    },
                    method: method.map_or(OTHER, |method| method.as_str()),
                    route: Some(route.unwrap_or(OTHER)),
                })
            })
            .collect()
    });
    match protocol {
        Protocol::Grpc => &GRPC,
        Protocol::Rest => &REST,
    }
}

/// Which of [`call_names`] a call has.
pub(crate) fn call_name<B>(protocol: Protocol, request: &Request<B>) -> usize {
    let path = request.uri().path();
    match protocol {
        Protocol::Grpc => grpc::method(path).unwrap_or(grpc::methods().len()),
        Protocol::Rest => {
            let routes = rest::ROUTES.len() + 1;
            let method = rest::METHODS.iter().position(|m| m == request.method());
            let route = rest::route(path);
            method.unwrap_or(rest::METHODS.len()) * routes + route.unwrap_or(routes - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(protocol: Protocol, method: &str, path: &str) -> (&'static str, &'static str) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(())
            .unwrap();
        let name = &call_names(protocol)[call_name(protocol, &request)];
        let rest = name.route.unwrap_or(name.method);
        (name.text.as_str(), rest)
    }

    #[test]
    fn a_call_has_a_name_of_ours_or_none() {
        let rpc = "vestibule.v1.AuthService/ValidLogin";
        let grpc = |path: &str| told(Protocol::Grpc, "POST", path);
        assert_eq!(grpc(&format!("/{rpc}")), (rpc, rpc));
        assert_eq!(grpc("/canary/Canary"), ("unknown", OTHER));

        let rest = |method, path| told(Protocol::Rest, method, path);
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
}
