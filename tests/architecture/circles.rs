//! Files use one another in one direction: a circle of them can only be read, moved and changed as a
//! whole. Rust allows circles between modules, so this follows the names that each file uses.
//!
//! A child may use what its parent module defines; that alone makes no circle.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    modules::{Modules, Uses},
    sources::{Source, sources},
};

#[test]
fn no_files_use_one_another_in_a_circle() {
    let mut found = Vec::new();
    for folder in ["src", "benches/kit", "migrations/src"] {
        let uses = Modules::read(&sources(folder)).uses();
        for circle in circles(&uses) {
            found.push(describe(folder, &circle, &uses));
        }
    }
    assert!(found.is_empty(), "files in a circle:\n{}", found.join("\n"));
}

/// Every set of at least two files that reach one another.
fn circles(uses: &Uses) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = uses
        .keys()
        .map(|file| {
            let mut reached = BTreeSet::new();
            let mut open = vec![file.as_str()];
            while let Some(file) = open.pop() {
                let next = uses.get(file).into_iter().flat_map(BTreeMap::keys);
                open.extend(
                    next.map(String::as_str)
                        .filter(|file| reached.insert(*file)),
                );
            }
            (file.as_str(), reached)
        })
        .collect();
    reach
        .iter()
        .filter(|(file, reached)| reached.contains(*file))
        .map(|(file, reached)| {
            let back = |other: &&&str| reach.get(**other).is_some_and(|back| back.contains(file));
            reached
                .iter()
                .filter(back)
                .map(ToString::to_string)
                .collect()
        })
        .collect()
}

/// The arrows of a circle, each with the names that it stands for.
fn describe(folder: &str, circle: &[String], uses: &Uses) -> String {
    let mut lines = Vec::new();
    for file in circle {
        for (used, names) in uses[file].iter().filter(|(used, _)| circle.contains(used)) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            lines.push(format!(
                "  {folder}/{file}.rs -> {folder}/{used}.rs: {}",
                names.join(", ")
            ));
        }
    }
    lines.join("\n")
}

#[test]
fn a_circle_is_found_through_re_exports_and_aliases() {
    let source = |path: &str, text: &str| Source {
        path: path.into(),
        text: text.into(),
    };
    let found = |sources: &[Source]| circles(&Modules::read(sources).uses());
    let face = source("a", "mod b;\nmod c;\npub use b::{B as Bee, self};\n");
    let through_face = [
        source("lib", "pub mod a;\n"),
        face,
        source("a/b", "use super::c::C;\npub struct B(C);\n"),
        source("a/c", "pub struct C;\nfn f(b: crate::a::Bee) {}\n"),
    ];
    assert_eq!(
        found(&through_face),
        BTreeSet::from([vec!["a/b".to_owned(), "a/c".to_owned()]])
    );
    let siblings = |a: &str| {
        [
            source("main", "mod a;\nmod b;\nstruct Root;\n"),
            source("a", a),
            source("b", "use crate::a as other;\nfn f() { other::A; }\n"),
        ]
    };
    assert_eq!(
        found(&siblings("pub struct A;\nfn g() { crate::b::f() }\n")).len(),
        1
    );
    assert!(found(&siblings("pub struct A(super::Root);\n")).is_empty());
    assert!(found(&siblings("pub struct A;\n// super::b::f\n")).is_empty());
    let only_tests = "pub struct A;\n#[cfg(test)]\nmod tests {\n    use crate::b::f;\n}\n";
    assert!(found(&siblings(only_tests)).is_empty());
}
