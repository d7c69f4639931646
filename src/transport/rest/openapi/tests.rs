//! The document as a whole.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{super::ROUTES, *};

fn parsed() -> Value {
    let document = document(PasswordPolicy { min_length: 8 });
    serde_json::from_str(&document).unwrap()
}

#[test]
fn every_route_is_documented_and_nothing_else() {
    let document = parsed();
    let paths = document["paths"].as_object().unwrap();
    let paths: BTreeSet<_> = paths.keys().map(String::as_str).collect();
    assert_eq!(paths, BTreeSet::from(ROUTES));
}

/// (W24) A change of the contract is seen in review.
#[test]
fn the_document_is_as_it_was_reviewed() {
    let mut document = parsed();
    assert_eq!(document["openapi"], "3.1.0");
    let version = document["info"]["version"].take();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    insta::assert_json_snapshot!("openapi", document);
}

#[test]
fn the_shortest_password_is_the_one_in_force() {
    let document = document(PasswordPolicy { min_length: 15 });
    let document: Value = serde_json::from_str(&document).unwrap();
    let password = &document["components"]["schemas"]["NewUser"]["properties"]["password"];
    assert_eq!(password["minLength"], 15);
}
