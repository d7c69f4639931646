//! Bad input to `AccountService` is told all at once, and costs neither a hash nor a row.

use vestibule::proto::v1::{
    ChangePasswordRequest, ClientInfo, RequestEmailChangeRequest, RequestPasswordResetRequest,
    ResetPasswordRequest,
};

use crate::harness::{Database, Fault, HashGate, SERVING, Server, WireReply};

on_both_databases!(
    every_fault_is_told_at_once_before_any_work,
    the_service_has_a_health_of_its_own,
);

fn faults(reply: &WireReply) -> Vec<(String, String)> {
    let fault = Fault::of(&reply.grpc_status());
    assert_eq!(fault.reason, "INVALID_INPUT");
    fault.violations
}

fn pairs(told: &[(&str, &str)]) -> Vec<(String, String)> {
    told.iter()
        .map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned()))
        .collect()
}

/// (W10) A faulty field comes before a proof that is none: nothing is asked for it.
async fn every_fault_is_told_at_once_before_any_work(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let wire = app.wire();
    let client = || {
        Some(ClientInfo {
            ip: "here".into(),
            user_agent: String::new(),
        })
    };
    let change = ChangePasswordRequest {
        session_token: "x".into(),
        current_password: String::new(),
        new_password: "short\n".into(),
        client: client(),
    };
    let told = wire.ask("AccountService/ChangePassword", &change);
    assert_eq!(
        faults(&told.await),
        pairs(&[
            ("current_password", "PASSWORD_TOO_SHORT"),
            ("new_password", "PASSWORD_TOO_SHORT"),
            ("new_password", "INVALID_FIELD"),
        ])
    );
    let reset = ResetPasswordRequest {
        reset_token: String::new(),
        new_password: "p".repeat(2000),
        client: client(),
    };
    let told = wire.ask("AccountService/ResetPassword", &reset);
    assert_eq!(
        faults(&told.await),
        pairs(&[("new_password", "PASSWORD_TOO_LONG"),])
    );
    let change = RequestEmailChangeRequest {
        session_token: "x".into(),
        current_password: "a\0".into(),
        new_email: "nobody".into(),
        client: None,
    };
    let told = wire.ask("AccountService/RequestEmailChange", &change);
    assert_eq!(
        faults(&told.await),
        pairs(&[
            ("current_password", "INVALID_FIELD"),
            ("new_email", "INVALID_EMAIL"),
        ])
    );
    let ask = RequestPasswordResetRequest {
        email: String::new(),
        client: client(),
    };
    for method in ["RequestPasswordReset", "RequestEmailVerification"] {
        let method = format!("AccountService/{method}");
        assert_eq!(
            faults(&wire.ask(&method, &ask).await),
            pairs(&[("email", "INVALID_EMAIL")])
        );
    }
    let huge = wire
        .call("AccountService/GetAccount", &vec![0; 70_000])
        .await;
    let fault = Fault::of(&huge.grpc_status());
    assert_eq!(fault.reason, "MESSAGE_TOO_LARGE");
    assert_eq!(gate.started(), 0);
    assert_eq!(app.store.rows("events").await, 0);
}

async fn the_service_has_a_health_of_its_own(app: Server) {
    let health = app.health().check("vestibule.v1.AccountService").await;
    assert_eq!(health, Ok(SERVING));
}
