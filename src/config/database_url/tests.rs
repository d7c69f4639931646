//! Which URLs are accepted, and that no fault quotes a URL.

use secrecy::ExposeSecret;

use super::*;

#[test]
fn a_sqlite_url_names_a_file() {
    for (url, path) in [
        ("sqlite:///var/lib/v.db", "/var/lib/v.db"),
        ("sqlite://v.db", "v.db"),
        ("sqlite:v.db", "v.db"),
        ("sqlite:./dir/v.db", "./dir/v.db"),
        ("sqlite:///with%20space%3F.db", "/with space?.db"),
    ] {
        match parse(url).map(|url| url.target) {
            Ok(Target::Sqlite(file)) => assert_eq!(file, PathBuf::from(path)),
            Ok(Target::Postgres { .. }) | Err(_) => panic!("{url}"),
        }
    }
    let odd = OsStr::from_bytes(b"/a b/%\xff?.db");
    match parse(&sqlite_url(odd)).map(|url| url.target) {
        Ok(Target::Sqlite(file)) => assert_eq!(file.as_os_str(), odd),
        Ok(Target::Postgres { .. }) | Err(_) => panic!("{}", sqlite_url(odd)),
    }
}

#[test]
fn a_postgres_url_is_kept_as_it_is() {
    let text = "postgres://v:s3cret@localhost:5433/v?application_name=x";
    match parse(text).map(|url| url.target) {
        Ok(Target::Postgres { url, .. }) => assert_eq!(url.expose_secret(), text),
        Ok(Target::Sqlite(_)) | Err(_) => panic!("{text}"),
    }
}

#[test]
fn loopback_and_sockets_need_no_sslmode() {
    for url in [
        "postgres://v@localhost/v",
        "postgresql://v@LOCALHOST/v",
        "postgres://v@127.0.0.2:5433/v",
        "postgres://v@[::1]/v",
        "postgres://v@localhost/v?host=/run/postgresql",
        "postgres://v@db.example/v?host=/run/postgresql",
        "postgres:///v?host=/run/postgresql&user=v",
        "postgres://%2Frun%2Fpostgresql/v",
        "postgres://v@db.example/v?sslmode=verify-full",
    ] {
        assert!(parse(url).is_ok_and(|url| url.warning.is_none()), "{url}");
    }
}

#[test]
fn beyond_loopback_a_weaker_sslmode_is_warned_of_and_none_is_refused() {
    for mode in ["verify-ca", "require", "prefer", "allow", "disable"] {
        let url = format!("postgres://v@db.example/v?sslmode={mode}");
        assert!(parse(&url).is_ok_and(|url| url.warning.is_some()), "{url}");
    }
    for url in [
        "postgres://v@db.example/v",
        "postgres://v@localhost/v?host=db.example",
        "postgres://v@localhost/v?hostaddr=10.0.0.1",
        "postgres://v@127.0.0.1.example/v",
    ] {
        assert!(parse(url).is_err(), "{url}");
    }
}

#[test]
fn what_is_no_url_is_refused_and_never_quoted() {
    for url in [
        "",
        "hunter2",
        "mysql://v:hunter2@localhost/v",
        "postgres:hunter2",
        "postgres://v:hun#ter2@localhost/v",
        "postgres://v:5/hunter2@localhost/v",
        "postgres://v:5?hunter2@localhost/v",
        "postgres://v:5#hunter2@localhost/v",
        "postgres://v:hunter2@/v",
        "postgres:///v?password=hunter2",
        "postgres://v:hunter2@localhost/v?sslmode=hunter2",
        "postgres://v@localhost/v?hunter2=1",
        "sqlite:",
        "sqlite://",
        "sqlite:///var/lib/",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite:file::memory:",
        "sqlite://v.db?mode=rwc&key=hunter2",
    ] {
        let fault = parse(url).err().unwrap_or_else(|| panic!("{url}"));
        assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
    }
}

#[test]
fn a_masked_url_has_no_password() {
    for (url, shown) in [
        (
            "postgres://v:hunter2@localhost/v",
            "postgres://v:********@localhost/v",
        ),
        (
            "postgres://v@localhost/v?user=w&password=hunter2",
            "postgres://v@localhost/v?user=w&password=********",
        ),
        ("postgres://v@localhost/v", "postgres://v@localhost/v"),
        ("sqlite:v.db", "sqlite:v.db"),
        ("hunter2", MASK),
    ] {
        assert_eq!(mask_password(url), shown);
    }
}
