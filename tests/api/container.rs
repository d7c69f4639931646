//! The container files: what they promise is in them, and what they set is what the binary reads. No
//! engine is needed; whether the image builds is not shown here.

use std::{fs, path::Path};

use crate::harness::ServerProcess;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Made at the first start; nobody writes it down.
const PASSWORD_FILE: &str = "/run/vestibule-secret/database-password";

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// The instructions of the image itself, after the build stage, one a line.
fn image() -> Vec<String> {
    let whole = file("Dockerfile");
    let lines = whole.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let last = joined.rfind("\nFROM ").unwrap();
    let instructions = joined[last..].lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.join(" ")
    });
    instructions.filter(|line| !line.is_empty()).collect()
}

/// The variables of ours that the image sets.
fn image_variables() -> Vec<(String, String)> {
    let image = image();
    let set = image.iter().filter_map(|line| line.strip_prefix("ENV "));
    let pairs = set
        .flat_map(|line| line.split(' '))
        .map(|pair| pair.split_once('=').unwrap());
    pairs
        .filter(|(name, _)| name.starts_with("VESTIBULE_"))
        .map(owned)
        .collect()
}

/// The variables of ours that the compose file sets.
fn compose_variables() -> Vec<(String, String)> {
    let compose = file("docker-compose.yml");
    let set = compose
        .lines()
        .filter_map(|line| line.trim().split_once(": "));
    let ours = set.filter(|(name, _)| name.starts_with("VESTIBULE_"));
    ours.map(|(name, value)| owned((name, value.trim_matches('"'))))
        .collect()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

async fn shown(variables: &[(String, String)]) -> String {
    let variables: Vec<_> = variables
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let ended = ServerProcess::run(&["config", "show"], &variables).await;
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    ended.stdout
}

/// (W55)
#[test]
fn the_image_runs_one_binary_as_nobody_and_needs_no_shell() {
    let image = image();
    for instruction in [
        "USER 65532:65532",
        "VOLUME /var/lib/vestibule",
        r#"ENTRYPOINT ["/usr/local/bin/vestibule"]"#,
        r#"CMD ["serve"]"#,
    ] {
        assert!(
            image.iter().any(|line| line == instruction),
            "{instruction}"
        );
    }
    let health = image.iter().find(|line| line.starts_with("HEALTHCHECK "));
    let own = r#"CMD ["/usr/local/bin/vestibule", "healthcheck"]"#;
    assert!(health.unwrap().ends_with(own));
    assert!(
        !image.iter().any(|line| line.starts_with("RUN ")),
        "a shell"
    );
}

/// Templates are found by a file of their own, without which nothing compiles.
#[test]
fn what_the_compiler_reads_enters_the_build() {
    let (dockerfile, ignored) = (file("Dockerfile"), file(".dockerignore"));
    let copied: Vec<_> = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .flat_map(|line| line.split(' '))
        .collect();
    for name in [
        "Cargo.toml",
        "Cargo.lock",
        "askama.toml",
        "build.rs",
        "migrations",
        "proto",
        "src",
    ] {
        assert!(copied.contains(&name), "{name} is not copied");
        let shown = format!("!{name}");
        assert!(ignored.lines().any(|line| line == shown), "{name}");
    }
}

#[tokio::test]
async fn the_image_listens_everywhere_and_keeps_its_users_in_the_volume() {
    let shown = shown(&image_variables()).await;
    for setting in [
        r#"listen = "0.0.0.0:50051""#,
        r#"listen = "0.0.0.0:8080""#,
        r#"listen = "0.0.0.0:9090""#,
        r#"url = "sqlite:///var/lib/vestibule/vestibule.db""#,
    ] {
        assert!(shown.contains(setting), "{setting} in {shown}");
    }
}

/// Nothing to edit, no secret to find, and no port for strangers.
#[tokio::test]
async fn compose_comes_up_from_a_clone_with_a_password_that_nobody_wrote_down() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "canary").unwrap();
    let mut variables = image_variables();
    for (name, value) in compose_variables() {
        assert!(!name.ends_with("PASSWORD"), "{name} is written down");
        let value = match value.as_str() {
            PASSWORD_FILE => password.to_str().unwrap().to_owned(),
            _ => value,
        };
        variables.retain(|(set, _)| *set != name);
        variables.push((name, value));
    }
    let shown = shown(&variables).await;
    for setting in ["password_file = ", "migrate_on_start = false"] {
        assert!(shown.contains(setting), "{setting} in {shown}");
    }

    let compose = file("docker-compose.yml");
    for promise in [
        "condition: service_completed_successfully",
        "condition: service_healthy",
        "read_only: true",
        "stop_grace_period: 30s",
        "VESTIBULE_DATABASE_PASSWORD_FILE: ",
        "POSTGRES_PASSWORD_FILE: ",
    ] {
        assert!(compose.contains(promise), "{promise}");
    }
    let is_port = |line: &&str| line.starts_with("- \"") && line.contains(':');
    let ports: Vec<_> = compose.lines().map(str::trim).filter(is_port).collect();
    assert_eq!(ports.len(), 3, "{ports:?}");
    assert!(
        ports.iter().all(|port| port.starts_with("- \"127.0.0.1:")),
        "{ports:?}"
    );
}
