//! The script that installs Rust on a fresh machine, with a stand-in for what it downloads.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

/// What the script may find on the machine: neither Rust nor rustup.
const TOOLS: [&str; 12] = [
    "bash", "cat", "cc", "chmod", "cp", "cut", "dirname", "head", "mkdir", "sed", "sh", "sort",
];

/// Prints an installer as rustup's is: advice on standard output, progress on standard error.
const CURL: &str = r#"#!/bin/sh
cat <<'END'
echo "info: installing" >&2
mkdir -p "$CARGO_HOME/bin"
printf '#!/bin/sh\necho rustc 99.0.0\n' > "$CARGO_HOME/bin/rustc"
chmod 755 "$CARGO_HOME/bin/rustc"
cp "$CARGO_HOME/bin/rustc" "$CARGO_HOME/bin/cargo"
echo "To configure your current shell, you need to source the env file"
END
"#;

#[test]
fn a_fresh_machine_gets_rust_without_advice_that_it_does_not_need() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for tool in TOOLS {
        symlink(find(tool), bin.join(tool)).unwrap();
    }
    let curl = bin.join("curl");
    fs::write(&curl, CURL).unwrap();
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup-rust.sh");
    let output = Command::new("bash")
        .arg(script)
        .env_clear()
        .env("PATH", &bin)
        .env("CARGO_HOME", folder.path().join("cargo"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.ends_with("setup: rustc 99.0.0\n"), "{stdout}");
    assert!(!stdout.contains("configure your current shell"), "{stdout}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "info: installing\n");
}

fn find(tool: &str) -> std::path::PathBuf {
    let path = env::var_os("PATH").unwrap();
    let mut places = env::split_paths(&path).map(|folder| folder.join(tool));
    places.find(|place| place.exists()).expect(tool)
}
