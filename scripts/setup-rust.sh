#!/usr/bin/env bash
# Makes sure that there is a Rust new enough to build this, so that a fresh machine needs no manual.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

new_enough() {
    command -v cargo >/dev/null && command -v rustc >/dev/null || return 1
    local found
    found=$(rustc --version | cut -d ' ' -f 2)
    [ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" = "$needed" ]
}

if ! command -v cc >/dev/null; then
    echo "setup: a C compiler is missing (SQLite and the cryptography are C). Install it:" >&2
    echo "    sudo apt-get install --yes gcc libc6-dev" >&2
    exit 1
fi

new_enough && exit 0

if command -v rustup >/dev/null; then
    echo "setup: Rust $needed or newer is needed; updating the stable toolchain with rustup"
    rustup toolchain install stable --profile minimal --component clippy --component rustfmt
    rustup default stable
else
    echo "setup: Rust $needed or newer is needed; installing it with rustup into ${CARGO_HOME:-$HOME/.cargo}"
    # A distribution's older Rust may stay beside it. rustup's standard output is advice to set PATH,
    # which `make` does by itself; its progress and its errors go to standard error.
    curl --proto '=https' --tlsv1.2 --silent --show-error --fail \
        https://static.rust-lang.org/rustup/rustup-init.sh |
        RUSTUP_INIT_SKIP_PATH_CHECK=yes sh -s -- -y --no-modify-path \
            --profile minimal --component clippy --component rustfmt >/dev/null
fi

if ! new_enough; then
    echo "setup: still no Rust $needed: $(rustc --version 2>&1)" >&2
    exit 1
fi
echo "setup: $(rustc --version)"
