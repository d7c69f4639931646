#!/usr/bin/env python3
"""Prints the software bill of materials of the release binary: CycloneDX 1.6, JSON.

`cargo metadata`, which the usual generators read, also names optional crates that no feature of ours
builds, such as sqlx-mysql; `cargo tree` resolves features as the build does. What only the build runs
has the scope "excluded". SQLite is C code inside a crate, so it is added by hand: scanners look for it
by its own name. The same commit prints the same bytes.

Usage: scripts/sbom.py [TARGET], by default for this machine.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = "vestibule"
Crate = tuple[str, str]


def cargo(*arguments: str) -> str:
    command = ["cargo", *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout


def this_machine() -> str:
    told = subprocess.run(["rustc", "-vV"], check=True, text=True, stdout=subprocess.PIPE).stdout
    return re.search(r"^host: (.*)$", told, re.MULTILINE)[1]


def tree(target: str, edges: str) -> dict[Crate, set[Crate]]:
    """Each crate with those that it depends on. Each line begins with its depth in the tree."""
    printed = cargo("tree", "--package", BINARY, "--target", target, "--edges", edges, "--prefix", "depth")
    crates, path = {}, []
    for line in printed.splitlines():
        depth, name, version = re.match(r"(\d+)(\S+) v(\S+)", line).groups()
        crate = (name, version)
        del path[int(depth) :]
        if path:
            crates[path[-1]].add(crate)
        path.append(crate)
        crates.setdefault(crate, set())
    return crates


def reference(crate: Crate, package: dict) -> str:
    """The package URL, or for a package of this workspace, which no registry has, its name."""
    name, version = crate
    return f"pkg:cargo/{name}@{version.replace('+', '%2B')}" if package["source"] else f"{name}@{version}"


def component(crate: Crate, package: dict, checksum: str | None) -> dict:
    described = {
        "type": "library",
        "bom-ref": reference(crate, package),
        "name": crate[0],
        "version": crate[1],
        # The old form of an SPDX expression has a slash.
        "licenses": [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}],
    }
    if package["source"]:
        described["purl"] = described["bom-ref"]
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        described["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return described


def sqlite(crate: dict) -> dict:
    header = (Path(crate["manifest_path"]).parent / "sqlite3/sqlite3.h").read_text()
    version = re.search(r'^#define SQLITE_VERSION\s+"(.*)"', header, re.MULTILINE)[1]
    return {
        "type": "library",
        "bom-ref": f"pkg:generic/sqlite@{version}",
        "name": "sqlite",
        "version": version,
        "scope": "required",
        "licenses": [{"license": {"id": "blessing"}}],
        "cpe": f"cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*",
        "purl": f"pkg:generic/sqlite@{version}",
    }


def main() -> None:
    target = sys.argv[1] if len(sys.argv) > 1 else this_machine()
    built = tree(target, "no-dev")
    linked = tree(target, "no-dev,no-build,no-proc-macro")
    metadata = json.loads(cargo("metadata", "--format-version", "1"))
    packages = {(package["name"], package["version"]): package for package in metadata["packages"]}
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in locked}

    components, dependencies, root = [], [], {}
    for crate in sorted(built):
        described = component(crate, packages[crate], checksums[crate])
        if crate[0] == BINARY:
            root = described | {"type": "application"}
        else:
            described["scope"] = "required" if crate in linked else "excluded"
            components.append(described)
        depends_on = sorted(reference(other, packages[other]) for other in built[crate])
        if crate[0] == "libsqlite3-sys":
            bundled = sqlite(packages[crate])
            components.append(bundled)
            depends_on.append(bundled["bom-ref"])
        dependencies.append({"ref": described["bom-ref"], "dependsOn": depends_on})
    root["properties"] = [{"name": "cargo:target", "value": target}]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": dependencies,
    }
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
    print()


main()
