//! Passwords that came from other systems: they open their accounts as before, whatever policy is
//! kept here, and become this service's own at the first login.

use vestibule::domain::PasswordScheme;

use crate::harness::{HashGate, PASSWORD, Server, email, eventually, figure, number, scale};

on_both_databases!(
    every_format_logs_in_and_becomes_argon2id,
    passwords_that_could_not_be_set_here_log_in,
    what_bcrypt_cut_off_stays_as_it_came,
    an_imported_password_is_rewritten_once,
    a_raised_minimum_locks_nobody_out,
);

/// Of [`PASSWORD`], made by argon2-cffi, passlib and Django, and as docs/moving-in.md has what Werkzeug
/// and Keycloak store: a salt of letters, tags of 64 bytes. The last has the cost that is current
/// here, but is of no NFC.
pub(crate) const FORMATS: [&str; 14] = [
    "$argon2i$v=19$m=64,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$3qS12dWMd3d4z775KTYTgqqQMF1CBFFK8Fg8bLc5JlA",
    "$argon2d$v=19$m=64,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$PYVz+YNzJngGScS0PzP1myggjvAmdeLAJsdeLQiXVF8",
    "$argon2id$v=19$m=64,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$ya9pugKzm+bGj6naJLA/eG7wZDHyzZcM0GVxmRXBPjs",
    "$2y$04$XsPTdI8MvpI8dnz.1Q1BCeTQisuF/SG24Fxo7/sTogQSji98NHHzq",
    "$scrypt$ln=4,r=8,p=1$UKqV8t7buxciBMB4T4nxHg$mOXfJOtta8lxal3YFrwczOgAy0NVzP3H5TuQ8bcXaJk",
    "$pbkdf2$12$4xzj/F/L.f.fU2otZayV0g$Pr2JvVxY8Pj.neoaLTcuOJVYJw8",
    "$pbkdf2-sha256$12$JySEcK619l6rtZbSOkfo3Q$o7AEmNkPO/8p5kjiewcjHShMOPYQglhA7eZoqQwTUk4",
    "$pbkdf2-sha256$i=12,l=32$JySEcK619l6rtZbSOkfo3Q$o7AEmNkPO/8p5kjiewcjHShMOPYQglhA7eZoqQwTUk4",
    "$pbkdf2-sha512$12$oDRm7L0XIoRQKsXYmzPGWA$me5Gyj7LjQAq38LKg/0TNJqKJcw3j/ArYM5.771fAq/pFTN5yUqGJah1f3cfO3RvkYc3IGRoIE44kAi/UjehnQ",
    "$scrypt$ln=10,r=8,p=1$d0hiSjhpQ0NvdW1QZ1djSA$9DOsC18/1Z352A05ged7bZRqwsWs16cZVB1vwU4WM8/LlzJfDX070da4CGAurteNV2IrXcCrTFi731VQUnYecQ",
    "$pbkdf2-sha256$i=12$r6ta9sx7tVS/sa5yKqOyVQ$kuN4t9sOrdGMiw7N/DtzxnSeUMYyEJFYD4lcBDVO8eUwrGbzMsKq581zPpZXp1aIVrOYSooa8DOCcqznJT9/pA",
    "pbkdf2_sha256$12$abcdefghijklmnopqrstuv$yvZgfCNO4pqg5wg2rrb/wR76RScviW6BPgKuKPFMv/c=",
    "pbkdf2_sha1$12$abcdefghijklmnopqrstuv$319fFiiNRoEImYa3MSCUM5juq6A=",
    "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNsdA$9XVUs6jlLAPcp2fEtrFn1XwdotgOc1FrFVFuIfLkuwQ",
];
/// Of `canary`.
pub(crate) const OF_SIX: &str = "$2a$04$3i9y5SVpb8H1ZjhIZUTFwe4gml0uoK2UczKp.In9c8M8sAINZLCf6";
/// Of `cafe\u{301} canary`, which is decomposed.
pub(crate) const OF_NFD: &str =
    "$pbkdf2-sha256$12$6h2DEOJcy7k3xljr/R9DCA$ISB1PlwzZBTmbzPpXiCWrRGuAzdhmENQvQX3rm/Txx4";
/// Of [`long`], of which it read 72 bytes.
pub(crate) const OF_LONG: &str = "$2b$04$Q58qEJ7X9/4iqMNJtp6ALuimd2ZPx1V6CcTC9JnWr4wYJk1nI.h4m";
/// What hashes of this application begin with.
const CURRENT: &str = "$argon2id$v=19$m=64,t=1,p=1$";

/// A password of 80 bytes.
pub(crate) fn long() -> String {
    format!("a canary of eighty bytes {}ABCDEFGH", "x".repeat(47))
}

/// Logs in until the password is this service's own.
pub(crate) async fn await_own(app: &Server, email: &str, password: &str) {
    eventually("the password is hashed again", async || {
        // A rehash is dropped while others hash.
        assert!(app.grpc().is_valid(email, password).await);
        let stored = app.stored(email).await;
        stored.password_scheme == PasswordScheme::Nfc
            && stored
                .hashed_password
                .unwrap()
                .as_str()
                .starts_with(CURRENT)
    })
    .await;
}

/// One job for each login, right or wrong, and one for each rehash.
async fn every_format_logs_in_and_becomes_argon2id(app: Server) {
    let gate = HashGate::opened();
    let app = app.stop_and_plan().await.hash_gate(&gate).start().await;
    for hash in FORMATS {
        let address = app.imported(hash).await;
        let before = app.stored(&address).await;
        gate.take_algorithms();
        assert!(!app.grpc().is_valid(&address, "a canary sings at ten").await);
        assert_eq!(gate.take_algorithms().len(), 1, "{hash}");
        await_own(&app, &address, PASSWORD).await;
        assert!(!app.grpc().is_valid(&address, "a canary sings at ten").await);
        let after = app.stored(&address).await;
        assert_eq!(
            (before.version, before.updated_at),
            (after.version, after.updated_at),
            "nobody can see it"
        );
    }
}

/// (A2) Too short for any policy; decomposed. Once it is stored here, composed is the same.
async fn passwords_that_could_not_be_set_here_log_in(app: Server) {
    let six = app.imported(OF_SIX).await;
    await_own(&app, &six, "canary").await;
    assert!(!app.grpc().is_valid(&six, "canarY").await);

    let (nfd, nfc) = ("cafe\u{301} canary", "caf\u{e9} canary");
    let decomposed = app.imported(OF_NFD).await;
    assert!(!app.grpc().is_valid(&decomposed, nfc).await, "as it came");
    await_own(&app, &decomposed, nfd).await;
    assert!(app.grpc().is_valid(&decomposed, nfc).await);
    assert!(app.grpc().is_valid(&decomposed, nfd).await);
}

/// What was typed beyond 72 bytes was never compared: were it hashed, a wrong ending would become
/// part of the password.
async fn what_bcrypt_cut_off_stays_as_it_came(app: Server) {
    let long = long();
    let address = app.imported(OF_LONG).await;
    let other = format!("{}other", &long[..72]);
    for tried in [&long, &other, &long] {
        assert!(app.grpc().is_valid(&address, tried).await);
    }
    assert!(!app.grpc().is_valid(&address, &long[..71]).await);
    // The drain awaits a rehash.
    let app = app.stop_and_plan().await.start().await;
    let stored = app.stored(&address).await;
    assert_eq!(stored.password_scheme, PasswordScheme::Imported);
    assert_eq!(stored.hashed_password.unwrap().as_str(), OF_LONG);
    assert!(app.grpc().is_valid(&address, &long).await);
}

/// (A4) 30 logins of one user at once in CI, 100 for the scorecard: none fails, and the database
/// counts one rewrite.
async fn an_imported_password_is_rewritten_once(app: Server) {
    let count = scale(30, 100);
    let address = app.imported(FORMATS[3]).await;
    app.count_rewrites().await;
    let logins: Vec<_> = (0..count)
        .map(|_| {
            let (client, address) = (app.grpc(), address.clone());
            tokio::spawn(async move { client.is_valid(&address, PASSWORD).await })
        })
        .collect();
    for login in logins {
        assert!(login.await.unwrap());
    }
    await_own(&app, &address, PASSWORD).await;
    let app = app.stop_and_plan().await.start().await;
    assert!(app.grpc().is_valid(&address, PASSWORD).await);
    let sql = app.sql().await;
    assert_eq!(number(&sql, "SELECT COUNT(*) FROM rewrites").await, 1);
    figure(
        "A4",
        format_args!("{count} logins of an imported user, 1 rewrite"),
    );
}

/// (A2) Registered with 9 characters; then the minimum is 15.
async fn a_raised_minimum_locks_nobody_out(app: Server) {
    let (address, nine) = (email(), "canary 99");
    app.grpc().register(&address, nine).await.unwrap();
    let plan = app.stop_and_plan().await;
    let app = plan
        .settings(|settings| settings.auth.password.min_length = 15)
        .start()
        .await;
    assert!(app.grpc().is_valid(&address, nine).await);
    assert!(app.grpc().register(&email(), nine).await.is_err());
}
