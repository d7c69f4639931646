//! The faults of files in the states that operators leave them in.

use std::process::Command;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;

/// A folder with a valid key pair, of which a test changes one thing.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        folder.write("certificate", &certificate.pem());
        folder.write("key", &key.serialize_pem());
        folder.write("ca", &certificate.pem());
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        self.chmod(name, 0o600);
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The key of each fault, and the whole text. No fault quotes a file.
    fn faults(&self) -> (Vec<&'static str>, String) {
        let files = TlsFiles {
            certificate: self.path("certificate"),
            key: self.path("key"),
            client_ca: Some(self.path("ca")),
        };
        let faults = files.load().err().unwrap_or_default();
        let text: Vec<_> = faults.iter().map(TlsFault::to_string).collect();
        let keys = faults.iter().map(|fault| fault.file.key()).collect();
        (keys, text.join("\n"))
    }
}

const ALL: [&str; 3] = ["tls.certificate", "tls.key", "tls.client_ca"];
const NAMES: [&str; 3] = ["certificate", "key", "ca"];

#[test]
fn good_files_have_no_fault() {
    assert_eq!(Folder::new().faults().1, "");
}

#[test]
fn every_faulty_file_is_reported_at_once_by_its_key_and_path() {
    let spoil: [fn(&Path); 5] = [
        |path| fs::remove_file(path).unwrap(),
        |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        },
        // Nobody will ever write into it.
        |path| {
            fs::remove_file(path).unwrap();
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        },
        |path| fs::write(path, "canary").unwrap(),
        |path| fs::write(path, vec![b' '; 1024 * 1024 + 1]).unwrap(),
    ];
    for spoil in spoil {
        let folder = Folder::new();
        for name in NAMES {
            spoil(&folder.path(name));
        }
        let (keys, text) = folder.faults();
        assert_eq!(keys, ALL, "{text}");
        for name in NAMES {
            let path = folder.path(name).display().to_string();
            assert!(text.contains(&path), "{path} in {text}");
        }
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn pem_that_holds_no_certificate_or_key_is_a_fault() {
    for text in [
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\ncanary",
        "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nY2FuYXJ5\n-----END ENCRYPTED PRIVATE KEY-----\n",
    ] {
        let folder = Folder::new();
        for name in NAMES {
            folder.write(name, text);
        }
        let (keys, report) = folder.faults();
        assert_eq!(keys, ALL, "{report}");
        assert!(
            !report.contains("canary") && !report.contains("Y2Fu"),
            "{report}"
        );
    }
}

#[test]
fn one_faulty_certificate_spoils_a_good_file() {
    let folder = Folder::new();
    let broken = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n";
    for name in ["certificate", "ca"] {
        folder.write(name, &format!("{}{broken}", folder.text(name)));
    }
    assert_eq!(folder.faults().0, ["tls.certificate", "tls.client_ca"]);
}

#[test]
fn a_key_of_another_certificate_is_a_fault_beside_others() {
    let folder = Folder::new();
    folder.write("key", &Folder::new().text("key"));
    folder.write("ca", "");
    assert_eq!(folder.faults().0, ["tls.key", "tls.client_ca"]);
}

/// (L5) A group may read it: that of a Kubernetes volume.
#[test]
fn a_key_that_is_open_to_others_is_refused() {
    let folder = Folder::new();
    for mode in [0o644, 0o604, 0o602, 0o666, 0o777] {
        folder.chmod("key", mode);
        let (keys, text) = folder.faults();
        assert_eq!(keys, ["tls.key"], "{mode:o}");
        assert!(text.contains(&format!("(mode 0{mode:o})")), "{text}");
    }
    for mode in [0o400, 0o440, 0o600, 0o640] {
        folder.chmod("key", mode);
        assert_eq!(folder.faults().1, "", "{mode:o}");
    }
    for name in ["certificate", "ca"] {
        folder.chmod(name, 0o644);
    }
    assert_eq!(folder.faults().1, "");
}

#[test]
fn the_key_may_stand_in_one_file_with_its_certificate() {
    let folder = Folder::new();
    let both = format!("{}{}", folder.text("key"), folder.text("certificate"));
    for name in NAMES {
        folder.write(name, &both);
    }
    assert_eq!(folder.faults().1, "");
}
