//! The files that TLS lives on: read whole, checked whole, every fault told at once.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SigningKey},
};
use zeroize::Zeroizing;

use super::{
    certificate,
    credentials::Credentials,
    fault::{Fault, File},
};

/// No file of certificates is larger, and no other file is read whole by mistake.
const LARGEST: u64 = 1024 * 1024;
/// Who may read the key may pass for the service; who may write it may replace it. Its group may:
/// a Kubernetes volume belongs to one.
const OTHERS: u32 = 0o006;

/// Where the PEM files are.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate of the service, then what leads to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose client certificates are believed; `None`: no client is asked for one.
    pub client_ca: Option<PathBuf>,
}

type Chain = Vec<CertificateDer<'static>>;

/// What is wrong with a file and what to do about it.
type Trouble = (String, &'static str);

impl Files {
    /// Reads and checks them.
    ///
    /// # Errors
    /// Every fault there is, not only the first.
    pub fn load(&self) -> Result<Credentials, Vec<Fault>> {
        let chain = told(File::Certificate, &self.certificate, chain);
        let key = told(File::Key, &self.key, key);
        let authorities = match &self.client_ca {
            Some(path) => told(File::ClientCa, path, authorities).map(Some),
            None => Ok(None),
        };
        let pair = match (chain, key) {
            (Ok(chain), Ok(key)) => {
                told(File::Key, &self.key, |_| pair(chain, key)).map_err(|fault| vec![fault])
            }
            (chain, key) => Err(chain.err().into_iter().chain(key.err()).collect()),
        };
        match (pair, authorities) {
            (Ok(pair), Ok(authorities)) => {
                let build = |_: &Path| credentials(pair, authorities);
                told(File::Certificate, &self.certificate, build).map_err(|fault| vec![fault])
            }
            (pair, authorities) => {
                let mut faults = pair.err().unwrap_or_default();
                faults.extend(authorities.err());
                Err(faults)
            }
        }
    }

    /// What is said of a certificate that has expired: it is served all the same, because a service
    /// that does not start helps nobody.
    pub fn expired(&self) -> String {
        format!(
            "{}: {} has expired, and clients refuse it",
            File::Certificate.key(),
            self.certificate.display()
        )
    }
}

/// Does something with a file; its trouble is told with the key and the path.
fn told<T>(
    file: File,
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, Trouble>,
) -> Result<T, Fault> {
    work(path).map_err(|(wrong, fix)| Fault {
        file,
        path: path.to_owned(),
        wrong,
        fix,
    })
}

fn chain(path: &Path) -> Result<Chain, Trouble> {
    certificates(&read(path)?)
}

fn key(path: &Path) -> Result<Arc<dyn SigningKey>, Trouble> {
    let pem = read(path)?;
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err((
            format!(
                "is open to every user of the machine (mode {:04o})",
                mode & 0o7777
            ),
            "give it to the service's user or group alone, with chmod 0640 or 0600",
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        (
            "holds no private key in PEM".to_owned(),
            "name a file with one that is not encrypted, BEGIN PRIVATE KEY",
        )
    })?;
    ring::default_provider()
        .key_provider
        .load_private_key(key)
        .map_err(|_| {
            (
                "holds a private key that cannot be used".to_owned(),
                "take one of ECDSA P-256 or P-384, Ed25519, or RSA from 2048 bits",
            )
        })
}

fn pair(chain: Chain, key: Arc<dyn SigningKey>) -> Result<CertifiedKey, Trouble> {
    let pair = CertifiedKey::new(chain, key);
    pair.keys_match().map_err(|_| {
        (
            "is not the key of the first certificate in tls.certificate".to_owned(),
            "name the two files that were made together, the service's own certificate first",
        )
    })?;
    Ok(pair)
}

/// The authorities, and what judges a client's certificate by them.
pub(super) type Authorities = (Chain, Arc<dyn ClientCertVerifier>);

/// A client without a certificate is served as well: a caller may have another proof.
fn authorities(path: &Path) -> Result<Authorities, Trouble> {
    let unusable = |_| {
        (
            "holds a certificate that cannot be used".to_owned(),
            "name a PEM file of authorities",
        )
    };
    let chain = certificates(&read(path)?)?;
    let mut roots = RootCertStore::empty();
    for authority in &chain {
        roots.add(authority.clone()).map_err(unusable)?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|_| {
            (
                "holds no authority".to_owned(),
                "name a PEM file of authorities",
            )
        })?;
    Ok((chain, verifier))
}

fn credentials(
    pair: CertifiedKey,
    authorities: Option<Authorities>,
) -> Result<Credentials, Trouble> {
    Credentials::new(pair, authorities).ok_or_else(|| {
        (
            "holds a certificate that cannot be used".to_owned(),
            "take one of X.509 version 3",
        )
    })
}

fn certificates(pem: &[u8]) -> Result<Chain, Trouble> {
    let chain: Chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    let readable = |certificate: &CertificateDer<'_>| certificate::read(certificate).is_some();
    if chain.is_empty() || !chain.iter().all(readable) {
        return Err((
            "holds no certificate in PEM, or one that cannot be read".to_owned(),
            "name a file of certificates, BEGIN CERTIFICATE",
        ));
    }
    Ok(chain)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let metadata = fs::metadata(path).map_err(unreadable)?;
    // A pipe would be waited for, and a device has no end.
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(("is no file of at most 1 MiB".to_owned(), "name a PEM file"));
    }
    fs::read(path).map(Zeroizing::new).map_err(unreadable)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: io::Error) -> Trouble {
    (
        format!("cannot be read: {error}"),
        "name a file that this user may read",
    )
}

#[cfg(test)]
mod tests;
