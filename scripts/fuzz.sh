#!/bin/bash
# Runs each fuzz target for FUZZ_SECONDS (60), two at a time, from the corpus in fuzz/corpus. It needs a
# nightly Rust and a C++ compiler; cargo-fuzz is not needed. A found case is in fuzz/artifacts: put it into
# the corpus, where `cargo test` runs it from then on.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${FUZZ_SECONDS:-60}
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
# What cargo-fuzz passes, without a sanitizer: there is no unsafe code of our own.
export RUSTFLAGS="--cfg fuzzing -C passes=sancov-module -C debug-assertions \
  -C llvm-args=-sanitizer-coverage-level=4 -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
  -C llvm-args=-sanitizer-coverage-pc-table -C llvm-args=-sanitizer-coverage-trace-compares"
cargo +nightly build --quiet --bins --target "$host"

run() {
  local found=artifacts/$1/ fresh
  mkdir -p "$found"
  # New inputs stay out of the repository.
  fresh=$(mktemp -d)
  if "target/$host/debug/$1" "$fresh" "corpus/$1" -max_total_time="$seconds" -max_len=4096 \
      -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$found" > "$fresh.log" 2>&1; then
    echo "fuzz: $1: $(grep -c . < <(ls "$fresh")) new inputs, $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$fresh.log") runs, nothing found"
  else
    tail -30 "$fresh.log"
    echo "fuzz: $1 FAILED: see fuzz/$found" >&2
    return 1
  fi
  rm -rf "$fresh" "$fresh.log"
}
export -f run
export seconds host
sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | grep -v vestibule-fuzz | xargs -P 2 -I{} bash -c 'run {}'
