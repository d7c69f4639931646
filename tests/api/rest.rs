//! The REST gateway: the seed's routes, and an answer to everything else.

mod cross_origin;
mod hosts;

use http::StatusCode;
use serde_json::json;
use vestibule::proto::v1::SessionStatus;

use crate::harness::{PASSWORD, Reply, Server, email};

on_both_databases!(
    the_seeds_first_page_says_welcome,
    a_user_is_registered_with_json_and_with_a_form,
    a_session_shows_its_own_user,
    no_session_shows_no_user,
    what_is_not_there_is_a_problem,
    only_the_declared_media_types_are_read,
    browsers_get_no_cookie_and_no_permission,
    the_proof_is_a_bearer_token_in_one_header,
    a_session_is_ignored_where_no_proof_is_needed,
);

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn assert_guarded(reply: &Reply) {
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("set-cookie"), "");
    let cors = reply
        .headers
        .keys()
        .find(|name| name.as_str().starts_with("access-control"));
    assert!(cors.is_none(), "{cors:?}");
}

async fn the_seeds_first_page_says_welcome(app: Server) {
    let reply = app.rest().get("/").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.text(), r#"{"message":"Bienvenue"}"#);
    assert_eq!(reply.header("content-type"), JSON);
    assert_guarded(&reply);
}

/// (W22) 201, a Location that resolves, and no password in the answer.
async fn a_user_is_registered_with_json_and_with_a_form(app: Server) {
    for kind in [JSON, FORM] {
        let address = email();
        let body = match kind {
            JSON => json!({"email": address, "password": PASSWORD}).to_string(),
            _ => format!(
                "email={}&password={}",
                address.replace('@', "%40"),
                PASSWORD.replace(' ', "+")
            ),
        };
        let reply = app.rest().post("/users", kind, body).await;
        assert_eq!(reply.status, StatusCode::CREATED);
        assert_guarded(&reply);
        assert!(!reply.text().contains(PASSWORD));
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(
            reply.json(),
            json!({"id": id, "email": address, "message": "user created"})
        );

        let location = reply.header("location");
        assert_eq!(location, format!("/users/{id}"));
        let token = app
            .grpc()
            .open(&address, PASSWORD)
            .await
            .unwrap()
            .session_token;
        assert_eq!(app.rest().get_as(&token, location).await.json()["id"], id);

        let again = app.rest().register(&address, PASSWORD).await;
        assert_eq!(
            (again.status, again.reason()),
            (StatusCode::CONFLICT, "EMAIL_TAKEN".into())
        );
        assert_eq!(again.json()["message"], "email already registered");
    }
}

async fn a_session_shows_its_own_user(app: Server) {
    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    let me = app.rest().get_as(&token, "/users/me").await;
    assert_eq!(me.status, StatusCode::OK);
    assert_guarded(&me);
    assert_eq!(
        me.json(),
        app.rest()
            .get_as(&token, &format!("/users/{}", user.id))
            .await
            .json()
    );
    let told = me.json();
    assert_eq!(
        (&told["id"], &told["email"], &told["status"]),
        (&json!(user.id), &json!(user.email), &json!("active"))
    );
    for instant in ["created_at", "updated_at"] {
        let text = told[instant].as_str().unwrap();
        let read = chrono::DateTime::parse_from_rfc3339(text).unwrap();
        assert!(text.ends_with('Z'));
        assert_eq!(read.timestamp(), user.created_at.unwrap().seconds);
    }
    assert_eq!(told.as_object().unwrap().len(), 5);
}

async fn no_session_shows_no_user(app: Server) {
    let reply = app.rest().get("/users/me").await;
    assert_eq!(
        (reply.status, reply.reason()),
        (StatusCode::UNAUTHORIZED, "SESSION_INVALID".into())
    );
    assert_eq!(reply.header("www-authenticate"), "Bearer");

    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    app.grpc().revoke(&token).await.unwrap();
    assert_eq!(
        app.rest().get_as(&token, "/users/me").await.reason(),
        "SESSION_INVALID"
    );
}

/// (W23) 404, 405, 413 and 415 too.
async fn what_is_not_there_is_a_problem(app: Server) {
    let rest = app.rest();
    for path in [
        "/nothing",
        "/users/",
        "/users/x/y",
        "//users",
        "/USERS",
        "/vestibule.v1.AuthService/ValidLogin",
        "/openapi.json/",
    ] {
        let reply = rest.get(path).await;
        assert_eq!(
            (reply.status, reply.reason()),
            (StatusCode::NOT_FOUND, "UNSUPPORTED".into()),
            "{path}"
        );
        assert_guarded(&reply);
    }
    for (method, path, allow) in [
        ("DELETE", "/users", "POST"),
        ("PUT", "/", "GET"),
        ("POST", "/users/me", "GET"),
        ("BREW", "/users", "POST"),
        ("OPTIONS", "/users", "POST"),
    ] {
        let reply = rest.send(rest.request(method, path), "").await;
        assert_eq!(
            (reply.status, reply.reason()),
            (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED".into()),
            "{method} {path}"
        );
        assert!(reply.header("allow").contains(allow), "{method} {path}");
    }
    let reply = rest.post("/users", JSON, vec![b' '; 16 * 1024 + 1]).await;
    assert_eq!(
        (reply.status, reply.reason()),
        (StatusCode::PAYLOAD_TOO_LARGE, "MESSAGE_TOO_LARGE".into())
    );
    let reply = rest
        .send(
            rest.request("GET", "/")
                .header("x-long", "x".repeat(17_000)),
            "",
        )
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason()),
        (431, "MESSAGE_TOO_LARGE".into())
    );
    let head = rest.send(rest.request("HEAD", "/"), "").await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
}

async fn only_the_declared_media_types_are_read(app: Server) {
    let body = json!({"email": email(), "password": PASSWORD}).to_string();
    for kind in [
        "text/plain",
        "text/json",
        "application/jsonp",
        "multipart/form-data; boundary=x",
        "application/grpc",
        "",
        "application/xml",
    ] {
        let reply = app.rest().post("/users", kind, body.clone()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.reason()),
            (415, "UNSUPPORTED".into()),
            "{kind}"
        );
    }
    let none = app
        .rest()
        .send(app.rest().request("POST", "/users"), body)
        .await;
    assert_eq!(none.status.as_u16(), 415);
    assert_eq!(app.store.rows("users").await, 0);
}

async fn browsers_get_no_cookie_and_no_permission(app: Server) {
    let rest = app.rest();
    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    let request = rest
        .request("GET", "/users/me")
        .header("cookie", format!("session={token}"));
    let reply = rest
        .send(request.header("origin", "https://example.com"), "")
        .await;
    assert_eq!(reply.reason(), "SESSION_INVALID");
    assert_guarded(&reply);
    assert_eq!(app.grpc().verdict(&token).await, SessionStatus::Active);
}

async fn the_proof_is_a_bearer_token_in_one_header(app: Server) {
    let rest = app.rest();
    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    for (value, status) in [
        (format!("Bearer {token}"), 200),
        (format!("bearer {token}"), 200),
        (format!("Basic {token}"), 401),
        (token.clone(), 401),
        ("Bearer".to_owned(), 401),
        (format!("Bearer {token}, Bearer {token}"), 401),
    ] {
        let reply = rest
            .send(
                rest.request("GET", "/users/me")
                    .header("authorization", &value),
                "",
            )
            .await;
        assert_eq!(
            reply.status.as_u16(),
            status,
            "{}",
            value.replace(&token, "…")
        );
    }
    let bearer = format!("Bearer {token}");
    let twice = rest
        .request("GET", "/users/me")
        .header("authorization", &bearer)
        .header("authorization", &bearer);
    assert_eq!(rest.send(twice, "").await.reason(), "SESSION_INVALID");
    let query = rest.get(&format!("/users/me?session_token={token}")).await;
    assert_eq!(query.reason(), "SESSION_INVALID");
}

/// A client of users sends its session with every request.
async fn a_session_is_ignored_where_no_proof_is_needed(app: Server) {
    let rest = app.rest();
    let user = app.grpc().registered().await;
    let opened = app.grpc().open(&user.email, PASSWORD).await.unwrap();
    for session in [&*opened.session_token, "vst_that_is_over"] {
        for path in ["/", "/openapi.json"] {
            assert_eq!(rest.get_as(session, path).await.status, 200, "{path}");
        }
        let register = rest
            .request("POST", "/users")
            .header("content-type", JSON)
            .header("authorization", format!("Bearer {session}"));
        let body = json!({"email": email(), "password": PASSWORD});
        assert_eq!(rest.send(register, body.to_string()).await.status, 201);
    }
}
