//! The targets of the fuzzer: everything that reads what others write. No input panics, and what was read
//! is read again from its own text. `fuzz/` runs them with libFuzzer; the tests run the corpus, in which
//! each found case stays.

use crate::{
    config::{Config, Environment, Flags},
    domain::{
        CallerToken, CertificateIdentity, Email, EmailPrefix, HashedPassword, OneTimeTokenId,
        PasswordResetKind, PresentedToken, SessionToken, Token, TrustDomain,
    },
    hashing::check_readable,
    transport::fuzz,
};

/// A target and its name, which is that of its corpus too.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 8] = [
    ("token", token),
    ("hash", hash),
    ("email", email),
    ("rest_body", fuzz::rest_body),
    ("message", fuzz::message),
    ("page_token", fuzz::page_token),
    ("configuration", configuration),
    ("address", address),
];

/// Runs the target of a name.
///
/// # Panics
/// The target fails.
pub fn run(name: &str, data: &[u8]) {
    for (_, target) in TARGETS.iter().filter(|(known, _)| *known == name) {
        target(data);
    }
}

fn token(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Some(token) = SessionToken::parse(text) {
        assert_eq!(*token.expose(), text);
    }
    if let Some(token) = Token::<PasswordResetKind>::parse(text) {
        let _: OneTimeTokenId = token.id();
        assert_eq!(*token.expose(), text);
    }
    if let Some(token) = CallerToken::parse(text) {
        assert_eq!(*token.expose(), text);
    }
    let _ = PresentedToken::parse(text);
}

fn hash(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        let _ = check_readable(&HashedPassword::from_phc(text.to_owned()));
    }
}

fn email(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let _ = EmailPrefix::parse(text);
    if let Ok(email) = Email::parse(text) {
        let again = Email::parse(email.key().as_str());
        assert_eq!(
            again.map(|again| again.key().clone()).ok().as_ref(),
            Some(email.key())
        );
        let (local, host) = email.mailable();
        assert!(!local.is_empty() && !host.is_empty());
    }
}

/// A file, and variables, one to a line.
fn configuration(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let (file, variables) = text.split_once("\n---\n").unwrap_or((text, ""));
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    let environment: Environment = variables.collect();
    let written = tempfile::NamedTempFile::new();
    let written = written.and_then(|place| std::fs::write(&place, file).map(|()| place));
    if let Ok(place) = written {
        let flags = Flags {
            config: Some(place.path().to_owned()),
            ..Flags::default()
        };
        let _ = Config::load(&flags, &environment);
    }
}

/// `Forwarded` (RFC 7239), an address, and the alternative names of a certificate, each to a line.
fn address(data: &[u8]) {
    fuzz::forwarded(data);
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let domain = TrustDomain::parse("example.org").ok();
    let names: Vec<_> = text.lines().collect();
    read_again(CertificateIdentity::from_alternative_names(
        &names,
        &names,
        domain.as_ref(),
    ));
    read_again(CertificateIdentity::from_alternative_names(
        &[],
        &names,
        None,
    ));
    read_again(CertificateIdentity::parse(text));
}

fn read_again(identity: Option<CertificateIdentity>) {
    if let Some(identity) = identity {
        let again = CertificateIdentity::parse(&identity.to_string());
        assert_eq!(again, Some(identity));
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Each target has a corpus, and every case of it holds.
    #[test]
    fn every_case_of_the_corpus_holds() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for (name, target) in TARGETS {
            let cases = fs::read_dir(corpus.join(name)).unwrap();
            let mut count = 0;
            for case in cases {
                let case = case.unwrap().path();
                let data = fs::read(&case).unwrap();
                // What a fuzzer would find first: parts of it, and with a byte that is no text.
                target(&data);
                for end in 0..data.len().min(512) {
                    target(&data[..end]);
                }
                target(&[&data[..], &[0xFF]].concat());
                count += 1;
            }
            assert!(count > 1, "{name} has no corpus");
        }
    }
}
