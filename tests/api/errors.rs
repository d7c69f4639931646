//! What an error tells a machine, and that one bad call is one bad call.

use tonic::{Code, Request};
use vestibule::proto::v1::{ClientInfo, RegisterUserRequest};

use crate::harness::{Database, Fault, HandlerGate, Server, frame};

on_both_databases!(
    every_error_says_why_in_a_form_for_machines,
    every_fault_of_a_registration_is_told_at_once,
    a_panic_in_a_handler_fails_one_call,
    a_call_id_is_kept_where_it_is_good_and_made_where_it_is_not,
);

/// (W9) (L3) What must be true of every error is asserted wherever the tests decode one; here are
/// those that no other test meets.
async fn every_error_says_why_in_a_form_for_machines(app: Server) {
    let wire = app.wire();
    let meanings = [
        (
            app.wire().call("RegisterUser", &[0xFF; 9]).await,
            Code::InvalidArgument,
            "MALFORMED_REQUEST",
        ),
        (
            app.wire().call("NoSuchMethod", &[]).await,
            Code::Unimplemented,
            "UNSUPPORTED",
        ),
        (
            app.wire()
                .send(wire.request("/nobody.v1.NoService/Do"), frame(&[]))
                .await,
            Code::Unimplemented,
            "UNSUPPORTED",
        ),
        (
            app.wire().call("ValidateSession", &vec![0; 70_000]).await,
            Code::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
        ),
    ];
    for (reply, code, reason) in meanings {
        assert_eq!(Fault::of(&reply.grpc_status()).meaning(), (code, reason));
    }
}

/// (W10) Three bad fields, one answer; what only informs has no fault.
async fn every_fault_of_a_registration_is_told_at_once(app: Server) {
    let request = RegisterUserRequest {
        email: "nobody".into(),
        password: "short\n".into(),
        request_id: "7".into(),
        client: Some(ClientInfo {
            ip: "here".into(),
            user_agent: String::new(),
        }),
    };
    let fault = Fault::from(app.grpc().register_user(request).await);
    let fields: Vec<_> = fault.faults().into_iter().map(|(field, _)| field).collect();
    for field in ["email", "password", "request_id"] {
        assert!(fields.contains(&field), "{fault:?}");
    }
    let reply = app
        .rest()
        .post(
            "/users",
            "application/json",
            r#"{"email":"x","password":"y","z":1,"a":{}}"#,
        )
        .await;
    assert_eq!(reply.reason(), "INVALID_INPUT");
    assert_eq!(reply.faults().len(), 4);
}

/// (C5) In every RPC and route, each followed by a good call.
async fn a_panic_in_a_handler_fails_one_call(database: Database) {
    let gate = HandlerGate::default();
    let app = Server::on(database).await.handler_gate(&gate).start().await;
    for method in [
        "RegisterUser",
        "ValidLogin",
        "CreateSession",
        "ValidateSession",
        "RevokeSession",
    ] {
        gate.break_next(&format!("/vestibule.v1.AuthService/{method}"));
        let broken = app.wire().call(method, &[]).await;
        assert_eq!(
            Fault::of(&broken.grpc_status()).meaning(),
            (Code::Internal, "INTERNAL")
        );
        let next = app.wire().call(method, &[]).await;
        assert_eq!(Fault::of(&next.grpc_status()).reason, "INVALID_INPUT");
    }
    for (method, path) in [("GET", "/"), ("POST", "/users"), ("GET", "/users/me")] {
        gate.break_next(&format!("{method} {path}"));
        let broken = app.rest().send(app.rest().request(method, path), "").await;
        assert_eq!(
            (broken.status.as_u16(), broken.reason()),
            (500, "INTERNAL".to_owned())
        );
        let next = app.rest().send(app.rest().request(method, path), "").await;
        assert!(!next.status.is_server_error(), "{next:?}");
    }
}

async fn a_call_id_is_kept_where_it_is_good_and_made_where_it_is_not(app: Server) {
    let long = "x".repeat(64);
    let too_long = "x".repeat(65);
    for (sent, kept) in [
        ("018c2e65-4b7e", true),
        ("A.z_0-9", true),
        (&long, true),
        (&too_long, false),
        ("a b", false),
        ("<script>", false),
        ("", false),
    ] {
        let reply = app
            .rest()
            .send(
                app.rest()
                    .request("GET", "/users/me")
                    .header("x-request-id", sent),
                "",
            )
            .await;
        assert_eq!(reply.header("x-request-id") == sent, kept, "{sent:?}");
        assert_eq!(reply.json()["request_id"], reply.header("x-request-id"));

        let mut request = Request::new(RegisterUserRequest::default());
        request
            .metadata_mut()
            .insert("x-request-id", sent.parse().unwrap());
        let fault = Fault::from(app.grpc().register_user(request).await);
        assert_eq!(fault.request_id.unwrap() == sent, kept, "{sent:?}");
    }
    let good = app.rest().get("/").await;
    assert!(!good.header("x-request-id").is_empty());
}
