//! The section `tls`. Its files are read here, so that their faults are reported with all others,
//! before anything is bound.

use std::path::PathBuf;

use super::{Key, key::KeyDefault::Described, problem::ConfigFault, reader::Reader};
use crate::{
    domain::{Clock, TrustDomain},
    server::tls::{ServerCredentials, TlsFile, TlsFiles, TlsSettings},
};

/// `VESTIBULE_TLS_CERTIFICATE`, default: none, plaintext.
const CERTIFICATE: Key = Key::new(
    "tls",
    "certificate",
    Described("none, plaintext"),
    "PEM file of the certificate, then its chain",
);

/// `VESTIBULE_TLS_KEY`, default: none, plaintext.
const KEY: Key = Key::new(
    "tls",
    "key",
    Described("none, plaintext"),
    "PEM file of its private key",
);

/// `VESTIBULE_TLS_CLIENT_CA`, default: none, nobody is asked.
pub(super) const CLIENT_CA: Key = Key::new(
    "tls",
    "client_ca",
    Described("none, nobody is asked"),
    "PEM file of the authorities of clients",
);

pub(super) const KEYS: &[&Key] = &[&CERTIFICATE, &KEY, &CLIENT_CA];

pub(super) struct TlsSection {
    /// `None`: plaintext.
    pub(super) settings: Option<TlsSettings>,
}

pub(super) fn read_section(
    reader: &mut Reader<'_>,
    trust_domain: Option<TrustDomain>,
) -> Option<TlsSection> {
    let complete = check_pairs(reader);
    let certificate = read_path(reader, &CERTIFICATE);
    let key = read_path(reader, &KEY);
    let client_ca = read_path(reader, &CLIENT_CA);
    let readable = complete && (client_ca.is_some() || !reader.is_set(&CLIENT_CA));
    if !readable {
        return None;
    }
    if !is_on(reader) {
        return Some(TlsSection { settings: None });
    }
    let files = TlsFiles {
        certificate: certificate?,
        key: key?,
        client_ca,
    };
    let credentials = load_credentials(reader, &files);
    Some(TlsSection {
        settings: Some(TlsSettings {
            credentials: credentials?,
            files,
            trust_domain,
        }),
    })
}

/// Whether gRPC and REST speak TLS, as far as an incomplete section tells.
pub(super) fn is_on(reader: &Reader<'_>) -> bool {
    reader.is_set(&CERTIFICATE)
}

/// A certificate needs its key, and clients show one only where there is TLS.
fn check_pairs(reader: &mut Reader<'_>) -> bool {
    let pairs = [
        (&CERTIFICATE, &KEY),
        (&KEY, &CERTIFICATE),
        (&CLIENT_CA, &CERTIFICATE),
    ];
    let complete = pairs.map(|(key, needed)| reader.require(key, needed));
    complete == [true; 3]
}

fn read_path(reader: &mut Reader<'_>, key: &Key) -> Option<PathBuf> {
    reader.read(key, |text| match text {
        "" => Err(ConfigFault::new("is empty", "name a file, or unset it")),
        path => Ok(PathBuf::from(path)),
    })
}

fn load_credentials(reader: &mut Reader<'_>, files: &TlsFiles) -> Option<ServerCredentials> {
    match files.load() {
        Ok(credentials) => {
            if credentials.have_expired(Clock::system().now()) {
                reader.warn(files.expiry_warning());
            }
            Some(credentials)
        }
        Err(faults) => {
            for fault in faults {
                let key = match fault.file {
                    TlsFile::Certificate => &CERTIFICATE,
                    TlsFile::Key => &KEY,
                    TlsFile::ClientCa => &CLIENT_CA,
                };
                let wrong = format!("{} {}", fault.path.display(), fault.wrong);
                reader.report(key, wrong, fault.fix);
            }
            None
        }
    }
}
