//! The rules of single sections.

use super::*;
use crate::db::Target;

#[test]
fn hashing_below_the_floor_or_above_the_caps_is_refused() {
    let load = |memory: &str, iterations: &str, parallelism: &str| {
        Sources::new()
            .flag("hashing.memory_kib", memory)
            .flag("hashing.iterations", iterations)
            .flag("hashing.parallelism", parallelism)
            .load()
    };
    for (memory, iterations, parallelism, good) in [
        ("19456", "2", "1", true),
        ("47104", "1", "8", true),
        ("131072", "4", "1", true),
        ("19455", "2", "1", false),
        ("19456", "1", "1", false),
        ("47103", "1", "1", false),
        ("131072", "5", "1", false),
        ("131073", "2", "1", false),
        ("19456", "11", "1", false),
        ("19456", "2", "9", false),
        ("19456", "2", "0", false),
    ] {
        let loaded = load(memory, iterations, parallelism);
        assert_eq!(loaded.is_ok(), good, "{memory} {iterations} {parallelism}");
    }
}

#[test]
fn workers_that_do_not_fit_are_refused_with_the_arithmetic() {
    let (faults, text) = Sources::new()
        .flag("hashing.memory_kib", "131072")
        .flag("hashing.workers", "15625")
        .faults();
    assert_eq!(faults, ["hashing.workers (--hashing-workers)"]);
    assert!(
        text.contains("15625 workers × 131072 KiB + 208 MiB = 2000208 MiB"),
        "{text}"
    );
}

#[test]
fn the_queue_follows_the_workers_unless_it_is_chosen() {
    let queue = |sources: Sources| {
        let hashing = sources
            .flag("hashing.workers", "2")
            .loaded()
            .application
            .hashing;
        (hashing.workers, hashing.queue)
    };
    assert_eq!(queue(Sources::new()), (2, 128));
    assert_eq!(queue(Sources::new().flag("hashing.queue", "5")), (2, 5));
}

#[test]
fn values_out_of_bounds_are_refused() {
    for (path, value) in [
        ("grpc.request_timeout", "61s"),
        ("grpc.request_timeout", "0"),
        ("grpc.max_connections", "0"),
        ("grpc.reflection", "yes"),
        ("rest.listen", "localhost:8080"),
        ("callers.auth_service", "closed"),
        ("operations.listen", "off"),
        ("database.max_connections", "1"),
        ("database.acquire_timeout", "0"),
        ("database.statement_timeout", "0s"),
        ("hashing.workers", "0"),
        ("hashing.queue", "0"),
        ("hashing.max_wait", "0"),
        ("password.min_length", "129"),
        ("sessions.lifetime", "0"),
        ("sessions.keep_ended", "0d"),
        ("events.keep", "0"),
        ("events.keep_addresses", "3651d"),
        ("sessions.idle", "59s"),
        ("sessions.per_user", "0"),
        ("sessions.last_seen_interval", "18h"),
        ("lifecycle.grace", "11m"),
        ("log.format", "xml"),
        ("log.level", "INFO"),
        ("log.level", ""),
    ] {
        let (faults, _) = Sources::new().flag(path, value).faults();
        assert_eq!(faults.len(), 1, "{path}={value}");
        assert!(faults[0].starts_with(path), "{faults:?}");
    }
}

/// The fault names the key whose value is not a default.
#[test]
fn when_sessions_were_seen_is_stored_often_enough_for_their_idle_limit() {
    let fault = |idle: &str, interval: Option<&str>| {
        let sources = Sources::new().flag("sessions.idle", idle);
        let sources = match interval {
            Some(interval) => sources.flag("sessions.last_seen_interval", interval),
            None => sources,
        };
        sources
            .load()
            .err()
            .map(|problems| problems.0[0].key.clone())
    };
    assert_eq!(fault("20m", None), None);
    assert_eq!(fault("1m", Some("3s")), None);
    assert_eq!(fault("1199s", None).unwrap(), "sessions.idle");
    let both = fault("1m", Some("4s"));
    assert_eq!(both.unwrap(), "sessions.last_seen_interval");
}

#[test]
fn listeners_share_no_address() {
    let overlapping = |grpc: &str, rest: &str| {
        Sources::new()
            .flag("grpc.listen", grpc)
            .flag("rest.listen", rest)
            .load()
            .is_err()
    };
    assert!(overlapping("127.0.0.1:80", "127.0.0.1:80"));
    assert!(overlapping("0.0.0.0:80", "127.0.0.1:80"));
    assert!(overlapping("127.0.0.1:80", "[::]:80"));
    assert!(!overlapping("127.0.0.1:80", "[::1]:80"));
    assert!(!overlapping("127.0.0.1:0", "127.0.0.1:0"));
    assert!(!overlapping("127.0.0.1:80", "off"));
}

#[test]
fn plaintext_beyond_this_machine_is_warned_of_once_per_listener() {
    let keys = ["grpc.listen", "rest.listen", "operations.listen"];
    let mut sources = Sources::new();
    for (port, key) in keys.into_iter().enumerate() {
        sources = sources.flag(key, &format!("0.0.0.0:{}", port + 1));
    }
    let warnings = sources.warnings();
    assert_eq!(warnings.len(), 3);
    for (warning, key) in warnings.iter().zip(keys) {
        assert!(warning.starts_with(key), "{warning}");
    }
    let open = |warnings: &[String]| {
        let names = |warning: &String| warning.contains("callers.auth_service");
        warnings.iter().map(names).collect::<Vec<_>>()
    };
    assert_eq!(open(&warnings), [true, true, false]);
    let named = sources.flag("callers.auth_service", "named");
    assert_eq!(open(&named.warnings()), [false; 3]);
    assert_eq!(Sources::new().warnings(), [""; 0]);
}

#[test]
fn an_sslmode_that_proves_nothing_is_warned_of_and_none_is_a_fault() {
    let load = |url: &str| {
        let config = Sources::new()
            .variable("VESTIBULE_DATABASE_URL", url)
            .load();
        let of_url = |warning: &&String| warning.starts_with("database.url");
        config.map(|config| config.warnings.iter().filter(of_url).count())
    };
    assert_eq!(load("postgres://v@db.example/v?sslmode=verify-full"), Ok(0));
    assert_eq!(load("postgres://v@db.example/v?sslmode=require"), Ok(1));
    assert_eq!(load("postgres://v@localhost/v"), Ok(0));
    assert!(load("postgres://v@db.example/v").is_err());
}

#[test]
fn the_default_database_is_a_file_of_the_user() {
    let file = |variables: &[(&str, &str)]| {
        let environment = variables.iter().copied().collect();
        Config::load(&Flags::default(), &environment).map(|config| {
            match config.application.db.target {
                Target::Sqlite(path) => path,
                Target::Postgres { .. } => panic!("not a file"),
            }
        })
    };
    let (xdg, home) = (("XDG_DATA_HOME", "/data"), ("HOME", "/home/ada b?"));
    assert_eq!(
        file(&[xdg, home]),
        Ok(PathBuf::from("/data/vestibule/vestibule.db"))
    );
    for variables in [&[home][..], &[("XDG_DATA_HOME", "relative"), home]] {
        assert_eq!(
            file(variables),
            Ok(PathBuf::from(
                "/home/ada b?/.local/share/vestibule/vestibule.db"
            ))
        );
    }
    let problems = file(&[]).unwrap_err();
    assert_eq!(problems.0[0].key, "database.url");
}

#[test]
fn the_healthcheck_dials_loopback_where_the_listener_is_on_every_address() {
    let dialled = |listen: &str| {
        let sources = Sources::new().flag("grpc.listen", listen);
        HealthcheckConfig::load(&sources.flags, &sources.environment())
            .map(|healthcheck| healthcheck.address.to_string())
            .ok()
    };
    assert_eq!(dialled("0.0.0.0:1").as_deref(), Some("127.0.0.1:1"));
    assert_eq!(dialled("[::]:1").as_deref(), Some("[::1]:1"));
    assert_eq!(dialled("10.0.0.1:1").as_deref(), Some("10.0.0.1:1"));
    assert_eq!(dialled("127.0.0.1:0"), None);
}
