//! Calls go down one layer at a time: modules alone do not enforce that, so this reads the sources.
//!
//! It also holds every file to its size and its heading, and prints the figures.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, prints its figures, and reads the environment that it is started in"
)]

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/modules.rs"]
mod modules;
#[path = "architecture/promises.rs"]
mod promises;
#[path = "architecture/sources.rs"]
mod sources;

use std::collections::BTreeSet;

use sources::{first_word, sources};

/// What each layer may name of this crate, and the foreign crates that belong to nobody else.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
}

const LAYERS: [Layer; 12] = [
    Layer {
        name: "domain",
        may_use: &[],
    },
    Layer {
        name: "metrics",
        may_use: &[],
    },
    Layer {
        name: "hashing",
        may_use: &["domain", "metrics"],
    },
    Layer {
        name: "db",
        may_use: &["domain", "metrics"],
    },
    Layer {
        name: "mail",
        may_use: &["domain"],
    },
    Layer {
        name: "auth",
        may_use: &["domain", "metrics", "hashing", "db", "mail", "telemetry"],
    },
    // Not `db`: what a use case does not offer is not done.
    Layer {
        name: "transport",
        may_use: &["domain", "metrics", "auth", "proto", "telemetry"],
    },
    Layer {
        name: "server",
        may_use: &[
            "domain",
            "metrics",
            "hashing",
            "db",
            "mail",
            "auth",
            "transport",
            "proto",
            "telemetry",
        ],
    },
    Layer {
        name: "telemetry",
        may_use: &[],
    },
    Layer {
        name: "config",
        may_use: &[
            "domain",
            "hashing",
            "db",
            "mail",
            "auth",
            "transport",
            "server",
            "telemetry",
        ],
    },
    Layer {
        name: "fuzz",
        may_use: &["domain", "hashing", "transport", "config"],
    },
    Layer {
        name: "cli",
        may_use: &[
            "domain",
            "hashing",
            "db",
            "mail",
            "auth",
            "transport",
            "server",
            "telemetry",
            "config",
            "proto",
        ],
    },
];

/// A foreign crate and the places that may name it.
const FOREIGN: [(&str, &[&str]); 28] = [
    (
        "tonic",
        &["transport", "server", "cli/healthcheck", "proto"],
    ),
    ("tonic_health", &["transport", "server", "cli/healthcheck"]),
    ("tonic_reflection", &["transport", "server"]),
    ("axum", &["transport", "server"]),
    ("hyper", &["transport", "server", "cli/healthcheck"]),
    ("hyper_util", &["transport", "server", "cli/healthcheck"]),
    ("tower", &["transport", "server", "cli/healthcheck"]),
    ("utoipa", &["transport"]),
    (
        "tempfile",
        &["db", "auth/breached", "config/tests", "server/tls", "fuzz"],
    ),
    ("prost", &["transport", "server", "proto"]),
    ("http", &["transport", "server", "cli/healthcheck"]),
    ("tokio_rustls", &["server", "cli/healthcheck"]),
    ("x509_cert", &["server"]),
    ("sea_orm", &["db"]),
    ("sea_orm_migration", &["db"]),
    ("migrations", &["db"]),
    ("argon2", &["hashing"]),
    ("bcrypt", &["hashing"]),
    ("pbkdf2", &["hashing"]),
    ("scrypt", &["hashing"]),
    ("sha1", &["hashing", "auth/breached"]),
    ("xorf", &["auth/breached"]),
    ("rustix", &["db/target", "hashing", "cli/confine"]),
    ("lettre", &["mail"]),
    ("askama", &["mail"]),
    ("clap", &["cli", "config", "main"]),
    ("indicatif", &["cli/progress"]),
    ("csv", &["cli/import"]),
];

/// All that `domain` may use: no I/O, no runtime, no serialisation.
const DOMAIN_MAY_USE: [&str; 14] = [
    "std",
    "core",
    "uuid",
    "chrono",
    "unicode_normalization",
    "idna",
    "hmac",
    "sha2",
    "subtle",
    "base64",
    "zeroize",
    "zxcvbn",
    "thiserror",
    "proptest",
];

const LINES_MAX: usize = 300;
const FUNCTION_LINES_MAX: usize = 50;

#[test]
fn no_arrow_points_up() {
    let known: BTreeSet<_> = LAYERS
        .iter()
        .map(|layer| layer.name)
        .chain(["proto"])
        .collect();
    let mut wrong = Vec::new();
    for source in sources("src") {
        let Some(layer) = LAYERS.iter().find(|layer| source.is_in(layer.name)) else {
            assert!(
                ["main", "lib", "proto"].contains(&source.path.as_str()),
                "src/{}.rs belongs to no layer",
                source.path
            );
            continue;
        };
        for named in source.layers_named() {
            let allowed = named == layer.name || layer.may_use.contains(&named.as_str());
            if known.contains(named.as_str()) && !allowed {
                wrong.push(format!("src/{}.rs names crate::{named}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn foreign_crates_stay_in_their_layer() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        for (foreign, places) in FOREIGN {
            if source.names(foreign) && !places.iter().any(|place| source.is_in(place)) {
                wrong.push(format!("src/{}.rs names {foreign}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_uses_nothing_but_its_few_crates() {
    let mut wrong = Vec::new();
    for source in sources("src")
        .iter()
        .filter(|source| source.is_in("domain"))
    {
        let code = source.code();
        for line in code
            .lines()
            .filter_map(|line| line.trim().strip_prefix("use "))
        {
            let root = first_word(line).unwrap();
            let own = ["crate", "super", "self", "Rule"].contains(&root.as_str());
            let child = code.contains(&format!("mod {root};"));
            if !own && !child && !DOMAIN_MAY_USE.contains(&root.as_str()) {
                wrong.push(format!("src/{}.rs uses {root}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_is_short_and_says_why_it_exists() {
    let mut wrong = Vec::new();
    for folder in ["src", "migrations/src", "tests", "benches"] {
        for source in sources(folder) {
            let lines = source.text.lines().count();
            if lines > LINES_MAX {
                wrong.push(format!("{folder}/{}.rs has {lines} lines", source.path));
            }
            if !source.text.starts_with("//! ") {
                wrong.push(format!(
                    "{folder}/{}.rs does not open with //!",
                    source.path
                ));
            }
            let name = source.path.rsplit('/').next().unwrap();
            if ["mod", "utils", "util", "helpers", "common", "manager"].contains(&name)
                && source.path != "domain/password/common"
            {
                wrong.push(format!(
                    "{folder}/{}.rs has a name that says nothing",
                    source.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_function_is_long() {
    let sources = sources("src");
    let mut lines: Vec<_> = sources
        .iter()
        .map(|source| source.text.lines().count())
        .collect();
    lines.sort_unstable();
    let long: Vec<_> = sources
        .iter()
        .flat_map(|source| {
            source
                .functions()
                .into_iter()
                .map(|f| (source.path.as_str(), f))
        })
        .filter(|(_, (_, length))| *length > FUNCTION_LINES_MAX)
        .collect();
    println!(
        "figure sources: {} files, {} lines, median {}, longest {}; {} functions over {FUNCTION_LINES_MAX} lines",
        lines.len(),
        lines.iter().sum::<usize>(),
        lines[lines.len() / 2],
        lines[lines.len() - 1],
        long.len()
    );
    assert!(long.is_empty(), "{long:#?}");
}
