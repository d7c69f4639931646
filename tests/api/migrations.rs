//! The schema: one process changes it however many start, and a release can go back.

use futures_util::future::join_all;
use sea_orm_migration::MigratorTrait;

use crate::harness::{
    Database, Finished, NOT_SERVING, PASSWORD, ServerProcess, Store, email, eventually, figure,
};

on_both_databases!(
    of_six_that_migrate_at_once_one_applies,
    of_six_that_serve_at_once_one_applies,
    down_undoes_exactly_one_and_only_when_told_yes,
    status_lists_what_is_applied_and_what_is_pending,
    a_newer_schema_is_served_and_left_alone,
    a_newer_schema_that_lacks_ours_is_left_alone_too,
    serve_names_the_missing_migrations_and_waits_for_them,
);

/// The names of this binary's migrations, oldest first.
pub(crate) fn names() -> Vec<String> {
    let migrations = migrations::Migrator::migrations();
    migrations.iter().map(|one| one.name().to_owned()).collect()
}

async fn applied(store: &Store) -> Vec<String> {
    let query = "SELECT version AS text FROM seaql_migrations ORDER BY version";
    store.texts(query).await
}

async fn migrate(store: &Store, step: &[&str]) -> Finished {
    ServerProcess::run_over(store, &[&["migrate"], step].concat()).await
}

/// (W51) Six processes, both databases: all exit 0, and one of them says that it applied.
async fn of_six_that_migrate_at_once_one_applies(database: Database) {
    let store = Store::empty(database).await;
    let ended = join_all((0..6).map(|_| migrate(&store, &["up"]))).await;
    for one in &ended {
        assert_eq!(one.code(), Some(0), "{}", one.output);
        assert!(one.output.contains("up to date"), "{}", one.output);
    }
    let appliers: usize = ended
        .iter()
        .map(|one| one.lines_with("migrations applied"))
        .sum();
    assert_eq!(appliers, 1, "{ended:?}");
    assert_eq!(applied(&store).await, names());
    figure("W51", format_args!("{database:?}: 6 processes, 1 applied"));
}

/// (W51) The same for servers: each becomes ready and serves.
async fn of_six_that_serve_at_once_one_applies(database: Database) {
    let store = Store::empty(database).await;
    let services: Vec<_> = (0..6)
        .map(|_| ServerProcess::start(&store, &[], &[]))
        .collect();
    join_all(services.iter().map(ServerProcess::await_ready)).await;
    assert_eq!(applied(&store).await, names());
    for service in &services {
        service.grpc().registered().await;
        service.signal("INT").await;
    }
    let ended = join_all(services.into_iter().map(ServerProcess::finish)).await;
    let appliers: usize = ended
        .iter()
        .map(|one| one.lines_with("migrations applied"))
        .sum();
    assert_eq!(appliers, 1, "{ended:?}");
    for one in ended {
        assert_eq!(one.code(), Some(0), "{}", one.output);
    }
}

/// (W49)
async fn down_undoes_exactly_one_and_only_when_told_yes(database: Database) {
    let store = Store::empty(database).await;
    migrate(&store, &["up"]).await;
    for name in names().iter().rev() {
        let before = applied(&store).await;
        assert_eq!(before.last(), Some(name));

        let asked = migrate(&store, &["down"]).await;
        assert_eq!(asked.code(), Some(64), "{}", asked.output);
        assert!(asked.output.contains(name), "{}", asked.output);
        assert!(asked.output.contains("--yes"), "{}", asked.output);
        assert!(asked.output.contains("drop "), "{}", asked.output);
        assert_eq!(applied(&store).await, before, "nothing is undone unasked");

        let done = migrate(&store, &["down", "--yes"]).await;
        assert_eq!(done.code(), Some(0), "{}", done.output);
        assert!(done.output.contains(name), "{}", done.output);
        assert_eq!(applied(&store).await, before[..before.len() - 1]);
    }
    let rest = migrate(&store, &["down", "--yes"]).await;
    assert_eq!(rest.code(), Some(0), "{}", rest.output);
    assert!(rest.output.contains("nothing"), "{}", rest.output);

    // What was undone can be done again, and is served.
    for _ in 0..2 {
        assert_eq!(migrate(&store, &["up"]).await.code(), Some(0));
    }
    let service = ServerProcess::start(&store, &[], &[]);
    service.await_ready().await;
    service.grpc().registered().await;
}

/// (W49)
async fn status_lists_what_is_applied_and_what_is_pending(database: Database) {
    let store = Store::empty(database).await;
    let listed = |ended: Finished| {
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        ended.stdout.trim().to_owned()
    };
    let all = |word: &str| {
        let lines: Vec<_> = names()
            .iter()
            .map(|name| format!("{word}  {name}"))
            .collect();
        lines.join("\n")
    };
    assert_eq!(listed(migrate(&store, &["status"]).await), all("pending"));
    migrate(&store, &["up"]).await;
    assert_eq!(listed(migrate(&store, &["status"]).await), all("applied"));
    add_unknown(&store).await;
    let last = listed(migrate(&store, &["status"]).await);
    assert_eq!(
        last.lines().last(),
        Some(format!("unknown  {NEWER}").as_str())
    );
}

/// A migration of a release that does not exist yet.
const NEWER: &str = "m20991231_000001_from_the_future";

async fn add_unknown(store: &Store) {
    let row = format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{NEWER}', 0)");
    store.execute(&row).await;
}

/// (W52)
async fn a_newer_schema_is_served_and_left_alone(database: Database) {
    let store = Store::empty(database).await;
    migrate(&store, &["up"]).await;
    add_unknown(&store).await;
    let before = applied(&store).await;

    let up = migrate(&store, &["up"]).await;
    assert_eq!(up.code(), Some(0), "{}", up.output);
    assert!(up.output.contains("newer"), "{}", up.output);
    let down = migrate(&store, &["down", "--yes"]).await;
    assert_eq!(down.code(), Some(1), "{}", down.output);

    let service = ServerProcess::start(&store, &[], &[]);
    service.await_ready().await;
    let user = service.grpc().registered().await;
    assert!(service.grpc().is_valid(&user.email, PASSWORD).await);
    service.signal("INT").await;
    let ended = service.finish().await;
    assert_eq!(ended.lines_with(NEWER), 1, "{}", ended.output);
    assert_eq!(ended.lines_with("migrations applied"), 0);
    assert_eq!(applied(&store).await, before);
}

async fn a_newer_schema_that_lacks_ours_is_left_alone_too(database: Database) {
    let store = Store::empty(database).await;
    migrate(&store, &["up"]).await;
    migrate(&store, &["down", "--yes"]).await;
    add_unknown(&store).await;
    let before = applied(&store).await;
    let up = migrate(&store, &["up"]).await;
    assert_eq!(up.code(), Some(0), "{}", up.output);
    assert_eq!(applied(&store).await, before);
}

/// (W51) `serve` names the missing one; who migrates need not restart it.
async fn serve_names_the_missing_migrations_and_waits_for_them(database: Database) {
    let store = Store::empty(database).await;
    let arguments = ["--database-migrate-on-start", "false"];
    let service = ServerProcess::start(&store, &arguments, &[]);
    eventually("the missing migrations are told", async || {
        let operations = service.operations();
        let reply = operations
            .try_send(operations.request("GET", "/readyz"), "")
            .await;
        reply.is_some_and(|reply| reply.status == 503 && reply.text().contains("migrations"))
    })
    .await;
    assert_eq!(service.health().check("").await, Ok(NOT_SERVING));
    assert!(service.grpc().register(&email(), PASSWORD).await.is_err());

    assert_eq!(migrate(&store, &["up"]).await.code(), Some(0));
    service.await_ready().await;
    service.grpc().registered().await;
    service.signal("INT").await;
    let ended = service.finish().await;
    for name in names() {
        assert_eq!(ended.lines_with(&name), 1, "{}", ended.output);
    }
}
