//! The faults of the TLS files, for the report at start and for the log of a running service.

use std::{fmt, path::PathBuf};

/// One of the files of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFile {
    /// The certificate of the service, followed by its chain.
    Certificate,
    Key,
    /// The authorities that client certificates are verified against.
    ClientCa,
}

impl TlsFile {
    /// The configuration key that names the file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Certificate => "tls.certificate",
            Self::Key => "tls.key",
            Self::ClientCa => "tls.client_ca",
        }
    }
}

/// A fault of a file. It quotes nothing of the content.
#[derive(Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// The role of the file.
    pub file: TlsFile,
    /// The path of the file.
    pub path: PathBuf,
    /// What is wrong, as the end of a sentence that begins with the path.
    pub wrong: String,
    /// What the operator can do about it.
    pub fix: &'static str,
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, path) = (self.file.key(), self.path.display());
        write!(f, "{key}: {path} {}; {}", self.wrong, self.fix)
    }
}
