//! The form of `database.url`. It may hold a password, so no message here quotes a part of it.

use std::{borrow::Cow, ffi::OsStr, net::IpAddr, os::unix::ffi::OsStrExt, path::PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use secrecy::SecretString;
use url::Url;

use super::problem::ConfigFault;
use crate::db::Target;

/// Stands for a secret wherever the configuration is shown.
pub(super) const MASK: &str = "********";

/// The characters that the path of a file in a URL must encode.
const FILE: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

/// The parameters that the Postgres driver knows; it would log others with their values.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

pub(super) struct DatabaseUrl {
    pub(super) target: Target,
    pub(super) has_password: bool,
    pub(super) warning: Option<String>,
}

pub(super) fn parse(text: &str) -> Result<DatabaseUrl, ConfigFault> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        let target = Target::Sqlite(parse_sqlite_file(path)?);
        return Ok(DatabaseUrl {
            target,
            has_password: false,
            warning: None,
        });
    }
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
    {
        return Err(ConfigFault::new(
            "is neither a SQLite nor a Postgres URL",
            "write sqlite:///path/to/file.db or postgres://user@host/database",
        ));
    }
    parse_postgres(text)
}

/// The URL of a file, for a default that is found at start.
pub(super) fn sqlite_url(path: &OsStr) -> String {
    format!("sqlite://{}", percent_encode(path.as_bytes(), FILE))
}

fn parse_sqlite_file(path: &str) -> Result<PathBuf, ConfigFault> {
    const FIX: &str = "write sqlite:///absolute/path.db or sqlite:relative.db";
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.contains(['?', '#']) {
        return Err(ConfigFault::new(
            "takes no parameters for SQLite",
            "remove what follows the path, or write ? as %3F and # as %23",
        ));
    }
    if path.contains(":memory:") {
        return Err(ConfigFault::new(
            "names a database in memory, which would vanish with its last connection",
            FIX,
        ));
    }
    let bytes: Cow<'_, [u8]> = percent_decode_str(path).into();
    if bytes.is_empty() || bytes.ends_with(b"/") || bytes.contains(&0) {
        return Err(ConfigFault::new("names no file", FIX));
    }
    Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
}

fn parse_postgres(text: &str) -> Result<DatabaseUrl, ConfigFault> {
    let url = Url::parse(text).map_err(|error| {
        ConfigFault::new(
            error.to_string(),
            "write postgres://user@host/database, with special characters percent-encoded",
        )
    })?;
    refuse_unencoded_password(&url)?;
    let warning = judge_encryption(&url)?;
    let has_password = url.password().is_some() || last_parameter(&url, &["password"]).is_some();
    let url = SecretString::from(text);
    if !Target::is_postgres_url(&url) {
        return Err(ConfigFault::new(
            "has a parameter with a value that the driver does not take",
            "write it as postgres://user@host/database?sslmode=…",
        ));
    }
    Ok(DatabaseUrl {
        target: Target::Postgres {
            url,
            password: None,
        },
        has_password,
        warning,
    })
}

/// A password with a bare `#`, `/` or `?` ends up in another part of the URL, where the driver
/// ignores it, logs it or takes it for a host.
fn refuse_unencoded_password(url: &Url) -> Result<(), ConfigFault> {
    let path = url.path().trim_start_matches('/');
    let unknown_parameter = url
        .query_pairs()
        .any(|(name, _)| !PARAMETERS.contains(&&*name) && !name.starts_with("options["));
    let wrong = if url.fragment().is_some() {
        "has a part after #"
    } else if path.contains(['/', '@']) {
        "has more than a database's name as its path"
    } else if unknown_parameter {
        "has a parameter that the driver does not know"
    } else {
        return Ok(());
    };
    Err(ConfigFault::new(
        wrong,
        "write it as postgres://user@host/database?sslmode=…, a password's #, /, ? and @ percent-encoded, or the password as database.password",
    ))
}

/// A connection over a network is encrypted unless the URL says otherwise. Returns a warning about
/// a mode that does not verify the server.
fn judge_encryption(url: &Url) -> Result<Option<String>, ConfigFault> {
    const FIX: &str = "add sslmode=verify-full (or require, or disable, on a network you trust)";
    let mode = last_parameter(url, &["sslmode", "ssl-mode"]);
    match mode.as_deref() {
        None if is_local(url)? => Ok(None),
        None => Err(ConfigFault::new(
            "names a host beyond loopback without an sslmode",
            FIX,
        )),
        Some("verify-full") => Ok(None),
        Some(mode @ ("verify-ca" | "require" | "prefer" | "allow" | "disable")) => {
            Ok((!is_local(url)?)
                .then(|| format!("sslmode={mode} does not prove who answers; verify-full does")))
        }
        Some(_) => Err(ConfigFault::new(
            "has an unknown sslmode",
            "write one of verify-full, verify-ca, require, prefer, allow, disable",
        )),
    }
}

/// Whether the server is on this machine. In the driver a socket wins over a host, and a later
/// parameter wins over an earlier one and over the host of the URL.
fn is_local(url: &Url) -> Result<bool, ConfigFault> {
    let in_query = |wanted: fn(&str) -> bool| {
        url.query_pairs()
            .filter(|(name, value)| matches!(&**name, "host" | "hostaddr") && wanted(value))
            .last()
            .map(|(_, value)| value.into_owned())
    };
    let authority = url
        .host_str()
        .map(|host| percent_decode_str(host).decode_utf8_lossy().into_owned())
        .filter(|host| !host.is_empty());
    if in_query(|host| host.starts_with('/')).is_some()
        || authority.as_ref().is_some_and(|host| host.starts_with('/'))
    {
        return Ok(true);
    }
    let Some(host) = in_query(|host| !host.starts_with('/')).or(authority) else {
        return Err(ConfigFault::new(
            "names no host, so that the driver would look for one in its own variables",
            "write the host, or ?host=/directory for a socket",
        ));
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    Ok(host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

fn last_parameter(url: &Url, names: &[&str]) -> Option<String> {
    url.query_pairs()
        .filter(|(name, _)| names.contains(&&**name))
        .last()
        .map(|(_, value)| value.into_owned())
}

/// The URL with its password masked.
pub(super) fn mask_password(text: &str) -> String {
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Ok(mut url) = Url::parse(text) else {
        return MASK.to_owned();
    };
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return MASK.to_owned();
    }
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| match &*name {
                "password" => (name.into_owned(), MASK.to_owned()),
                _ => (name.into_owned(), value.into_owned()),
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.into()
}

#[cfg(test)]
mod tests;
