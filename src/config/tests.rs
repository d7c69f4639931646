//! Precedence, faults and `config show`. Each test brings its own variables instead of those of its
//! process.

use std::{fs, path::PathBuf, time::Duration};

use tempfile::TempDir;

use super::*;

/// The sources of one start.
#[derive(Default)]
struct Sources {
    flags: Flags,
    variables: Vec<(String, String)>,
    directory: Option<TempDir>,
}

impl Sources {
    fn new() -> Self {
        Self::default().variable("HOME", "/home/ada")
    }

    fn dev(mut self) -> Self {
        self.flags.dev = true;
        self
    }

    fn flag(mut self, path: &str, value: &str) -> Self {
        let key = keys().find(|key| key.path() == path).unwrap();
        self.flags.values.push((key, value.to_owned()));
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file and returns its path.
    fn written(&mut self, name: &str, content: &str) -> PathBuf {
        let directory = self
            .directory
            .get_or_insert_with(|| TempDir::new().unwrap());
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn file(mut self, toml: &str) -> Self {
        self.flags.config = Some(self.written("vestibule.toml", toml));
        self
    }

    fn secret_file(mut self, variable: &str, content: &str) -> Self {
        let path = self.written(variable, content);
        self.variable(variable, path.to_str().unwrap())
    }

    fn environment(&self) -> Environment {
        self.variables.iter().cloned().collect()
    }

    fn load(&self) -> Result<Config, ConfigProblems> {
        Config::load(&self.flags, &self.environment())
    }

    fn loaded(&self) -> Config {
        self.load().unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// The warnings, without the one that no mail is sent.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.loaded().warnings;
        warnings.retain(|warning| !warning.starts_with("smtp.server"));
        warnings
    }

    /// `key (source)` of each fault, and all of their text.
    fn faults(&self) -> (Vec<String>, String) {
        let problems = self.load().unwrap_err();
        let named = |problem: &ConfigProblem| format!("{} ({})", problem.key, problem.source);
        (problems.0.iter().map(named).collect(), problems.to_string())
    }
}

/// (W46) Flag > variable > file > default, for each pair.
#[test]
fn the_stronger_source_wins_over_the_weaker() {
    let grace = |sources: Sources| sources.loaded().application.server.grace.as_secs();
    let file = || Sources::new().file("[lifecycle]\ngrace = \"2s\"");
    let variable = |sources: Sources| sources.variable("VESTIBULE_LIFECYCLE_GRACE", "3s");
    let flag = |sources: Sources| sources.flag("lifecycle.grace", "4s");
    assert_eq!(grace(Sources::new()), 20);
    assert_eq!(grace(file()), 2);
    assert_eq!(grace(variable(Sources::new())), 3);
    assert_eq!(grace(flag(Sources::new())), 4);
    assert_eq!(grace(variable(file())), 3);
    assert_eq!(grace(flag(file())), 4);
    assert_eq!(grace(flag(variable(Sources::new()))), 4);
    assert_eq!(grace(flag(variable(file()))), 4);
}

#[test]
fn dev_changes_three_defaults_and_every_source_wins_over_it() {
    let plain = Sources::new().loaded();
    let dev = Sources::new().dev().loaded();
    let changed: Vec<_> = plain
        .shown()
        .lines()
        .zip(dev.shown().lines())
        .filter(|(plain, dev)| plain != dev)
        .map(|(_, dev)| dev)
        .collect();
    assert_eq!(
        changed,
        [
            "url = \"sqlite:./vestibule.db\" # default with --dev",
            "link_base = \"http://localhost:3000\" # default with --dev",
            "drain_delay = \"0s\" # default with --dev",
        ]
    );
    let delay = |sources: Sources| sources.dev().loaded().application.server.drain_delay;
    let set = Duration::from_secs(1);
    let toml = "[lifecycle]\ndrain_delay = \"1s\"";
    assert_eq!(delay(Sources::new()), Duration::ZERO);
    assert_eq!(delay(Sources::new().file(toml)), set);
    let variable = "VESTIBULE_LIFECYCLE_DRAIN_DELAY";
    assert_eq!(delay(Sources::new().variable(variable, "1s")), set);
    assert_eq!(
        delay(Sources::new().flag("lifecycle.drain_delay", "1s")),
        set
    );
}

#[test]
fn the_file_may_be_named_by_a_variable_and_the_flag_wins() {
    let mut sources = Sources::new();
    let path = sources.written("a.toml", "[password]\nmin_length = 15");
    let sources = sources.variable("VESTIBULE_CONFIG", path.to_str().unwrap());
    assert_eq!(sources.loaded().application.auth.password.min_length, 15);
    let sources = sources.file("[password]\nmin_length = 20");
    assert_eq!(sources.loaded().application.auth.password.min_length, 20);
}

/// (W46) (L5) Secrets are masked and every value names its source.
#[test]
fn what_is_shown_names_sources_and_no_secret() {
    let config = Sources::new()
        .secret_file("VESTIBULE_DATABASE_PASSWORD_FILE", "hunter2\n")
        .variable("VESTIBULE_DATABASE_URL", "postgres://v:hunter3@localhost/v")
        .flag("hashing.workers", "1")
        .file("[hashing]\nmemory_kib = 0x10000\n\n[grpc]\nreflection = false")
        .loaded();
    let shown = config.shown();
    assert!(!format!("{shown}{config:?}").contains("hunter"), "{shown}");
    for line in [
        "url = \"postgres://v:********@localhost/v\" # VESTIBULE_DATABASE_URL",
        "# VESTIBULE_DATABASE_PASSWORD_FILE",
        "listen = \"127.0.0.1:50051\" # default",
        "workers = 1 # --hashing-workers",
        "queue = 64 # default",
        "vestibule.toml:2",
        "vestibule.toml:5",
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
}

/// A note that the password is in the URL would be untrue of a URL without one.
#[test]
fn what_is_shown_names_the_password_of_the_database_only_where_there_is_one() {
    let noted = |url: &str| {
        let sources = Sources::new().variable("VESTIBULE_DATABASE_URL", url);
        sources.loaded().shown().contains("the one in the URL")
    };
    assert!(!noted("sqlite:v.db"));
    assert!(!noted("postgres://v@localhost/v"));
    assert!(noted("postgres://v:hunter2@localhost/v"));
    assert!(noted("postgres://v@localhost/v?password=hunter2"));
    let password = Sources::new().variable("VESTIBULE_DATABASE_PASSWORD", "hunter2");
    let shown = password.loaded().shown().to_owned();
    assert!(shown.contains("password = \"********\" # VESTIBULE_DATABASE_PASSWORD"));
}

#[test]
fn what_is_shown_can_be_loaded_again() {
    let shown = Sources::new().loaded().shown().to_owned();
    let again = Sources::new().file(&shown).loaded().shown().to_owned();
    let values = |text: &str| -> Vec<String> {
        let value = |line: &str| line.split(" # ").next().unwrap_or_default().to_owned();
        text.lines().map(value).collect()
    };
    assert_eq!(values(&shown), values(&again));
}

/// (W47) One start reports every fault: key, source, what is wrong, what to do.
#[test]
fn every_fault_is_reported_at_once() {
    let sources = Sources::new()
        .file(
            "[grpc]\nlisten = \"nowhere\"\ncolour = 1\n[sessions]\nlifetime = 3.5\n[wings]\na = 1",
        )
        .variable("VESTIBULE_GRPC_LISTN", "127.0.0.1:1")
        .variable("VESTIBULE_DATABASE_URL", "mysql://v:hunter2@db/v")
        .variable("VESTIBULE_DATABASE_PASSWORD", "")
        .flag("rest.listen", "127.0.0.1:9090")
        .flag("grpc.request_timeout", "99ms")
        .flag("password.min_length", "7");
    let (faults, text) = sources.faults();
    let file = sources.flags.config.as_ref().unwrap().display().to_string();
    assert_eq!(
        faults,
        [
            format!("sessions.lifetime ({file}:5)"),
            format!("grpc.colour ({file}:3)"),
            format!("wings.a ({file}:7)"),
            "VESTIBULE_GRPC_LISTN (environment)".to_owned(),
            format!("grpc.listen ({file}:2)"),
            "grpc.request_timeout (--grpc-request-timeout)".to_owned(),
            "operations.listen (default)".to_owned(),
            "database.password (VESTIBULE_DATABASE_PASSWORD)".to_owned(),
            "database.url (VESTIBULE_DATABASE_URL)".to_owned(),
            "password.min_length (--password-min-length)".to_owned(),
        ]
    );
    assert!(text.starts_with("10 faults in the configuration\n"));
    assert!(text.contains("did you mean VESTIBULE_GRPC_LISTEN?"));
    assert!(!text.contains("hunter2"));
}

#[test]
fn faults_of_a_file_name_their_lines_and_quote_none() {
    let toml = "[database]\npassword = \"hunter2\nurl = hunter3\n";
    let sources = Sources::new().file(toml);
    let (faults, text) = sources.faults();
    assert!(
        faults.len() >= 2 && text.contains("vestibule.toml:2"),
        "{text}"
    );
    assert!(!text.contains("hunter"), "{text}");
    let mut missing = Sources::new();
    missing.flags.config = Some("/nonexistent/vestibule.toml".into());
    assert_eq!(missing.faults().0, ["config (--config)"]);
}

/// Kubernetes' variables for Services `vestibule` and `vestibule-grpc` are ignored.
#[test]
fn service_links_are_ignored() {
    let mut sources = Sources::new();
    for service in ["", "GRPC_"] {
        for (name, value) in [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "50051"),
            ("SERVICE_PORT_GRPC", "50051"),
            ("PORT", "tcp://10.0.0.1:50051"),
            ("PORT_50051_TCP", "tcp://10.0.0.1:50051"),
            ("PORT_50051_TCP_PROTO", "tcp"),
            ("PORT_50051_TCP_PORT", "50051"),
            ("PORT_50051_TCP_ADDR", "10.0.0.1"),
        ] {
            sources = sources.variable(&format!("VESTIBULE_{service}{name}"), value);
        }
    }
    assert_eq!(sources.loaded().shown(), Sources::new().loaded().shown());
}

#[test]
fn commands_fail_only_over_sections_that_they_read() {
    let sources = Sources::new().variable("VESTIBULE_HASHING_WORKERS", "none");
    assert!(sources.load().is_err());
    assert!(DatabaseConfig::load(&sources.flags, &sources.environment()).is_ok());
    assert!(HealthcheckConfig::load(&sources.flags, &sources.environment()).is_ok());
    let sources = Sources::new().variable("VESTIBULE_WINGS", "2");
    assert!(DatabaseConfig::load(&sources.flags, &sources.environment()).is_err());
    assert!(HealthcheckConfig::load(&sources.flags, &sources.environment()).is_err());
}

mod documentation;
mod mail;
mod secrets;
mod sections;
mod tls;
