//! What can be wrong with a file of certificates, for the start and for the log of a running service.

use std::{fmt, path::PathBuf};

/// Which of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFile {
    /// The certificate of the service and what leads to its authority.
    Certificate,
    /// Its private key.
    Key,
    /// The authorities of client certificates.
    ClientCa,
}

impl TlsFile {
    /// The key that names it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Certificate => "tls.certificate",
            Self::Key => "tls.key",
            Self::ClientCa => "tls.client_ca",
        }
    }
}

/// One fault. It quotes nothing of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// In which file.
    pub file: TlsFile,
    /// Where that is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub wrong: String,
    /// What to do.
    pub fix: &'static str,
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, path) = (self.file.key(), self.path.display());
        write!(f, "{key}: {path} {}; {}", self.wrong, self.fix)
    }
}
