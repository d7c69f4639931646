//! A database that is slow, full, away or in the way: every call ends in time, with an answer that is
//! right or says when to come back, and everything is as before once it is back.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tokio::{
    sync::watch,
    task::{JoinSet, block_in_place},
    time::{Instant, timeout},
};
use tonic::{Code, Status};
use vestibule::proto::v1::{CreateSessionRequest, RevokeSessionRequest, SessionStatus};

use crate::harness::{
    Client, Database, Fault, Link, NOT_SERVING, PASSWORD, Plan, Postgres, Proxy, Store, TestApp,
    email, eventually, figure, scale, within,
};

const LIMIT: Duration = Duration::from_secs(60);

/// An application whose way to Postgres a test breaks.
async fn behind_proxy(change: impl FnOnce(Plan) -> Plan) -> (TestApp, Proxy, Store) {
    let direct = Store::new(Database::Postgres).await;
    let proxy = Proxy::before(Postgres::shared().socket()).await;
    let plan = Plan::over(Arc::new(direct.through(&proxy)));
    (change(plan).start().await, proxy, direct)
}

async fn number(sql: &DatabaseConnection, question: &str) -> i64 {
    let statement = Statement::from_string(sql.get_database_backend(), question);
    let row = sql.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

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
        let taken = client.register(&fresh, PASSWORD).await;
        let outcomes = [
            accept(taken, |user| {
                registered.push(user.email);
                true
            }),
            accept(client.login(&address, PASSWORD).await, |answer| {
                answer.valid
            }),
            accept(
                client.login(&address, "a canary sings at ten").await,
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

/// (S1) (8) (T8) Postgres is stopped under the load of eight clients until readiness is off, 60 s
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
    assert!(back < Duration::from_secs(5), "{back:?}");
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
            assert!(took < Duration::from_millis(800), "{took:?} with {link:?}");
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

/// (T8) SQLite's counterpart: another process writes to the file and does not stop. Logins that only
/// read are answered, those that write end by their deadline, and nothing is written for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_holds_writers_to_their_deadline_and_readers_not_at_all() {
    let app = TestApp::start(Database::Sqlite).await;
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

on_both_databases!(
    a_small_pool_answers_or_refuses_everybody_in_time,
    cancelled_calls_leave_no_connection_behind,
    writers_in_each_others_way_all_succeed,
);

/// (S3) 500 callers: of Postgres with a pool of two behind 20 ms of latency, of SQLite with its one
/// writer held by another process for the first of them.
async fn a_small_pool_answers_or_refuses_everybody_in_time(database: Database) {
    let acquire = Duration::from_millis(500);
    let small = |plan: Plan| {
        plan.settings(|settings| {
            settings.db.max_connections = 2;
            settings.db.acquire_timeout = acquire;
        })
    };
    let (app, proxy) = match database {
        Database::Sqlite => (small(TestApp::on(database).await).start().await, None),
        Database::Postgres => {
            let (app, proxy, _) = behind_proxy(small).await;
            (app, Some(proxy))
        }
    };
    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    let held = match &proxy {
        Some(proxy) => {
            proxy.set(Link::Slow(Duration::from_millis(20)));
            None
        }
        None => {
            let sql = app.sql().await;
            sql.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
            Some(sql)
        }
    };
    let clients: Vec<_> = (0..5).map(|_| app.another_grpc()).collect();
    let calls: JoinSet<_> = (0..500)
        .map(|n| {
            let mut client = clients[n % 5].clone();
            let request = RevokeSessionRequest {
                session_token: token.clone(),
            };
            async move { client.revoke_session(request).await }
        })
        .collect();
    let start = Instant::now();
    if let Some(sql) = held {
        // Longer than a caller waits for a connection: all but one are refused.
        eventually("somebody is refused", async || {
            start.elapsed() > 2 * acquire
        })
        .await;
        sql.execute_unprepared("ROLLBACK").await.unwrap();
    }
    let outcomes = within(LIMIT, "everybody has an answer", calls.join_all()).await;
    let drained = start.elapsed();
    let refused: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    for status in &refused {
        assert_eq!(
            Fault::of(status).meaning(),
            (Code::Unavailable, "OVERLOADED")
        );
    }
    assert!((1..500).contains(&refused.len()), "{}", refused.len());
    assert!(
        drained < acquire * 2 + Duration::from_secs(4),
        "{drained:?}"
    );
    if let Some(proxy) = &proxy {
        proxy.set(Link::Up);
    }
    assert_eq!(app.grpc().verdict(&token).await, SessionStatus::Revoked);
    figure(
        "S3",
        format_args!(
            "{} of 500 refused, all answered in {drained:?}",
            refused.len()
        ),
    );
}

/// One call of some kind, given up after so many milliseconds.
async fn give_up(client: &Client, n: usize, address: &str, token: &str) {
    let patience = Duration::from_millis((n * 7_919 % 51) as u64);
    let fresh = email();
    let call = async {
        match n % 4 {
            0 => drop(client.register(&fresh, PASSWORD).await),
            1 => drop(client.open(address, PASSWORD).await),
            2 => drop(client.revoke(token).await),
            _ => drop(client.validate(token).await),
        }
    };
    let _ = timeout(patience, call).await;
}

/// (S5) 600 calls in CI, 10,000 for the scorecard, of 16 clients, given up after 0 to 50 ms; a
/// Postgres is 20 ms away. No connection stays in a transaction, and none fails a later call.
async fn cancelled_calls_leave_no_connection_behind(database: Database) {
    let (app, postgres) = match database {
        Database::Sqlite => (TestApp::start(database).await, None),
        Database::Postgres => {
            let (app, proxy, direct) = behind_proxy(|plan| plan).await;
            (app, Some((proxy, direct)))
        }
    };
    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    if let Some((proxy, _)) = &postgres {
        proxy.set(Link::Slow(Duration::from_millis(20)));
    }
    let count = scale(600, 10_000);
    let clients = (0..16).map(|of| {
        let (client, address, token) = (app.another_grpc(), user.email.clone(), token.clone());
        tokio::spawn(async move {
            for n in (of..count).step_by(16) {
                give_up(&client, n, &address, &token).await;
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    if let Some((proxy, direct)) = &postgres {
        proxy.set(Link::Up);
        let sql = direct.sql().await;
        eventually("no transaction is left open", async || {
            number(&sql, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'").await == 0
        })
        .await;
    }
    for _ in 0..20 {
        let user = app.grpc().registered().await;
        let token = app
            .grpc()
            .open(&user.email, PASSWORD)
            .await
            .unwrap()
            .session_token;
        app.grpc().revoke(&token).await.unwrap();
        assert_eq!(app.grpc().verdict(&token).await, SessionStatus::Revoked);
    }
    figure(
        "S5",
        format_args!("{count} cancelled, 0 connections poisoned"),
    );
}

/// (S7) 32 writers with 10 sessions each in CI, 500 for the scorecard, beside a foreign writer: all
/// succeed, and there are as many rows as answers.
async fn writers_in_each_others_way_all_succeed(app: TestApp) {
    let each = scale(10, 500);
    let user = app.grpc().registered().await;
    let (stop, stopped) = watch::channel(false);
    let foreign = {
        let sql = app.sql().await;
        tokio::spawn(async move {
            while !*stopped.borrow() {
                let change = "BEGIN; UPDATE users SET version = version + 1; COMMIT";
                sql.execute_unprepared(change).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    };
    let writers: JoinSet<_> = (0..32)
        .map(|_| {
            let (client, address) = (app.another_grpc(), user.email.clone());
            async move {
                for _ in 0..each {
                    let token = client.open(&address, PASSWORD).await.unwrap().session_token;
                    client.revoke(&token).await.unwrap();
                }
            }
        })
        .collect();
    within(LIMIT * 5, "the writers end", writers.join_all()).await;
    stop.send_replace(true);
    foreign.await.unwrap();
    let sql = app.sql().await;
    let ended = number(
        &sql,
        "SELECT COUNT(*) FROM sessions WHERE revoked_at IS NOT NULL",
    )
    .await;
    assert_eq!(usize::try_from(ended).unwrap(), 32 * each);
    figure("S7", format_args!("{} writes, 0 errors", 64 * each));
}

/// Lets the first inserts into a table fail with a state; a sequence is not rolled back.
async fn fail_inserts(sql: &DatabaseConnection, table: &str, times: usize, state: &str) {
    for statement in [
        "DROP SEQUENCE IF EXISTS tries CASCADE".to_owned(),
        "CREATE SEQUENCE tries".to_owned(),
        format!(
            "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('tries') <= {times} THEN RAISE EXCEPTION USING ERRCODE = '{state}'; END IF; \
             RETURN NEW; END $$"
        ),
        format!(
            "CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fail()"
        ),
    ] {
        sql.execute_unprepared(&statement).await.unwrap();
    }
}

/// (S7) A serialisation failure and a deadlock, twice each; the third in a row is told as overload,
/// with nothing done.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_lost_a_race_is_done_again_and_not_for_ever() {
    if !Postgres::is_here() {
        return;
    }
    let app = TestApp::start(Database::Postgres).await;
    let sql = app.sql().await;
    for state in ["40001", "40P01"] {
        fail_inserts(&sql, "users", 2, state).await;
        let user = app.grpc().registered().await;
        assert_eq!(number(&sql, "SELECT last_value FROM tries").await, 3);
        fail_inserts(&sql, "sessions", 2, state).await;
        sql.execute_unprepared("DROP TRIGGER fail ON users")
            .await
            .unwrap();
        app.grpc().open(&user.email, PASSWORD).await.unwrap();

        fail_inserts(&sql, "sessions", 3, state).await;
        let fault = Fault::from(app.grpc().open(&user.email, PASSWORD).await);
        assert_eq!(fault.meaning(), (Code::Unavailable, "OVERLOADED"));
        app.grpc().open(&user.email, PASSWORD).await.unwrap();
        sql.execute_unprepared("DROP TRIGGER fail ON sessions")
            .await
            .unwrap();
    }
    assert_eq!(app.store.rows("users").await, 2);
    assert_eq!(app.store.rows("sessions").await, 4);
}
