//! Loads the PEM files of TLS: each is read whole and checked, and all faults are reported together.

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
    server::WebPkiClientVerifier,
    sign::{CertifiedKey, SigningKey},
};
use zeroize::Zeroizing;

use super::{
    certificate,
    credentials::{ClientAuthorities, ServerCredentials},
    fault::{TlsFault, TlsFile},
};

/// The largest file that is read. PEM files of certificates are far smaller.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The mode bits that let every user of the machine read or replace the key. The group may read it:
/// a Kubernetes volume belongs to a group.
const MODE_OTHERS: u32 = 0o006;

/// The paths of the PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate of the service, followed by its chain.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The authorities that client certificates are verified against; `None`: clients are not asked
    /// for a certificate.
    pub client_ca: Option<PathBuf>,
}

type Chain = Vec<CertificateDer<'static>>;

/// What is wrong with a file, and what to do about it.
type FileFault = (String, &'static str);

impl TlsFiles {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// The faults of all files, not only the first.
    pub fn load(&self) -> Result<ServerCredentials, Vec<TlsFault>> {
        let in_certificate = make_fault(TlsFile::Certificate, &self.certificate);
        let in_key = make_fault(TlsFile::Key, &self.key);
        let chain = read_certificates(&self.certificate).map_err(&in_certificate);
        let key = read_key(&self.key).map_err(&in_key);
        let authorities = match &self.client_ca {
            Some(path) => read_authorities(path)
                .map(Some)
                .map_err(make_fault(TlsFile::ClientCa, path)),
            None => Ok(None),
        };
        let pair = match (chain, key) {
            (Ok(chain), Ok(key)) => pair_key(chain, key).map_err(|trouble| vec![in_key(trouble)]),
            (chain, key) => Err(chain.err().into_iter().chain(key.err()).collect()),
        };
        match (pair, authorities) {
            (Ok(pair), Ok(authorities)) => build_credentials(pair, authorities)
                .map_err(|trouble| vec![in_certificate(trouble)]),
            (pair, authorities) => {
                let mut faults = pair.err().unwrap_or_default();
                faults.extend(authorities.err());
                Err(faults)
            }
        }
    }

    /// The warning about an expired certificate. It is served all the same: a service that does not
    /// start would help its callers even less.
    pub fn expiry_warning(&self) -> String {
        format!(
            "{}: {} has expired, and clients refuse it",
            TlsFile::Certificate.key(),
            self.certificate.display()
        )
    }
}

/// Makes the trouble with a file a fault, which names its key and path.
fn make_fault(file: TlsFile, path: &Path) -> impl Fn(FileFault) -> TlsFault {
    move |(wrong, fix)| TlsFault {
        file,
        path: path.to_owned(),
        wrong,
        fix,
    }
}

fn read_key(path: &Path) -> Result<Arc<dyn SigningKey>, FileFault> {
    let pem = read_file(path)?;
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & MODE_OTHERS != 0 {
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

fn pair_key(chain: Chain, key: Arc<dyn SigningKey>) -> Result<CertifiedKey, FileFault> {
    let pair = CertifiedKey::new(chain, key);
    pair.keys_match().map_err(|_| {
        (
            "is not the key of the first certificate in tls.certificate".to_owned(),
            "name the two files that were made together, the service's own certificate first",
        )
    })?;
    Ok(pair)
}

/// The verifier accepts clients without a certificate: a caller may have another proof.
fn read_authorities(path: &Path) -> Result<ClientAuthorities, FileFault> {
    let unusable = |_| {
        (
            "holds a certificate that cannot be used".to_owned(),
            "name a PEM file of authorities",
        )
    };
    let chain = read_certificates(path)?;
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

fn build_credentials(
    pair: CertifiedKey,
    authorities: Option<ClientAuthorities>,
) -> Result<ServerCredentials, FileFault> {
    ServerCredentials::new(pair, authorities).ok_or_else(|| {
        (
            "holds a certificate that cannot be used".to_owned(),
            "take one of X.509 version 3",
        )
    })
}

fn read_certificates(path: &Path) -> Result<Chain, FileFault> {
    let pem = read_file(path)?;
    let chain: Chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    let readable =
        |certificate: &CertificateDer<'_>| certificate::parse_certificate(certificate).is_some();
    if chain.is_empty() || !chain.iter().all(readable) {
        return Err((
            "holds no certificate in PEM, or one that cannot be read".to_owned(),
            "name a file of certificates, BEGIN CERTIFICATE",
        ));
    }
    Ok(chain)
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    let metadata = fs::metadata(path).map_err(unreadable)?;
    // Reading a pipe would block, and a device has no end.
    if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
        return Err(("is no file of at most 1 MiB".to_owned(), "name a PEM file"));
    }
    fs::read(path).map(Zeroizing::new).map_err(unreadable)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: io::Error) -> FileFault {
    (
        format!("cannot be read: {error}"),
        "name a file that this user may read",
    )
}

#[cfg(test)]
mod tests;
