//! Compiles `proto/` with protox, a protobuf compiler in Rust, so that a fresh machine needs no
//! protoc. Its products: the generated code, the descriptor set that reflection serves, and the
//! names of our messages as arguments of a macro: of all, for the tests, and of those with a secret, and the
//! code that wipes the secrets of requests. It also finds the commit of the build.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use protox::{
    Compiler,
    prost_reflect::{FieldDescriptor, MessageDescriptor},
};

const PACKAGE: &str = "vestibule.v1";
const PROTOS: [&str; 11] = [
    "vestibule/v1/account_service.proto",
    "vestibule/v1/audit_service.proto",
    "vestibule/v1/auth_service.proto",
    "vestibule/v1/errors.proto",
    "vestibule/v1/event.proto",
    "vestibule/v1/session.proto",
    "vestibule/v1/user.proto",
    "vestibule/v1/user_import.proto",
    "vestibule/v1/user_service.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
];

#[expect(
    clippy::disallowed_methods,
    reason = "build scripts are configured by variables"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=VESTIBULE_COMMIT");
    let commit = env::var("VESTIBULE_COMMIT").ok();
    let commit = commit.filter(|commit| !commit.is_empty()).or_else(head);
    let commit = commit.as_deref().unwrap_or("unknown");
    println!("cargo::rustc-env=VESTIBULE_COMMIT={commit}");

    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    // Reflection needs no comments, and only `encode_file_descriptor_set` keeps `debug_redact`.
    let mut reflection = Compiler::new(["proto"])?;
    reflection.include_imports(true).open_files(PROTOS)?;
    fs::write(
        out.join("descriptors.bin"),
        reflection.encode_file_descriptor_set(),
    )?;
    let pool = reflection.descriptor_pool();
    let ours = pool.all_messages();
    let ours: Vec<_> = ours.filter(|m| m.package_name() == PACKAGE).collect();
    let has_secret = |message: &&MessageDescriptor| message.fields().any(|field| is_secret(&field));
    let secret: Vec<_> = ours.iter().filter(has_secret).collect();
    write_macro_call(&out, "messages", &ours)?;
    write_macro_call(&out, "opaque_debug", secret.iter().copied())?;
    let wipes: String = ours.iter().map(wipe).collect();
    fs::write(out.join("wipe.rs"), wipes)?;

    let mut code = Compiler::new(["proto"])?;
    code.include_imports(true)
        .include_source_info(true)
        .open_files(PROTOS)?;
    let mut files = code.file_descriptor_set();
    // An option of fields, which generated code does not keep.
    files.file.retain(|file| file.package() != "google.api");
    // rustdoc would take the indented examples in googleapis' comments for Rust.
    for vendored in files
        .file
        .iter_mut()
        .filter(|file| file.package() == "google.rpc")
    {
        vendored.source_code_info = None;
    }
    tonic_prost_build::configure()
        .skip_debug(secret.iter().map(|message| message.full_name()))
        .include_file("protos.rs")
        .compile_fds(files)?;
    Ok(())
}

/// A field that a `Debug` would have to leave out.
fn is_secret(field: &FieldDescriptor) -> bool {
    let options = field.options();
    let redact = options.get_field_by_name("debug_redact");
    redact.is_some_and(|redact| redact.as_bool() == Some(true))
}

/// The code that wipes the secrets of a request.
fn wipe(message: &MessageDescriptor) -> String {
    let name = message.name();
    if !name.ends_with("Request") {
        return String::new();
    }
    let fields = message.fields().filter(is_secret);
    let wipes: String = fields
        .map(|field| match field.containing_oneof() {
            None => format!("self.{}.zeroize();", field.name()),
            Some(oneof) => format!(
                "if let Some({}::{}::{}(text)) = &mut self.{} {{ text.zeroize(); }}\n",
                snake(name),
                camel(oneof.name()),
                camel(field.name()),
                oneof.name()
            ),
        })
        .collect();
    format!("impl Wipe for {name} {{ fn wipe(&mut self) {{ {wipes} }} }}\n")
}

/// The name of a message as prost names its module.
fn snake(name: &str) -> String {
    name.char_indices()
        .flat_map(|(at, letter)| {
            let divider = (at > 0 && letter.is_ascii_uppercase()).then_some('_');
            divider.into_iter().chain([letter.to_ascii_lowercase()])
        })
        .collect()
}

/// The name of a field as prost names its variant.
fn camel(name: &str) -> String {
    let capital = |part: &str| {
        let (first, rest) = part.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    name.split('_').map(capital).collect()
}

/// Writes `name!(…);` with the names of messages to a file of this name.
fn write_macro_call<'m>(
    out: &Path,
    name: &str,
    messages: impl IntoIterator<Item = &'m MessageDescriptor>,
) -> io::Result<()> {
    let messages = messages.into_iter().map(MessageDescriptor::name);
    let messages = messages.collect::<Vec<_>>().join(", ");
    fs::write(
        out.join(name).with_extension("rs"),
        format!("{name}!({messages});"),
    )
}

/// The commit that is checked out. The build is repeated when another is, and the log of `HEAD` is
/// where that shows, be it by a commit, a rebase or a checkout.
fn head() -> Option<String> {
    // Sources inside another repository are not that repository's.
    if !Path::new(".git").exists() {
        return None;
    }
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        // Cargo repeats the build each time for a file that is missing.
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
