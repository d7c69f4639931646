//! The document at `/openapi.json` and the gateway must be one.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Map, Value, json};

use crate::harness::{PASSWORD, Reply, Server, email};

on_both_databases!(
    each_documented_operation_answers_and_no_other,
    what_is_answered_is_what_is_documented,
);

const METHODS: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

async fn document(app: &Server) -> Value {
    let reply = app.rest().get("/openapi.json").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json");
    reply.json()
}

/// (W24) `HEAD` is where `GET` is, as HTTP has it.
async fn each_documented_operation_answers_and_no_other(app: Server) {
    let document = document(&app).await;
    let rest = app.rest();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let mut documented: BTreeSet<String> = operations
            .as_object()
            .unwrap()
            .keys()
            .map(|method| method.to_uppercase())
            .collect();
        if documented.contains("GET") {
            documented.insert("HEAD".to_owned());
        }
        let address = path.replace("{id}", "me");
        for method in METHODS {
            let reply = rest.send(rest.request(method.as_str(), &address), "").await;
            if documented.contains(method.as_str()) {
                assert!(
                    ![404, 405].contains(&reply.status.as_u16()),
                    "{method} {path}"
                );
            } else {
                assert_eq!(reply.status, 405, "{method} {path}");
                if method != Method::HEAD {
                    assert_eq!(reply.reason(), "UNSUPPORTED");
                }
                let allowed = reply.header("allow").split(',').map(str::trim);
                let allowed: BTreeSet<_> = allowed.map(str::to_owned).collect();
                assert_eq!(allowed, documented, "{method} {path}");
            }
        }
    }
}

/// (W23) (W24) Status, media type, headers and members, of every status that a caller can cause.
async fn what_is_answered_is_what_is_documented(app: Server) {
    let document = document(&app).await;
    let rest = app.rest();
    let user = app.grpc().registered().await;
    let opened = app.grpc().open(&user.email, PASSWORD).await.unwrap();
    let long = "x".repeat(17_000);
    let posted = async |kind: &'static str, body: String| {
        let reply = rest.post("/users", kind, body).await;
        ("post", "/users", reply)
    };
    let good = json!({"email": email(), "password": PASSWORD}).to_string();
    let form = format!("email={}&password=a+canary+sings+at+nine", email());
    let answers = [
        ("get", "/", rest.get("/").await),
        ("get", "/openapi.json", rest.get("/openapi.json").await),
        ("get", "/", rest.get_as("vst_x", "/").await),
        posted("application/json", good.clone()).await,
        posted("application/json", good).await,
        posted("application/x-www-form-urlencoded", form).await,
        posted("application/json", json!({"email": "", "x": 1}).to_string()).await,
        posted("application/json", "{".to_owned()).await,
        posted("application/json", long.clone()).await,
        posted("text/plain", String::new()).await,
        (
            "put",
            "/users",
            rest.send(rest.request("PUT", "/users"), "").await,
        ),
        ("get", "/users/{id}", rest.get("/users/me").await),
        (
            "get",
            "/users/{id}",
            rest.get_as(&opened.session_token, "/users/me").await,
        ),
        (
            "get",
            "/users/{id}",
            rest.get_as(&opened.session_token, "/users/you").await,
        ),
        ("get", "/users/{id}", {
            let request = rest.request("GET", "/users/me").header("x-long", long);
            rest.send(request, "").await
        }),
    ];
    let mut seen = BTreeSet::new();
    for (method, path, reply) in &answers {
        seen.insert(reply.status.as_u16());
        let operations = &document["paths"][path];
        // Of a method that is not there, every operation of the path tells the answer.
        let any = operations.as_object().unwrap().values().next().unwrap();
        let operation = operations.get(method).unwrap_or(any);
        let response = &operation["responses"][reply.status.as_str()];
        assert_documented(&document, response, reply);
    }
    let causable = [200, 201, 400, 401, 404, 405, 409, 413, 415, 431];
    assert_eq!(seen, BTreeSet::from(causable));
}

fn assert_documented(document: &Value, response: &Value, reply: &Reply) {
    let status = reply.status;
    let content = response["content"].as_object();
    let content = content.unwrap_or_else(|| panic!("{status} is not documented"));
    let media_type = &content[reply.header("content-type")];
    for name in response["headers"].as_object().unwrap().keys() {
        assert!(!reply.header(name).is_empty(), "{status} without {name}");
    }
    let body = reply.json();
    if !status.is_success() {
        let [problem, this] = &media_type["schema"]["allOf"].as_array().unwrap()[..] else {
            panic!("{media_type}");
        };
        assert_members(document, problem, &body);
        for member in ["status", "reason"] {
            let values = this["properties"][member]["enum"].as_array().unwrap();
            assert!(values.contains(&body[member]), "{status} {member}");
        }
    } else if media_type["schema"].get("$ref").is_some() {
        assert_members(document, &media_type["schema"], &body);
    }
}

/// The members are exactly those of the schema, and all of them are required there.
fn assert_members(document: &Value, schema: &Value, body: &Value) {
    let pointer = schema["$ref"].as_str().unwrap().trim_start_matches('#');
    let schema = document.pointer(pointer).unwrap();
    let told = names(body.as_object().unwrap());
    assert_eq!(told, names(schema["properties"].as_object().unwrap()));
    let required = schema["required"].as_array().unwrap().iter();
    let required: BTreeSet<_> = required.filter_map(Value::as_str).collect();
    assert_eq!(told, required);
}

fn names(members: &Map<String, Value>) -> BTreeSet<&str> {
    members.keys().map(String::as_str).collect()
}
