//! The table as a whole.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::{
    domain::PasswordPolicy,
    transport::{access_policy::Policy, grantable},
};

fn document(min_length: usize) -> Value {
    let document = openapi::document(
        PasswordPolicy {
            min_length,
            min_strength: 0,
        },
        paths(),
    );
    serde_json::from_str(&document).unwrap()
}

#[test]
fn every_path_is_in_the_table_once_and_documented() {
    let document = document(8);
    let documented = document["paths"].as_object().unwrap();
    let documented: BTreeSet<_> = documented.keys().map(String::as_str).collect();
    let paths: BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
    assert_eq!(paths.len(), ROUTES.len());
    assert_eq!(documented, paths);
}

#[test]
fn a_route_has_the_policy_of_what_it_does() {
    let policy = |path: &str, method: &Method| {
        let route = &ROUTES[route_position(path).unwrap()];
        route.policy_of(Some(method))
    };
    let register = "vestibule.v1.AuthService/RegisterUser";
    let validate = "vestibule.v1.AuthService/ValidateSession";
    assert_eq!(policy("/", &Method::GET), Policy::Open);
    assert_eq!(policy("/users", &Method::POST), Policy::EndUser(register));
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(policy("/users/me", &method), Policy::Session(validate));
    }
    for (path, method) in [("/users", &Method::GET), ("/users/me", &Method::DELETE)] {
        assert_eq!(policy(path, method), Policy::Open, "the router refuses it");
    }
    assert!(
        [register, validate]
            .iter()
            .all(|rpc| grantable(rpc).is_some())
    );
}

/// (W24) A change of the contract is seen in review.
#[test]
fn the_document_is_as_it_was_reviewed() {
    let mut document = document(8);
    assert_eq!(document["openapi"], "3.1.0");
    let version = document["info"]["version"].take();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    insta::assert_json_snapshot!("openapi", document);
}

#[test]
fn the_shortest_password_is_that_of_the_policy_in_force() {
    let document = document(15);
    let password = &document["components"]["schemas"]["NewUser"]["properties"]["password"];
    assert_eq!(password["minLength"], 15);
}
