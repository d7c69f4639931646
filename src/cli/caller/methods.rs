//! The methods that callers can be granted: as `vestibule caller methods` lists them and as `--allow`
//! takes them. There is no wildcard: a later release could put more behind it than was granted.

use crate::{
    config::nearest_name,
    transport::{grantable, grantable_methods},
};

const PACKAGE: &str = "vestibule.v1.";

/// A line for each service, which `--allow` takes as it is.
pub(super) fn render() -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut last = "";
    for (service, method) in short_names().filter_map(|name| name.split_once('/')) {
        match lines.last_mut() {
            Some(line) if service == last => line.extend([",", method]),
            Some(_) | None => lines.push(format!("{service}/{method}")),
        }
        last = service;
    }
    lines.join("\n")
}

/// Parses `UserService/FindUser,ListUsers,AuthService/ValidLogin` into full names: a method without a
/// service belongs to the service before it.
pub(super) fn parse(text: &str) -> Result<Vec<&'static str>, String> {
    let mut service = "";
    let methods = text.split(',').map(|part| {
        let method = part.rsplit_once('/').map_or(part, |(named, method)| {
            service = named;
            method
        });
        let name = format!("{service}/{method}");
        grantable(&name).ok_or_else(|| explain_unknown(name.trim_start_matches('/')))
    });
    methods.collect()
}

fn explain_unknown(name: &str) -> String {
    let name = name.strip_prefix(PACKAGE).unwrap_or(name);
    // Without a service, the method alone is compared.
    let comparable = |known: &'static str| match known.split_once('/') {
        Some((_, method)) if !name.contains('/') => method,
        Some(_) | None => known,
    };
    let near = nearest_name(
        name,
        short_names().map(|known| comparable(known).to_owned()),
    );
    let meant = near.and_then(|near| short_names().find(|known| comparable(known) == near));
    let hint = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    format!(
        "there is no method {name}{hint} (`vestibule caller methods` lists all; there is no wildcard)"
    )
}

fn short_names() -> impl Iterator<Item = &'static str> {
    grantable_methods().map(|rpc| rpc.strip_prefix(PACKAGE).unwrap_or(rpc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_can_be_granted_line_by_line() {
        let listed: Vec<_> = render().lines().map(|line| parse(line).unwrap()).collect();
        assert_eq!(listed.concat(), grantable_methods().collect::<Vec<_>>());
        assert_eq!(
            parse("UserService/FindUser,ListUsers,AuthService/ValidLogin").unwrap(),
            [
                "vestibule.v1.UserService/FindUser",
                "vestibule.v1.UserService/ListUsers",
                "vestibule.v1.AuthService/ValidLogin"
            ]
        );
    }

    #[test]
    fn a_slip_of_the_hand_is_answered_with_the_name_that_was_meant() {
        for (text, meant) in [
            ("AuthService/ValidateSesion", "AuthService/ValidateSession"),
            ("AuthServce/ValidateSession", "AuthService/ValidateSession"),
            ("vestibule.v1.UserService/Finduser", "UserService/FindUser"),
            ("UserService/FindUser,ListUser", "UserService/ListUsers"),
            ("ValidateSession", "AuthService/ValidateSession"),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains(&format!("did you mean {meant}?")), "{why}");
        }
        for text in ["AuthService/*", "*", "", "AuthService/Frobnicate"] {
            let why = parse(text).unwrap_err();
            assert!(!why.contains("did you mean"), "{why}");
        }
    }
}
