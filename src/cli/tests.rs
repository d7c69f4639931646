//! The arguments: what each command takes, and what is refused.

use std::time::Duration;

use super::{
    caller::CallerArgs,
    migrate::MigrateStep,
    users::{UserAction, UsersArgs},
    *,
};
use crate::{
    config::{Flags, keys},
    domain::{CallerName, CertificateIdentity, Email, UserId, UserKey},
};

fn parsed(line: &str) -> Result<Command, clap::Error> {
    parse(std::iter::once("vestibule").chain(line.split_whitespace()))
}

/// The help of a command as on a terminal of so many columns.
fn help(line: &str, columns: usize) -> String {
    let line = format!("vestibule{line} --help");
    let root = command::root().term_width(columns);
    let help = root.try_get_matches_from(line.split_whitespace());
    help.unwrap_err().to_string()
}

/// (W49)
#[test]
fn help_says_what_each_command_does() {
    let commands = [
        "",
        " serve",
        " migrate",
        " migrate down",
        " backup",
        " caller",
        " caller add",
        " caller rotate",
        " users",
        " users show",
        " users delete",
        " users import",
        " users export",
        " sessions",
        " sessions revoke",
        " healthcheck",
        " config",
        " calibrate",
        " version",
    ];
    let helps =
        commands.map(|command| format!("$ vestibule{command} --help\n{}", help(command, 100)));
    insta::assert_snapshot!("help", helps.join("\n"));
}

#[test]
fn help_is_wrapped_to_the_terminal() {
    for command in ["", " serve", " caller add", " users import", " calibrate"] {
        let help = help(command, 60);
        for line in help.lines().filter(|line| !line.contains("--")) {
            assert!(line.chars().count() <= 60, "{line}");
        }
    }
}

#[test]
fn without_a_command_it_serves() {
    for line in [
        "--dev --grpc-listen 127.0.0.1:1",
        "serve --dev --grpc-listen 127.0.0.1:1",
    ] {
        match parsed(line) {
            Ok(Command::Serve(Flags { dev, values, .. })) => {
                assert!(dev);
                assert_eq!(values.len(), 1);
                assert_eq!(values[0].1, "127.0.0.1:1");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn migrate_down_needs_to_be_told_yes() {
    let step = |line: &str| match parsed(line) {
        Ok(Command::Migrate(_, step)) => step,
        other => panic!("{other:?}"),
    };
    assert_eq!(step("migrate up"), MigrateStep::Up);
    assert_eq!(step("migrate down"), MigrateStep::Down { yes: false });
    assert_eq!(step("migrate down --yes"), MigrateStep::Down { yes: true });
    assert_eq!(step("migrate status"), MigrateStep::Status);
}

/// Grants are kept by their full names, however they are written.
#[test]
fn callers_are_asked_for_in_full() {
    let args = |line: &str| match parsed(line) {
        Ok(Command::Caller(_, args)) => args,
        other => panic!("{other:?}"),
    };
    let name = CallerName::parse("billing").unwrap();
    assert_eq!(
        args(
            "caller add billing --allow AuthService/ValidLogin,vestibule.v1.AuthService/RevokeSession \
             --identity spiffe://example.org/billing --identity dns:billing.example.org"
        ),
        CallerArgs::Add {
            name: name.clone(),
            allow: vec![
                "vestibule.v1.AuthService/ValidLogin",
                "vestibule.v1.AuthService/RevokeSession"
            ],
            identities: vec![
                CertificateIdentity::Spiffe("spiffe://example.org/billing".into()),
                CertificateIdentity::Dns("billing.example.org".into()),
            ],
            client_address: false,
        }
    );
    for (line, hours) in [("", 24), (" --overlap 1h", 1), (" --overlap 0", 0)] {
        let overlap = Duration::from_hours(hours);
        assert_eq!(
            args(&format!("caller rotate billing{line}")),
            CallerArgs::Rotate {
                name: name.clone(),
                overlap
            }
        );
    }
    assert_eq!(args("caller remove billing"), CallerArgs::Remove { name });
    assert_eq!(args("caller list"), CallerArgs::List);
}

#[test]
fn users_are_named_by_id_or_address() {
    let args = |line: &str| match parsed(line) {
        Ok(Command::Users(_, args)) => args,
        other => panic!("{other:?}"),
    };
    let id = "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f";
    let by_id = UserKey::Id(UserId::parse(id).unwrap());
    let by_email = UserKey::from(Email::parse("ada@example.com").unwrap());
    for (step, action) in [
        ("show", UserAction::Show),
        ("disable", UserAction::Disable),
        ("enable", UserAction::Enable),
        ("revoke-sessions", UserAction::RevokeSessions),
        ("delete", UserAction::Delete { yes: false }),
        ("delete --yes", UserAction::Delete { yes: true }),
    ] {
        let asked = args(&format!("users {step} {id}"));
        assert_eq!(asked, UsersArgs::One(by_id.clone(), action));
        let asked = args(&format!("users {step} ada@example.com"));
        assert_eq!(asked, UsersArgs::One(by_email.clone(), action));
    }
    for (line, yes) in [("", false), (" --yes", true)] {
        let asked = args(&format!("sessions revoke --all{line}"));
        assert_eq!(asked, UsersArgs::RevokeAll { yes });
    }
}

/// Every key but the secrets has its flag on every command that reads it.
#[test]
fn flags_follow_from_the_keys() {
    let takes = |command: &str, flag: &str| parsed(&format!("{command} --{flag} x")).is_ok();
    for key in keys() {
        let flag = format!("{}-{}", key.section, key.name).replace('_', "-");
        for command in ["", "serve", "config check", "config show"] {
            assert_eq!(takes(command, &flag), !key.secret, "{command} {flag}");
        }
        let of_migrate = ["database", "log"].contains(&key.section);
        assert_eq!(
            takes("migrate up", &flag),
            of_migrate && !key.secret && key.name != "migrate_on_start"
        );
        assert_eq!(
            takes("backup copy.db", &flag),
            takes("migrate up", &flag),
            "{flag}"
        );
        let of_healthcheck = ["grpc-listen", "tls-certificate"].contains(&flag.as_str());
        assert_eq!(takes("healthcheck", &flag), of_healthcheck);
        assert_eq!(takes("calibrate", &flag), key.section == "hashing");
    }
}

/// Each has one fault.
const FAULTY: [&str; 49] = [
    "frobnicate",
    "help frobnicate",
    "--frobnicate",
    "serve extra",
    "migrate",
    "config",
    "migrate sideways",
    "backup",
    "backup one.db two.db",
    "serve --grpc-listen",
    "--grpc-listen a --grpc-listen b",
    "--dev migrate up",
    "calibrate --seconds 0",
    "calibrate --latency soon",
    "calibrate --logins-per-second 0",
    "calibrate --verify-rate 5 --logins-per-second 5",
    "caller",
    "caller add billing",
    "caller add --allow AuthService/ValidateSession",
    "caller add Billing --allow AuthService/ValidateSession",
    "caller add billing --allow AuthService/*",
    "caller add billing --allow *",
    "caller add billing --allow AuthService",
    "caller add billing --allow AuthService/NoSuchMethod",
    "caller add billing --allow grpc.health.v1.Health/Check",
    "caller add billing --allow AuthService/ValidateSession,",
    "caller add billing --allow AuthService/ValidateSession --identity CN=billing",
    "caller add billing --allow AuthService/ValidateSession --identity dns:*.example.org",
    "caller rotate billing --overlap 91d",
    "caller rotate billing --overlap soon",
    "caller remove",
    "caller list billing",
    "users",
    "users show",
    "users show ada",
    "users show 018C2E65-4B7E-7CC3-98C4-DC0C0C07398F",
    "users delete ada@example.com grace@example.com",
    "users show ada@example.com --yes",
    "users import",
    "users import users.txt",
    "users import users",
    "users import users.csv more.csv",
    "users import users.csv --from-flask-db a.db",
    "users export --with-password-hashes",
    "users export one.jsonl two.jsonl",
    "sessions",
    "sessions revoke",
    "sessions revoke --yes",
    "serve --database-url=postgres://v:hunter2@localhost/v",
];

/// (W49) (W50) Help and version are answers, everything else is a fault of usage.
#[test]
fn a_command_line_that_cannot_be_followed_is_a_fault_of_usage() {
    for line in FAULTY {
        assert_eq!(report(&parsed(line).unwrap_err()), Exit::Usage, "{line}");
    }
    for line in [
        "--help",
        "-h",
        "--version",
        "migrate up --help",
        "help",
        "help migrate",
        "help migrate up",
    ] {
        assert_eq!(report(&parsed(line).unwrap_err()), Exit::Done, "{line}");
    }
}
