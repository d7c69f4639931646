//! Real certificates, each with the names of one rule. The rules for the names are tested in
//! `domain`.

use rcgen::{
    CertificateParams, CustomExtension, DnType, KeyPair, SanType, date_time_ymd, string::Ia5String,
};

use super::*;

/// The object identifier of alternative names (RFC 5280 §4.2.1.6).
const SUBJECT_ALT_NAME: [u64; 4] = [2, 5, 29, 17];

fn uri(text: &str) -> SanType {
    SanType::URI(Ia5String::try_from(text).unwrap())
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(Ia5String::try_from(text).unwrap())
}

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "billing.example.org");
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

fn identity(names: Vec<SanType>) -> Option<CertificateIdentity> {
    let certificate = certificate(|params| params.subject_alt_names = names);
    let domain = TrustDomain::parse("example.org").unwrap();
    parse_certificate(&certificate)
        .unwrap()
        .identity(Some(&domain))
}

#[test]
fn a_single_spiffe_id_is_the_identity_beside_any_dns_names() {
    let id = "spiffe://example.org/ns/prod/sa/billing";
    let expected = Some(CertificateIdentity::Spiffe(id.to_owned()));
    assert_eq!(identity(vec![uri(id)]), expected);
    assert_eq!(identity(vec![dns("a.b"), uri(id), dns("c.d")]), expected);
}

#[test]
fn without_a_uri_a_single_dns_name_is_the_identity() {
    let expected = Some(CertificateIdentity::Dns("billing.example.org".to_owned()));
    assert_eq!(identity(vec![dns("Billing.Example.ORG")]), expected);
    let address = SanType::IpAddress([127, 0, 0, 1].into());
    assert_eq!(
        identity(vec![address, dns("billing.example.org")]),
        expected
    );
}

#[test]
fn ambiguous_or_unsupported_names_are_no_identity() {
    let id = "spiffe://example.org/billing";
    for names in [
        vec![uri(id), uri("spiffe://example.org/admin")],
        vec![uri(id), uri(id)],
        vec![uri("spiffe://other.org/billing")],
        vec![
            uri("https://example.org/billing"),
            dns("billing.example.org"),
        ],
        vec![dns("a.example.org"), dns("b.example.org")],
        vec![dns("*.example.org")],
        vec![dns("billing.example.org\0.evil")],
        vec![SanType::IpAddress([127, 0, 0, 1].into())],
        vec![SanType::Rfc822Name("a@example.org".try_into().unwrap())],
    ] {
        assert_eq!(identity(names.clone()), None, "{names:?}");
    }
}

/// The common name is `billing.example.org` in each of these certificates.
#[test]
fn a_common_name_is_no_identity() {
    assert_eq!(identity(Vec::new()), None);
}

#[test]
fn a_certificate_with_two_lists_of_names_is_not_read() {
    // SEQUENCE { [2] "evil" }
    let second = b"\x30\x06\x82\x04evil".to_vec();
    let twice = certificate(|params| {
        params.subject_alt_names = vec![dns("billing.example.org")];
        let extension = CustomExtension::from_oid_content(&SUBJECT_ALT_NAME, second);
        params.custom_extensions.push(extension);
    });
    assert!(parse_certificate(&twice).is_none());
}

#[test]
fn bytes_that_are_no_certificate_are_not_read() {
    let whole = certificate(|_| {});
    let cut = CertificateDer::from(whole[..whole.len() - 1].to_vec());
    let longer = CertificateDer::from([whole.as_ref(), b"x"].concat());
    for bytes in [CertificateDer::from(Vec::new()), cut, longer] {
        assert!(parse_certificate(&bytes).is_none());
    }
}

#[test]
fn the_end_of_a_certificate_is_read_on_both_sides_of_2050() {
    for year in [2049, 2050, 9999] {
        let certificate = certificate(|params| params.not_after = date_time_ymd(year, 6, 1));
        let expires = parse_certificate(&certificate).unwrap().expires;
        assert_eq!(expires.to_rfc3339(), format!("{year}-06-01T00:00:01+00:00"));
    }
}
