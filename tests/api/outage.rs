//! A database that is slow, away or in the way: every call ends in time, with an answer that is right
//! or says when to come back, and everything is as before once it is back.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use tokio::{
    sync::watch,
    task::{JoinSet, block_in_place},
    time::{Instant, timeout},
};
use tonic::{Code, Status};
use uuid::Uuid;
use vestibule::{
    domain::{SessionId, SessionToken},
    proto::v1::{CreateSessionRequest, SessionStatus},
};

use crate::harness::{
    Client, Database, Fault, Link, NOT_SERVING, PASSWORD, Plan, Postgres, Server, Store,
    assert_within, behind_proxy, email, figure, number, scale, within,
};

const LIMIT: Duration = Duration::from_mins(1);

/// What a call may answer while the database is in trouble: nothing but that it should come back.
fn assert_away(status: &Status) {
    let fault = Fault::of(status);
    assert_eq!(fault.code, Code::Unavailable, "{fault:?}");
    assert!(["UNAVAILABLE", "OVERLOADED"].contains(&fault.reason.as_str()));
    assert!(fault.retry_after.is_some());
}

/// Takes an answer, which must be right, or a refusal, which must be one of the database's.
fn accept<T>(outcome: Result<T, Status>, is_right: impl FnOnce(T) -> bool) -> bool {
    match outcome {
        Ok(answer) => {
            assert!(is_right(answer), "a wrong answer");
            true
        }
        Err(status) => {
            assert_away(&status);
            false
        }
    }
}

/// What one client does and learns until it is told to stop.
async fn load(
    client: Client,
    token: String,
    address: String,
    stop: watch::Receiver<bool>,
) -> (usize, usize, Vec<String>) {
    let (mut right, mut away, mut registered) = (0, 0, Vec::new());
    while !*stop.borrow() {
        let fresh = email();
        let made = client.register(&fresh, PASSWORD).await;
        let outcomes = [
            accept(made, |user| {
                registered.push(user.email);
                true
            }),
            accept(client.login(&address, PASSWORD).await, |answer| {
                answer.valid
            }),
            accept(
                client.login(&email(), "a canary sings at ten").await,
                |answer| !answer.valid,
            ),
            accept(client.validate(&token).await, |answer| {
                answer.status() == SessionStatus::Active
            }),
        ];
        right += outcomes.iter().filter(|right| **right).count();
        away += outcomes.iter().filter(|right| !**right).count();
    }
    (right, away, registered)
}

/// (S1) (W8) (T8) Postgres is stopped under the load of eight clients until readiness is off, 60 s
/// for the scorecard: UNAVAILABLE, never a wrong answer, live throughout, ready again within five
/// seconds, and no user that was acknowledged is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_postgres_makes_calls_unavailable_and_nothing_wrong() {
    if !Postgres::is_here() {
        return;
    }
    let cluster = block_in_place(Postgres::start);
    let store = Store::postgres(cluster.url("postgres"));
    let app = Plan::over(store.into()).start().await;
    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    let (stop, stopped) = watch::channel(false);
    let clients: JoinSet<_> = (0..8)
        .map(|_| {
            load(
                app.another_grpc(),
                token.clone(),
                user.email.clone(),
                stopped.clone(),
            )
        })
        .collect();

    block_in_place(|| cluster.stop());
    app.health().await_status("", NOT_SERVING).await;
    let reply = app.operations().get("/readyz").await;
    assert_eq!(
        (reply.status.as_u16(), reply.json()["check"].as_str()),
        (503, Some("database"))
    );
    assert_eq!(app.operations().get("/livez").await.status, 200);
    tokio::time::sleep(Duration::from_secs(scale(0, 57) as u64)).await;
    block_in_place(|| cluster.start_again());
    let start = Instant::now();
    app.health().await_serving("").await;
    let back = start.elapsed();
    assert_within(back, Duration::from_secs(5));
    assert!(app.grpc().is_valid(&user.email, PASSWORD).await);

    stop.send_replace(true);
    let results = within(LIMIT, "the clients end", clients.join_all()).await;
    let (mut right, mut away) = (0, 0);
    for (of_right, of_away, registered) in results {
        right += of_right;
        away += of_away;
        for address in registered {
            assert!(
                app.grpc().is_valid(&address, PASSWORD).await,
                "an acknowledged user is lost"
            );
        }
    }
    assert!(away > 0);
    figure(
        "S1",
        format_args!("{right} right, {away} unavailable, 0 wrong, back in {back:?}"),
    );
}

/// (S2) (T8) Two seconds of latency, packets dropped, the connection cut in the middle of a query:
/// every call ends by its deadline, half a second more at most, and none says that a password is
/// wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_by_its_deadline_whatever_the_network_does() {
    if !Postgres::is_here() {
        return;
    }
    let (app, proxy, _) = behind_proxy(|plan| plan).await;
    let user = app.grpc().registered().await;
    let request = |password: &str| CreateSessionRequest {
        email: user.email.clone(),
        password: password.into(),
        client: None,
    };
    for link in [Link::Slow(Duration::from_secs(2)), Link::Stalled] {
        proxy.set(link);
        for password in [PASSWORD, "a canary sings at ten"] {
            let start = Instant::now();
            let reply = app
                .wire()
                .ask_within("300m", "CreateSession", &request(password))
                .await;
            let took = start.elapsed();
            let fault = Fault::of(&reply.grpc_status());
            assert_eq!(
                fault.meaning(),
                (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
            );
            assert_within(took, Duration::from_millis(800));
            figure("S2", format_args!("300 ms with {link:?}: {took:?}"));
        }
    }
    // A query is under way on a stalled network when that goes down.
    let client = app.grpc();
    let address = user.email.clone();
    let cut = tokio::spawn(async move { client.open(&address, PASSWORD).await });
    proxy.set(Link::Down);
    assert_away(&cut.await.unwrap().unwrap_err());
    for password in [PASSWORD, "a canary sings at ten"] {
        assert_away(&app.grpc().open(&user.email, password).await.unwrap_err());
        assert_away(&app.grpc().login(&user.email, password).await.unwrap_err());
    }
    proxy.set(Link::Up);
    app.health().await_serving("").await;
    assert!(app.grpc().is_valid(&user.email, PASSWORD).await);
}

/// Connections that vanished without a word hold the checks that they were asked, and not those that
/// come later, which have the rest of the pool.
#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_connection_holds_up_no_other_check() {
    if !Postgres::is_here() {
        return;
    }
    let (app, proxy, _) = behind_proxy(|plan| {
        plan.settings(|settings| {
            settings.db.max_connections = 20;
            settings.server.request_timeout = LIMIT;
        })
    })
    .await;
    let user = app.grpc().registered().await;
    let opened = app.grpc().open(&user.email, PASSWORD).await.unwrap();
    proxy.strand();
    let mut held = JoinSet::new();
    // Each of the stranded connections may hold one.
    let answered = within(LIMIT / 2, "a check is answered", async {
        loop {
            let (client, token) = (app.another_grpc(), opened.session_token.clone());
            held.spawn(async move { client.validate(&token).await });
            let patience = Duration::from_millis(400);
            if let Ok(Some(Ok(Ok(answer)))) = timeout(patience, held.join_next()).await {
                return answer;
            }
        }
    });
    assert_eq!(answered.await.status(), SessionStatus::Active);
}

/// A statement that another session holds up is given up by Postgres itself, long before its caller's
/// deadline; what was asked has not happened.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_given_up() {
    if !Postgres::is_here() {
        return;
    }
    let plan = Server::on(Database::Postgres).await;
    let plan = plan.settings(|settings| {
        settings.db.statement_timeout = Duration::from_millis(300);
        settings.server.request_timeout = LIMIT;
    });
    let app = plan.start().await;
    let user = app.grpc().registered().await;
    let token = SessionToken::new(SessionId::new(Uuid::nil()), [7; 32]).expose();
    let sql = app.sql().await;
    let lock = "BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE";
    sql.execute_unprepared(lock).await.unwrap();
    assert_away(&app.grpc().validate(&token).await.unwrap_err());
    assert_away(&app.grpc().open(&user.email, PASSWORD).await.unwrap_err());
    sql.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(app.grpc().verdict(&token).await, SessionStatus::NotFound);
    assert_eq!(number(&sql, "SELECT COUNT(*) FROM sessions").await, 0);
}

/// (T8) SQLite's counterpart: another process writes to the file and does not stop. Logins that only
/// read are answered, those that write end by their deadline, and nothing is written for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_holds_writers_to_their_deadline_and_readers_not_at_all() {
    let app = Server::start(Database::Sqlite).await;
    let user = app.grpc().registered().await;
    let sql = app.sql().await;
    sql.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    assert!(app.grpc().is_valid(&user.email, PASSWORD).await);
    let request = CreateSessionRequest {
        email: user.email.clone(),
        password: PASSWORD.into(),
        client: None,
    };
    let reply = app
        .wire()
        .ask_within("300m", "CreateSession", &request)
        .await;
    assert_eq!(Fault::of(&reply.grpc_status()).reason, "DEADLINE_EXCEEDED");
    sql.execute_unprepared("ROLLBACK").await.unwrap();
    app.grpc().open(&user.email, PASSWORD).await.unwrap();
    assert_eq!(number(&sql, "SELECT COUNT(*) FROM sessions").await, 1);
}
