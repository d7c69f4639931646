//! The table of routes: the router, the names and policies of calls and the paths of
//! `/openapi.json` follow from it.

use axum::{
    Json, Router, middleware,
    routing::{MethodRouter, get, post},
};
use bytes::Bytes;
use http::{Method, header::CONTENT_TYPE};
use utoipa::openapi::{HttpMethod, Paths, path::Operation};

use super::{
    answers::Welcome,
    openapi::{self, operations},
    origin::refuse_foreign,
    users,
};
use crate::{auth::Auth, transport::access_policy::Policy};

/// A path with its one method.
pub(crate) struct Route {
    /// The template, such as `/users/{id}`.
    pub(crate) path: &'static str,
    method: RouteMethod,
    /// A route does what an RPC does, and is granted with it.
    policy: Policy,
    handler: fn(&Auth) -> MethodRouter<Auth>,
    operation: fn() -> Operation,
}

#[derive(Clone, Copy)]
enum RouteMethod {
    /// HEAD as well.
    Get,
    Post,
}

pub(crate) static ROUTES: [Route; 4] = [
    Route {
        path: "/",
        method: RouteMethod::Get,
        policy: Policy::Open,
        handler: |_| get(welcome),
        operation: operations::welcome,
    },
    Route {
        path: "/users",
        method: RouteMethod::Post,
        policy: Policy::EndUser("vestibule.v1.AuthService/RegisterUser"),
        handler: |_| post(users::register_user),
        operation: operations::register_user,
    },
    Route {
        path: "/users/{id}",
        method: RouteMethod::Get,
        policy: Policy::Session("vestibule.v1.AuthService/ValidateSession"),
        handler: |_| get(users::find_user),
        operation: operations::find_user,
    },
    Route {
        path: "/openapi.json",
        method: RouteMethod::Get,
        policy: Policy::Open,
        handler: openapi_json,
        operation: operations::openapi_json,
    },
];

/// The gateway's routes over the use cases. The edge gives their answers the final form.
pub fn router(auth: Auth) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        let handler = (route.handler)(&auth);
        router.route(
            route.path,
            match route.method {
                RouteMethod::Get => handler,
                RouteMethod::Post => handler.layer(middleware::from_fn(refuse_foreign)),
            },
        )
    });
    routes.with_state(auth)
}

impl Route {
    /// Who may call the route with a method; `None` is a method without a name.
    pub(crate) fn policy_of(&self, method: Option<&Method>) -> Policy {
        match (self.method, method) {
            (RouteMethod::Get, Some(&Method::GET | &Method::HEAD))
            | (RouteMethod::Post, Some(&Method::POST)) => self.policy,
            // The router refuses every other method, and says which it has: 405 and `Allow`.
            (RouteMethod::Get | RouteMethod::Post, _) => Policy::Open,
        }
    }

    fn takes(&self, path: &str) -> bool {
        let (mut template, mut parts) = (self.path.split('/'), path.split('/'));
        loop {
            match (template.next(), parts.next()) {
                (None, None) => return true,
                (Some(name), Some(part)) if name == part => {}
                (Some(name), Some(part)) if name.starts_with('{') && !part.is_empty() => {}
                (Some(_) | None, Some(_) | None) => return false,
            }
        }
    }
}

/// The place among [`ROUTES`] of the route that a path takes, whatever the method.
pub(crate) fn route_position(path: &str) -> Option<usize> {
    ROUTES.iter().position(|route| route.takes(path))
}

fn openapi_json(auth: &Auth) -> MethodRouter<Auth> {
    let document = openapi::document(auth.password_policy(), paths());
    let document = Bytes::from(document);
    get(async || ([(CONTENT_TYPE, "application/json")], document))
}

fn paths() -> Paths {
    let mut paths = Paths::new();
    for route in &ROUTES {
        let method = match route.method {
            RouteMethod::Get => HttpMethod::Get,
            RouteMethod::Post => HttpMethod::Post,
        };
        paths.add_path_operation(route.path, vec![method], (route.operation)());
    }
    paths
}

async fn welcome() -> Json<Welcome> {
    Json(Welcome {
        message: "Bienvenue",
    })
}

#[cfg(test)]
mod tests;
