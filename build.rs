//! Compiles `proto/` with protox, a protobuf compiler in Rust, so that a fresh machine needs no
//! protoc. Two products: the generated code, and the descriptor set that reflection serves.

use std::{env, error::Error, fs, path::PathBuf};

use protox::Compiler;

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

/// Messages that hold a password or a token: prost would derive a `Debug` that prints them.
const SECRET_MESSAGES: [&str; 22] = [
    "vestibule.v1.RegisterUserRequest",
    "vestibule.v1.ValidLoginRequest",
    "vestibule.v1.CreateSessionRequest",
    "vestibule.v1.CreateSessionResponse",
    "vestibule.v1.ValidateSessionRequest",
    "vestibule.v1.RevokeSessionRequest",
    "vestibule.v1.GetAccountRequest",
    "vestibule.v1.ChangePasswordRequest",
    "vestibule.v1.ResetPasswordRequest",
    "vestibule.v1.VerifyEmailRequest",
    "vestibule.v1.RequestEmailChangeRequest",
    "vestibule.v1.ConfirmEmailChangeRequest",
    "vestibule.v1.CloseAccountRequest",
    "vestibule.v1.BatchValidateSessionsRequest",
    "vestibule.v1.RotateSessionRequest",
    "vestibule.v1.RotateSessionResponse",
    "vestibule.v1.ListSessionsRequest",
    "vestibule.v1.RevokeSessionByIdRequest",
    "vestibule.v1.RevokeOtherSessionsRequest",
    "vestibule.v1.CreateSessionForUserResponse",
    "vestibule.v1.CreatePasswordResetResponse",
    "vestibule.v1.ImportedUser",
];

#[expect(
    clippy::disallowed_methods,
    reason = "Cargo tells build scripts where to write by variable"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    // Reflection needs no comments, and only `encode_file_descriptor_set` keeps `debug_redact`.
    let mut reflection = Compiler::new(["proto"])?;
    reflection.include_imports(true).open_files(PROTOS)?;
    fs::write(
        out.join("descriptors.bin"),
        reflection.encode_file_descriptor_set(),
    )?;

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
        .skip_debug(SECRET_MESSAGES)
        .include_file("protos.rs")
        .compile_fds(files)?;
    Ok(())
}
