//! Secrets stay where they belong: passwords, tokens and addresses are sent on every way there is,
//! and then looked for in all that the service leaves behind (L1, L5).

use std::{fs, path::Path};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use tonic::Request;
use vestibule::{
    auth::{Credentials, Registration},
    db,
    domain::{
        ClientInfo, Email, HashedPassword, NewPassword, PasswordAttempt, PasswordPolicy,
        SessionToken,
    },
    proto::v1::ValidLoginRequest,
};

use crate::harness::{
    Client, Database, HandlerGate, HashGate, PASSWORD, Postgres, Rest, Service, Store, TestApp,
    Wire, email, eventually, figure, frame,
};

on_both_databases!(
    no_secret_is_logged_or_stored,
    no_secret_is_in_what_a_panic_or_a_dependency_logs,
);

/// In every password and address here, right or wrong.
const CANARY: &str = "canary";
/// In the passwords alone: addresses are stored in two columns.
const PASSWORD_CANARY: &str = "canary sings";

/// The clients of one server.
struct Callers {
    grpc: Client,
    wire: Wire,
    rest: Rest,
}

/// Calls every RPC and route with secrets in their place, in wrong ones, and in broken messages.
/// Answers the tokens of the sessions that it opened.
async fn say_everything(callers: &Callers) -> Vec<String> {
    let Callers { grpc, wire, rest } = callers;
    let user = grpc.registered().await;
    for (address, password) in [
        (user.email.as_str(), PASSWORD),
        (&email(), "canary"),
        (PASSWORD, PASSWORD),
        (&email(), &"canary sings ".repeat(20)),
        (&email(), "canary sings\0"),
    ] {
        assert!(grpc.register(address, password).await.is_err());
        assert!(
            rest.register(address, password)
                .await
                .status
                .is_client_error()
        );
    }
    assert!(grpc.register_as(&email(), PASSWORD, CANARY).await.is_err());
    for password in [PASSWORD, "a canary sings at ten"] {
        for address in [&user.email, &user.email.to_uppercase(), &email()] {
            let _ = grpc.login(address, password).await;
            let _ = grpc.open(address, password).await;
        }
    }

    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(
            grpc.open(&user.email, PASSWORD)
                .await
                .unwrap()
                .session_token,
        );
    }
    let wrong = wrong_tokens(&tokens[0]);
    for token in tokens.iter().chain(&wrong) {
        let _ = grpc.validate(token).await;
        rest.get_as(token, "/users/me").await;
        rest.get(&format!("/users/{token}")).await;
        rest.get(&format!("/users/me?token={token}")).await;
        let request = rest.request("GET", "/users/me").header("cookie", token);
        rest.send(request, "").await;
    }
    for token in [&tokens[1]].into_iter().chain(&wrong) {
        let _ = grpc.revoke(token).await;
    }

    say_it_in_metadata(grpc, &tokens[0]).await;
    say_it_in_broken_bytes(wire, rest).await;
    tokens
}

/// Shorter, longer, and with another secret behind a good id and checksum.
fn wrong_tokens(token: &str) -> Vec<String> {
    let id = SessionToken::parse(token).unwrap().id();
    vec![
        token[..71].to_owned(),
        format!("{token}canary"),
        "canary".repeat(100),
        SessionToken::new(id, [7; 32]).expose().to_string(),
    ]
}

async fn say_it_in_metadata(grpc: &Client, token: &str) {
    for name in ["authorization", "cookie", "x-canary"] {
        let mut request = Request::new(ValidLoginRequest {
            email: email(),
            password: PASSWORD.into(),
            client: None,
        });
        let value = format!("Bearer {token} {PASSWORD}");
        request.metadata_mut().insert(name, value.parse().unwrap());
        grpc.clone().valid_login(request).await.unwrap();
    }
}

async fn say_it_in_broken_bytes(wire: &Wire, rest: &Rest) {
    for bytes in [PASSWORD.to_owned(), PASSWORD.repeat(4_000)] {
        wire.call("RegisterUser", bytes.as_bytes()).await;
        wire.call("canary", bytes.as_bytes()).await;
        let unknown = wire.request("/canary.v1.Canary/Sing");
        wire.send(unknown, frame(bytes.as_bytes())).await;
    }
    let json = |body: &str| format!(r#"{{"email":"{}",{body}}}"#, email());
    for body in [
        json(r#""password":"a canary sings at nine","canary":"a canary sings""#),
        json(r#""password":"a canary sings"#),
        json(r#""password":{"canary sings":1}"#),
        format!(r#""{PASSWORD}""#),
        format!("email={}&password={PASSWORD}&canary=canary", email()),
    ] {
        for kind in [
            "application/json",
            "application/x-www-form-urlencoded",
            "text/canary",
        ] {
            rest.post("/users", kind, body.clone()).await;
            rest.post("/canary", kind, body.clone()).await;
        }
    }
    let put = rest.request("PUT", "/users/canary?password=canary");
    rest.send(put, PASSWORD).await;
    let keyed = rest
        .request("POST", "/users")
        .header("idempotency-key", CANARY);
    rest.send(keyed, "{}").await;
}

/// (L1) (40) The real binary at TRACE, JSON and text: every line it wrote; every text column; the
/// database's files and its log of writes.
async fn no_secret_is_logged_or_stored(database: Database) {
    for format in ["json", "text"] {
        let store = Store::empty(database).await;
        let wal = WriteAheadLog::begin(&store, database).await;
        let arguments = ["--log-level", "trace", "--log-format", format];
        let service = Service::start(&store, &arguments, &[]);
        service.await_ready().await;
        let callers = Callers {
            grpc: service.grpc(),
            wire: service.wire(),
            rest: service.rest(),
        };
        let tokens = say_everything(&callers).await;
        look_through_columns(&store, database, &tokens).await;
        wal.look_through(&store, &tokens).await;
        service.signal("INT").await;
        let ended = service.finish().await;
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        wal.look_through(&store, &tokens).await;

        let mut needles = needles_of(&tokens);
        needles.extend([CANARY.into(), "vst_".into(), "$argon2".into()]);
        for line in ended.output.lines() {
            let found = needles.iter().find(|needle| line.contains(*needle));
            assert!(found.is_none(), "{found:?} in {line}");
        }
        figure(
            "L1",
            format_args!(
                "{database:?}: {} {format} lines at trace, 0 hits",
                ended.output.lines().count()
            ),
        );
    }
}

/// (L1) In the process of the tests, where every crate is heard at its finest and each application
/// looks through the log when it goes: with panics in handlers and in the hashing thread.
async fn no_secret_is_in_what_a_panic_or_a_dependency_logs(database: Database) {
    let (handlers, hashes) = (HandlerGate::default(), HashGate::opened());
    let app = TestApp::on(database)
        .await
        .handler_gate(&handlers)
        .hash_gate(&hashes)
        .start()
        .await;
    let callers = Callers {
        grpc: app.grpc(),
        wire: app.wire(),
        rest: app.rest(),
    };
    let tokens = say_everything(&callers).await;
    for method in ["RegisterUser", "ValidLogin", "CreateSession"] {
        handlers.break_next(&format!("/vestibule.v1.AuthService/{method}"));
    }
    assert!(app.grpc().register(&email(), PASSWORD).await.is_err());
    assert!(app.grpc().login(&email(), PASSWORD).await.is_err());
    assert!(app.grpc().open(&email(), PASSWORD).await.is_err());
    hashes.break_next(1);
    assert!(app.grpc().register(&email(), PASSWORD).await.is_err());
    look_through_columns(&app.store, database, &tokens).await;
}

/// What of a token may stand nowhere: its text and its secret, in the spellings of bytes.
fn needles_of(tokens: &[String]) -> Vec<String> {
    tokens
        .iter()
        .flat_map(|token| {
            let raw = BASE64_URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
            let secret = &raw[16..48];
            // The base64 of a secret in the middle of other bytes begins and ends elsewhere.
            [token[30..60].to_owned(), latin1(secret), hex(secret)]
        })
        .collect()
}

/// Bytes as text that keeps each of them, so that text and bytes are searched alike.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn hex(bytes: &[u8]) -> String {
    let append = |text: String, byte: &u8| text + &format!("{byte:02x}");
    bytes.iter().fold(String::new(), append)
}

/// Each value of each column: the canary only where addresses belong, and of each token its hash.
async fn look_through_columns(store: &Store, database: Database, tokens: &[String]) {
    let columns = match database {
        Database::Sqlite => {
            "SELECT m.name || '.' || c.name AS text FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
        }
        Database::Postgres => {
            "SELECT table_name || '.' || column_name AS text FROM information_schema.columns WHERE table_schema = 'public'"
        }
    };
    let mut hashes = Vec::new();
    for name in store.texts(columns).await {
        let (table, column) = name.split_once('.').unwrap();
        let text = match database {
            Database::Sqlite => format!(
                "CASE typeof({column}) WHEN 'blob' THEN lower(hex({column})) ELSE CAST({column} AS TEXT) END"
            ),
            Database::Postgres => format!("{column}::text"),
        };
        let values = format!("SELECT {text} AS text FROM {table} WHERE {column} IS NOT NULL");
        let values = store.texts(&values).await;
        let may_hold_addresses = ["users.email", "users.email_key"].contains(&name.as_str());
        for value in &values {
            assert_eq!(
                value.contains(CANARY),
                may_hold_addresses,
                "{name}: {value}"
            );
            let found = needles_of(tokens)
                .into_iter()
                .find(|needle| value.contains(needle));
            assert!(
                found.is_none() && !value.contains("vst_"),
                "{name}: {value}"
            );
        }
        if name == "sessions.secret_hash" {
            hashes = values;
        }
    }
    for token in tokens {
        let hash = SessionToken::parse(token).unwrap().secret_hash();
        let hash = hex(hash.as_bytes());
        assert!(hashes.iter().any(|stored| stored.ends_with(&hash)));
    }
}

/// The files behind a database.
enum WriteAheadLog {
    /// All in one folder.
    Sqlite,
    /// In the cluster that all tests share: from this segment on.
    Postgres { first: String },
}

impl WriteAheadLog {
    async fn begin(store: &Store, database: Database) -> Self {
        match database {
            Database::Sqlite => Self::Sqlite,
            Database::Postgres => Self::Postgres {
                first: segment(store).await,
            },
        }
    }

    async fn look_through(&self, store: &Store, tokens: &[String]) {
        let mut needles = needles_of(tokens);
        needles.extend([PASSWORD_CANARY.into(), "vst_".into()]);
        let mut files = Vec::new();
        match self {
            Self::Sqlite => {
                let db::Target::Sqlite(file) = &store.target else {
                    unreachable!()
                };
                files.extend(files_in(file.parent().unwrap()));
            }
            Self::Postgres { first } => {
                store.execute("CHECKPOINT").await;
                let last = segment(store).await;
                let wal = files_in(&Postgres::shared().data().join("pg_wal"));
                files.extend(wal.into_iter().filter(|path| {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    (first.as_str()..=last.as_str()).contains(&name)
                }));
                let oid =
                    "SELECT oid::text AS text FROM pg_database WHERE datname = current_database()";
                let folder = format!("base/{}", store.texts(oid).await[0]);
                files.extend(files_in(&Postgres::shared().data().join(folder)));
            }
        }
        let mut addresses = 0;
        for path in files {
            // A segment of the log may be recycled meanwhile.
            let content = latin1(&fs::read(&path).unwrap_or_default());
            let found = needles.iter().find(|needle| content.contains(*needle));
            assert!(found.is_none(), "{found:?} in {}", path.display());
            addresses += usize::from(content.contains("canary."));
        }
        assert!(addresses > 0, "these are not the files of the database");
    }
}

async fn segment(store: &Store) -> String {
    let query = "SELECT pg_walfile_name(pg_current_wal_lsn()) AS text";
    store.texts(query).await.remove(0)
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect()
}

/// (L5) (48) Each way to give a secret badly, and no server starts; no fault quotes a secret.
#[tokio::test]
async fn a_secret_that_is_empty_missing_or_given_twice_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (good, empty, newline) = (file("good", "canary"), file("empty", ""), file("nl", "\n"));
    let missing = folder.path().join("missing").to_str().unwrap().to_owned();
    let directory = folder.path().to_str().unwrap();
    let url = ("VESTIBULE_DATABASE_URL", "postgres://v@localhost/v");
    let mut bad = Vec::new();
    for key in ["VESTIBULE_DATABASE_PASSWORD", "VESTIBULE_DATABASE_URL"] {
        let in_file = format!("{key}_FILE");
        bad.push(vec![(key.to_owned(), String::new())]);
        for path in [&empty, &newline, &missing, directory] {
            bad.push(vec![(in_file.clone(), path.to_owned())]);
        }
        bad.push(vec![
            (key.to_owned(), "canary".into()),
            (in_file, good.clone()),
        ]);
    }
    for set in &bad {
        let mut variables = vec![("HOME", directory)];
        if !set.iter().any(|(name, _)| name.starts_with(url.0)) {
            variables.push(url);
        }
        variables.extend(
            set.iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        for command in [&["serve"][..], &["migrate", "up"], &["config", "check"]] {
            let ended = Service::run(command, &variables).await;
            assert_eq!(ended.code(), Some(64), "{set:?}: {}", ended.output);
            assert!(ended.output.contains("database."), "{}", ended.output);
            assert!(!ended.output.contains("canary"), "{}", ended.output);
        }
    }
}

/// (L5) What holds a secret has no `Debug` that shows it.
#[test]
fn the_debug_of_a_secret_shows_none() {
    let email = Email::parse("canary@example.com").unwrap();
    let policy = PasswordPolicy { min_length: 8 };
    let password = NewPassword::parse(PASSWORD, policy, Some(&email)).unwrap();
    let attempt = PasswordAttempt::parse(PASSWORD).unwrap();
    let hashed = HashedPassword::from_phc("$argon2id$canary".into());
    let token = SessionToken::new(
        vestibule::domain::SessionId::new(uuid::Uuid::nil()),
        [7; 32],
    );
    let client = ClientInfo::default();
    let secret = || SecretString::from("canary");
    let database = db::Target::Postgres {
        url: secret(),
        password: Some(secret()),
    };
    let printed = [
        format!("{password:?} {attempt:?} {hashed:?} {token:?} {database:?}"),
        format!("{:?} {:?} {:?}", token.secret_hash(), email, email.key()),
        format!(
            "{:?}",
            Registration {
                email: email.clone(),
                password,
                request_id: None,
                client: client.clone(),
            }
        ),
        format!(
            "{:?}",
            Credentials {
                email,
                password: attempt,
                client,
            }
        ),
    ];
    let text = token.expose();
    for line in printed {
        for secret in ["canary", "argon2", &text[4..20], &text[40..60], "7, 7"] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

/// (48) Postgres asks for a password, and gets it from a file; it is in no argument and no line.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_in_a_file_opens_the_database() {
    if !Postgres::is_here() {
        return;
    }
    let store = Store::empty(Database::Postgres).await;
    let role = "keeper";
    for statement in [
        "CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'canary of the keeper'",
        "SELECT pg_reload_conf()",
    ] {
        // Trusted by nobody else: the rule stands before those of the other tests' user.
        let rules = Postgres::shared().data().join("pg_hba.conf");
        let old = fs::read_to_string(&rules).unwrap();
        if !old.contains(role) {
            fs::write(&rules, format!("local all {role} scram-sha-256\n{old}")).unwrap();
        }
        store.execute(statement).await;
    }
    let store = Store::postgres(store.url.replace("postgres@", "keeper@"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let variable = ("VESTIBULE_DATABASE_PASSWORD_FILE", file.to_str().unwrap());

    fs::write(&file, "another canary\n").unwrap();
    let refused = Service::run(
        &["migrate", "up"],
        &[("VESTIBULE_DATABASE_URL", &store.url), variable],
    )
    .await;
    assert_eq!(refused.code(), Some(1), "{}", refused.output);
    assert!(!refused.output.contains("canary"), "{}", refused.output);

    fs::write(&file, "canary of the keeper\n").unwrap();
    let service = Service::start(&store, &["--log-level", "trace"], &[variable]);
    eventually("it is ready", async || {
        service.health().check("").await == Ok(1)
    })
    .await;
    service.grpc().registered().await;
    let arguments = fs::read(format!("/proc/{}/cmdline", service.id())).unwrap();
    assert!(!latin1(&arguments).contains("canary"));
    service.signal("INT").await;
    let ended = service.finish().await;
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert!(!ended.output.contains("canary"), "{}", ended.output);
}
