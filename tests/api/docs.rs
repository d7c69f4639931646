//! What the pages say and the code does must be one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::Value;
use tonic::Code;
use vestibule::{
    config::{Key, keys},
    proto::DESCRIPTORS,
};

use crate::harness::{Database, Fault, Server, frame};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// The cells of the rows of every table, without their backticks.
fn rows(page: &str) -> Vec<Vec<String>> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| {
            row.split(" | ")
                .map(|cell| cell.trim_matches('`').to_owned())
                .collect()
        })
        .collect()
}

fn descriptors() -> FileDescriptorSet {
    FileDescriptorSet::decode(DESCRIPTORS).unwrap()
}

/// Full name of the service and name of the method, of every RPC of ours.
fn rpcs() -> Vec<(String, String)> {
    descriptors()
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(move |service| (file, service)))
        .flat_map(|(file, service)| {
            let full_name = format!("{}.{}", file.package(), service.name());
            let of_method = move |method: &prost_types::MethodDescriptorProto| {
                (full_name.clone(), method.name().to_owned())
            };
            service.method.iter().map(of_method).collect::<Vec<_>>()
        })
        .collect()
}

/// The README has a row for every RPC, and `named` in those of the RPCs that an open server refuses to
/// a client without a proof.
#[tokio::test(flavor = "multi_thread")]
async fn the_readme_says_who_may_call_every_rpc() {
    let listed: BTreeMap<String, String> = rows(&page("README.md"))
        .into_iter()
        .filter(|row| row[0].contains("Service/"))
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let app = Server::start(Database::Sqlite).await;
    let mut served = BTreeMap::new();
    for (service, method) in rpcs() {
        let request = app.wire().request(&format!("/{service}/{method}"));
        let status = app.wire().send(request, frame(&[])).await.grpc_status();
        let is_refused =
            status.code() != Code::Ok && Fault::of(&status).reason == "CALLER_UNAUTHENTICATED";
        let who = if is_refused { "named" } else { "anyone" };
        let name = service.trim_start_matches("vestibule.v1.");
        served.insert(format!("{name}/{method}"), who.to_owned());
    }
    assert_eq!(listed, served);
}

/// Each reason has its heading, to which errors link.
#[test]
fn the_page_of_errors_lists_every_reason() {
    let set = descriptors();
    let mut reasons: Vec<String> = set
        .file
        .iter()
        .flat_map(|file| &file.enum_type)
        .find(|one| one.name() == "ErrorReason")
        .unwrap()
        .value
        .iter()
        .skip(1)
        .map(|value| value.name().trim_start_matches("ERROR_REASON_").to_owned())
        .collect();
    let page = page("docs/errors.md");
    let mut headings: Vec<_> = page
        .lines()
        .filter_map(|l| l.strip_prefix("### "))
        .collect();
    headings.sort_unstable();
    reasons.sort_unstable();
    assert_eq!(headings, reasons);
}

/// Keys without a default that could be written down as a value.
const FOUND_AT_START: [&str; 4] = [
    "database.url",
    "database.password",
    "hashing.workers",
    "hashing.queue",
];

/// Each key has its row in the section's table: its variable, its flag, its default.
#[test]
fn the_page_of_the_configuration_lists_every_key() {
    let listed: Vec<Vec<String>> = rows(&page("docs/configuration.md"))
        .into_iter()
        .filter(|row| row[0].contains('.'))
        .map(|row| row[..4].to_vec())
        .collect();
    let listed_keys: Vec<_> = listed.iter().map(|row| row[0].clone()).collect();
    let known: Vec<_> = keys().map(Key::path).collect();
    assert_eq!(listed_keys, known);
    for (row, key) in listed.iter().zip(keys()) {
        assert_eq!(row[1], key.variable());
        let flag = key
            .flag()
            .map_or("—".to_owned(), |flag| format!("--{flag}"));
        assert_eq!(row[2], flag);
        if !FOUND_AT_START.contains(&row[0].as_str()) {
            assert_eq!(row[3], key.default_text(), "{}", key.path());
        }
    }
}

/// Named in a page as a part of somebody else's package.
const ELSEWHERE: [&str; 1] = ["src/passwords.json"];

/// Every file that a page names is there.
#[test]
fn every_path_that_a_page_names_exists() {
    let mut missing = BTreeSet::new();
    let mut named = 0;
    for name in pages() {
        let text = page(&name);
        let folder = PathBuf::from(&name).parent().unwrap().to_owned();
        for path in paths_in_backticks(&text) {
            named += 1;
            if !Path::new(ROOT).join(&path).exists() && !ELSEWHERE.contains(&path.as_str()) {
                missing.insert(format!("{name}: `{path}`"));
            }
        }
        for link in links(&text) {
            named += 1;
            if !Path::new(ROOT).join(&folder).join(&link).exists() {
                missing.insert(format!("{name}: ({link})"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(named > 20, "only {named} paths found");
}

#[test]
fn every_term_of_the_glossary_names_the_file_where_it_lives() {
    let terms = rows(&page("docs/glossary.md"));
    assert!(terms.len() > 10);
    for row in terms.iter().skip(1) {
        assert!(Path::new(ROOT).join(&row[2]).is_file(), "{row:?}");
    }
}

/// All Markdown at the top and under docs.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/adr"] {
        for entry in fs::read_dir(Path::new(ROOT).join(folder)).unwrap() {
            let path = Path::new(folder).join(entry.unwrap().file_name());
            if path.extension().is_some_and(|end| end == "md") {
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// What has a slash and a file's extension, or is under src/, and is written for the top folder.
fn paths_in_backticks(text: &str) -> Vec<String> {
    let outside_blocks = text.split("```").step_by(2);
    outside_blocks
        .flat_map(|part| part.lines())
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .map(|word| word.split(':').next().unwrap_or(word))
        .filter(|word| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            word.chars().all(plain)
                && word.contains('/')
                && !word.starts_with(['/', '.'])
                && (word.starts_with("src/") || has_file_extension(word))
        })
        .map(ToOwned::to_owned)
        .collect()
}

fn has_file_extension(word: &str) -> bool {
    let end = Path::new(word).extension().and_then(|end| end.to_str());
    end.is_some_and(|end| {
        [
            "rs", "toml", "md", "proto", "json", "py", "sh", "yml", "yaml", "txt",
        ]
        .contains(&end)
    })
}

/// The targets of links into the repository.
fn links(text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|link| !link.is_empty() && !link.contains("://"))
        .map(ToOwned::to_owned)
        .collect()
}

/// (W19) The service config that callers copy names methods that exist.
#[test]
fn the_shipped_service_config_names_methods_that_exist() {
    let config: Value = serde_json::from_str(&page("examples/service-config.json")).unwrap();
    let known = rpcs();
    let mut named = Vec::new();
    for entry in config["methodConfig"].as_array().unwrap() {
        for name in entry["name"].as_array().unwrap() {
            let text = |key: &str| name[key].as_str().unwrap().to_owned();
            named.push((text("service"), text("method")));
        }
        assert_eq!(
            entry["retryPolicy"]["retryableStatusCodes"],
            serde_json::json!(["UNAVAILABLE"])
        );
    }
    assert!(named.iter().all(|one| known.contains(one)), "{named:?}");
    // A retry of CreateSession would open a second session, a retried change is refused.
    let mut methods: Vec<_> = named.iter().map(|(_, method)| method.as_str()).collect();
    methods.sort_unstable();
    assert_eq!(
        methods,
        [
            "BatchValidateSessions",
            "CancelEmailChange",
            "ClearThrottle",
            "CreatePasswordReset",
            "DeleteUser",
            "DisableUser",
            "EnableUser",
            "ExportUserData",
            "FindUser",
            "GetAccount",
            "ListEvents",
            "ListSessions",
            "ListUserSessions",
            "ListUsers",
            "Reauthenticate",
            "RequestEmailVerification",
            "RequestPasswordReset",
            "RevokeOtherSessions",
            "RevokeSession",
            "RevokeSessionById",
            "RevokeUserSessions",
            "RotateSession",
            "ValidLogin",
            "ValidateSession",
        ]
    );
}
