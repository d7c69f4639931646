//! The section `tls` and the rules on it. Faults of the files are tested beside `server`.

use std::{fs, os::unix::fs::PermissionsExt};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

/// Sources with a certificate and its key.
fn with_pair(change: impl FnOnce(&mut CertificateParams)) -> Sources {
    let mut sources = Sources::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    let certificate = sources.written("tls.crt", &certificate.pem());
    let key = sources.written("tls.key", &key.serialize_pem());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    sources
        .flag("tls.certificate", certificate.to_str().unwrap())
        .flag("tls.key", key.to_str().unwrap())
}

#[test]
fn without_a_certificate_it_is_plaintext() {
    assert!(Sources::new().loaded().application.server.tls.is_none());
    let tls = with_pair(|_| {}).loaded().application.server.tls.unwrap();
    assert!(tls.files.client_ca.is_none() && tls.trust_domain.is_none());
}

#[test]
fn a_certificate_needs_its_key_and_an_authority_both() {
    for (path, other) in [
        ("tls.certificate", "tls.key"),
        ("tls.key", "tls.certificate"),
        ("tls.client_ca", "tls.certificate"),
    ] {
        let (faults, text) = Sources::new().flag(path, "/nonexistent").faults();
        let flag = path.replace(['.', '_'], "-");
        assert_eq!(faults, [format!("{path} (--{flag})")]);
        assert!(text.contains(&format!("{other} is not")), "{text}");
    }
}

/// Each fault names the source of its key.
#[test]
fn faults_of_the_files_are_reported_with_all_the_others() {
    let (faults, text) = Sources::new()
        .variable("VESTIBULE_TLS_CERTIFICATE", "/nonexistent/tls.crt")
        .variable("VESTIBULE_TLS_KEY", "/nonexistent/tls.key")
        .variable("VESTIBULE_TLS_CLIENT_CA", "/nonexistent/ca.crt")
        .flag("hashing.workers", "none")
        .faults();
    assert_eq!(
        faults,
        [
            "tls.certificate (VESTIBULE_TLS_CERTIFICATE)",
            "tls.key (VESTIBULE_TLS_KEY)",
            "tls.client_ca (VESTIBULE_TLS_CLIENT_CA)",
            "hashing.workers (--hashing-workers)",
        ]
    );
    assert!(
        text.contains("/nonexistent/tls.key cannot be read: "),
        "{text}"
    );
}

#[test]
fn an_empty_path_is_a_fault() {
    for path in ["tls.certificate", "tls.key", "tls.client_ca"] {
        let (faults, text) = with_pair(|_| {}).flag(path, "").faults();
        assert_eq!(faults.len(), 1, "{text}");
        assert!(
            faults[0].starts_with(path) && text.contains("is empty"),
            "{text}"
        );
    }
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let sources = with_pair(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let warnings = sources.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("tls.certificate: "), "{warnings:?}");
    assert!(warnings[0].contains("has expired"), "{warnings:?}");
}

#[test]
fn a_trust_domain_is_read_whole_and_of_no_use_without_an_authority() {
    let domain = |sources: Sources, text| sources.flag("callers.trust_domain", text);
    let (faults, _) = domain(Sources::new(), "spiffe://example.org").faults();
    assert_eq!(faults, ["callers.trust_domain (--callers-trust-domain)"]);
    let warnings = domain(with_pair(|_| {}), "example.org").warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("callers.trust_domain is not used"));

    let mut sources = domain(with_pair(|_| {}), "example.org");
    let pem = fs::read_to_string(sources.written("ca", "").with_file_name("tls.crt")).unwrap();
    let authority = sources.written("ca", &pem);
    let sources = sources.flag("tls.client_ca", authority.to_str().unwrap());
    assert_eq!(sources.warnings(), [""; 0]);
    assert!(
        sources
            .loaded()
            .application
            .server
            .tls
            .unwrap()
            .trust_domain
            .is_some()
    );
}

#[test]
fn only_ports_in_plaintext_are_warned_of() {
    let sources = with_pair(|_| {})
        .flag("grpc.listen", "0.0.0.0:1")
        .flag("rest.listen", "0.0.0.0:2")
        .flag("operations.listen", "0.0.0.0:3");
    let warnings = sources.warnings();
    let of_plaintext: Vec<_> = warnings
        .iter()
        .filter(|warning| warning.contains("plaintext"))
        .collect();
    assert_eq!(of_plaintext.len(), 1, "{warnings:?}");
    assert!(
        of_plaintext[0].starts_with("operations.listen"),
        "{warnings:?}"
    );
    // Encrypted or not, they are open to every caller that reaches them.
    let of_callers = warnings
        .iter()
        .filter(|warning| warning.contains("open to"));
    assert_eq!(of_callers.count(), 2, "{warnings:?}");
}

#[test]
fn the_healthcheck_needs_to_know_that_there_is_tls_and_no_file() {
    let load = |sources: Sources| {
        HealthcheckConfig::load(&sources.flags, &sources.environment())
            .unwrap()
            .tls
    };
    assert!(!load(Sources::new()));
    assert!(load(Sources::new().flag("tls.certificate", "/nonexistent")));
}
