//! Reads the sources as text: enough to see which names a file uses and how long its parts are.

use std::{collections::BTreeSet, fs, path::Path};

/// A source file, its path without `src/` and `.rs`.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

/// Every Rust file under a folder of the package, in the order of their paths.
pub(super) fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(&root, &path));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let path = path.strip_prefix(root).unwrap().with_extension("");
        Self {
            path: path.to_str().unwrap().to_owned(),
            text,
        }
    }

    pub(super) fn is_in(&self, place: &str) -> bool {
        self.path
            .strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The lines without comments; what a string holds counts, so that no arrow hides in a macro.
    pub(super) fn code(&self) -> String {
        let lines = self
            .text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The modules of this crate that the file names, in `crate::{…}` too.
    pub(super) fn layers_named(&self) -> BTreeSet<String> {
        let code = self.code();
        let mut named = BTreeSet::new();
        for (at, _) in code.match_indices("crate::") {
            // `$crate::` and `my_crate::` end in the same letters.
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &code[at + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(list) => named.extend(top_level_names(list)),
                None => named.extend(first_word(rest)),
            }
        }
        named
    }

    /// Whether the file names a foreign crate as the start of a path.
    pub(super) fn names(&self, foreign: &str) -> bool {
        let code = self.code();
        code.match_indices(&format!("{foreign}::")).any(|(at, _)| {
            !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
                && (!code[..at].ends_with("::") || code[..at].ends_with(" ::"))
        })
    }

    /// The length of each function with its name, by counting braces: rustfmt has made the layout
    /// regular, so a function ends at the first `}` that is indented like its `fn`.
    pub(super) fn functions(&self) -> Vec<(String, usize)> {
        let lines: Vec<_> = self.text.lines().collect();
        let starts = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| is_function(line));
        starts
            .filter_map(|(start, line)| {
                let indent = &line[..line.len() - line.trim_start().len()];
                let end = format!("{indent}}}");
                let length = lines[start..].iter().position(|line| **line == end)?;
                Some((line.trim().to_owned(), length + 1))
            })
            .collect()
    }
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with("//")
        && !line.ends_with(';')
        && !line.ends_with('}')
        && (line.starts_with("fn ") || line.contains(" fn ") && line.contains('('))
        && line.split(" fn ").next().is_some_and(|before| {
            before.split(' ').all(|word| {
                word.is_empty()
                    || word.starts_with("fn")
                    || word.starts_with("pub")
                    || ["async", "const", "in", "unsafe"].contains(&word)
                    || word.ends_with(')')
            }) || line.starts_with("fn ")
        })
}

/// The identifier that a text begins with.
pub(super) fn first_word(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// `auth::{a, b}, db::Db}` → auth, db.
fn top_level_names(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = Vec::new();
    let mut name = String::new();
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(first_word(std::mem::take(&mut name).trim())),
            _ if depth == 0 => name.push(c),
            _ => {}
        }
    }
    names.extend(first_word(name.trim()));
    names
}

#[test]
fn the_reader_of_sources_sees_arrows_wherever_they_hide() {
    let source = |text: &str| Source {
        path: "x".into(),
        text: text.into(),
    };
    let named = |text: &str| source(text).layers_named().into_iter().collect::<Vec<_>>();
    assert_eq!(
        named("use crate::{auth::{A, B},\n db::Db, proto};"),
        ["auth", "db", "proto"]
    );
    assert_eq!(
        named("fn f() { crate::server::run(pub_crate::x) }"),
        ["server"]
    );
    assert_eq!(
        named("// crate::auth\n/// [`crate::db`]"),
        Vec::<String>::new()
    );
    assert!(source("use ::tonic::Status;").names("tonic"));
    assert!(source("let x = tonic::Status::ok();").names("tonic"));
    assert!(!source("mytonic::x; a::tonic::x").names("tonic"));
    let function = "    pub(crate) async fn f<T>(\n        a: T,\n    ) -> T {\n        a\n    }\n";
    assert_eq!(source(function).functions()[0].1, 5);
}
