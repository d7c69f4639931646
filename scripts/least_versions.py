#!/usr/bin/env python3
"""Holds Cargo.lock against the least versions in deny.toml.

cargo-deny does the same for what is built. This needs no download, so it is never skipped, and it also
sees the crates of Cargo.lock that no feature of ours builds.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def numbers(version: str) -> tuple[int, ...]:
    """The three numbers of a version; what stands behind `-` or `+` does not count."""
    return tuple(int(number) for number in re.match(r"(\d+)\.(\d+)\.(\d+)", version).groups())


def least_versions() -> dict[str, str]:
    """The entries of the form `name:<version`; one without a version bans its crate altogether."""
    denied = tomllib.loads((ROOT / "deny.toml").read_text())["bans"]["deny"]
    specs = [entry["crate"].split(":", 1) for entry in denied]
    ranges = {name: version for name, *rest in specs for version in rest}
    unknown = [version for version in ranges.values() if not re.fullmatch(r"<\d+\.\d+\.\d+", version)]
    if unknown or not ranges:
        sys.exit(f"deny.toml: no least versions, or of another form than `<1.2.3`: {unknown}")
    return {name: version.removeprefix("<") for name, version in ranges.items()}


def main() -> None:
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    below = 0
    for name, least in least_versions().items():
        found = [package["version"] for package in locked if package["name"] == name]
        old = [version for version in found if numbers(version) < numbers(least)]
        below += len(old)
        verdict = f"below {least}" if old else f"{least} or newer"
        print(f"{name} {', '.join(found)}: {verdict if found else 'not in Cargo.lock'}")
    if below:
        sys.exit(f"below the least versions: {below}; raise them with `cargo update`")


main()
