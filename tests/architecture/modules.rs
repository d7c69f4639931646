//! Which file uses which: reads the paths that each names, and follows them to the file that defines
//! the name. A path through re-exports counts for the definition, and a module that is only passed
//! through counts for nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::Source;

/// Which names each file takes from which other.
pub(super) type Uses = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The modules of a crate by their paths, such as `config/key`; its root is the empty path.
pub(super) struct Modules(BTreeMap<String, Module>);

struct Module {
    /// The file without `.rs`.
    file: String,
    /// The names of the items at its top level.
    defined: BTreeSet<String>,
    /// What each name that a `use` brings in stands for.
    imported: BTreeMap<String, Vec<String>>,
    /// Every path that the file names.
    paths: BTreeSet<Vec<String>>,
}

impl Modules {
    /// Reads the files of a crate, without those of tests.
    pub(super) fn read(sources: &[Source]) -> Self {
        let has_library = sources.iter().any(|source| source.path == "lib");
        let root = if has_library { "lib" } else { "main" };
        let is_used = |source: &&Source| {
            let mut folders = source.path.split('/');
            !folders.any(|name| name == "tests") && (source.path != "main" || root == "main")
        };
        let modules = sources.iter().filter(is_used).map(|source| {
            let path = if source.path == root {
                ""
            } else {
                &source.path
            };
            (path.to_owned(), Module::read(source))
        });
        Self(modules.collect())
    }

    pub(super) fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (path, module) in &self.0 {
            let names_by_file = uses.entry(module.file.clone()).or_default();
            for named in &module.paths {
                if let Some((definer, name)) = self.definition(path, named, 0)
                    && !is_within(path, definer)
                {
                    let file = self.0[definer].file.clone();
                    names_by_file.entry(file).or_default().insert(name);
                }
            }
        }
        uses
    }

    /// The module that defines what a path stands for, and the name that it has there.
    fn definition(&self, module: &str, path: &[String], depth: u8) -> Option<(&str, String)> {
        /// A name that stands for itself, such as that of a foreign crate, is found in no file.
        const DEPTH_MAX: u8 = 16;
        let (name, rest) = path.split_first().filter(|_| depth < DEPTH_MAX)?;
        let child = match name.as_str() {
            "crate" => String::new(),
            "self" => module.to_owned(),
            "super" => module
                .rsplit_once('/')
                .map_or("", |(parent, _)| parent)
                .to_owned(),
            name if module.is_empty() => name.to_owned(),
            name => format!("{module}/{name}"),
        };
        if self.0.contains_key(&child) {
            return self.definition(&child, rest, depth + 1);
        }
        let (module, here) = self.0.get_key_value(module)?;
        if name == "*" || here.defined.contains(name) {
            return Some((module, name.clone()));
        }
        let mut path = here.imported.get(name)?.clone();
        path.extend_from_slice(rest);
        self.definition(module, &path, depth + 1)
    }
}

impl Module {
    fn read(source: &Source) -> Self {
        let code = without_tests(&source.code());
        let mut module = Self {
            file: source.path.clone(),
            defined: code.lines().filter_map(defined_name).collect(),
            imported: BTreeMap::new(),
            paths: BTreeSet::new(),
        };
        let tokens = tokens(&code);
        let mut at = 0;
        while at < tokens.len() {
            let before = at.checked_sub(1).map_or("", |before| tokens[before]);
            if before == "use" || is_name(tokens[at]) && tokens.get(at + 1) == Some(&"::") {
                module.read_paths(&tokens, &mut at, &[], before == "use");
            } else {
                at += 1;
            }
        }
        module
    }

    /// Reads a path, or the tree of paths of a `use`, from its first name on.
    fn read_paths(&mut self, tokens: &[&str], at: &mut usize, prefix: &[String], in_use: bool) {
        let mut path = prefix.to_vec();
        let mut name = "";
        while let Some(&token) = tokens.get(*at) {
            *at += 1;
            if token == "{" && in_use {
                while tokens.get(*at).is_some_and(|token| *token != "}") {
                    self.read_paths(tokens, at, &path, true);
                    *at += usize::from(tokens.get(*at) == Some(&","));
                }
                *at += 1;
                return;
            }
            if is_name(token) || token == "*" {
                name = token;
                path.push(token.to_owned());
            }
            match tokens.get(*at) {
                Some(&"::") if is_continued(tokens, *at, in_use) => *at += 1,
                _ => break,
            }
        }
        if name == "self" && path.len() > 1 {
            path.pop();
        }
        if in_use {
            let alias = (tokens.get(*at) == Some(&"as")).then(|| tokens[*at + 1]);
            *at += if alias.is_some() { 2 } else { 0 };
            let last = path.last().map_or("", String::as_str);
            self.imported
                .insert(alias.unwrap_or(last).to_owned(), path.clone());
        }
        self.paths.insert(path);
    }
}

/// Whether a module is another or below it.
fn is_within(module: &str, outer: &str) -> bool {
    module
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || outer.is_empty() || rest.starts_with('/'))
}

/// Whether a path goes on behind a `::`, and not with the types of a generic function.
fn is_continued(tokens: &[&str], at: usize, in_use: bool) -> bool {
    tokens
        .get(at + 1)
        .is_some_and(|next| is_name(next) || in_use && ["{", "*"].contains(next))
}

/// The name of the item that a line begins, if it stands at the top level of its file.
fn defined_name(line: &str) -> Option<String> {
    const ITEMS: [&str; 9] = [
        "fn",
        "struct",
        "enum",
        "trait",
        "type",
        "const",
        "static",
        "union",
        "macro_rules",
    ];
    if line.starts_with(char::is_whitespace) {
        return None;
    }
    let words = tokens(line);
    let item = words.iter().position(|word| ITEMS.contains(word))?;
    let before = &words[..item];
    let is_qualifier = |word: &&str| {
        !is_name(word) || ["pub", "crate", "super", "in", "async", "unsafe"].contains(word)
    };
    let mut after = words[item + 1..].iter().filter(|word| is_name(word));
    let name = after.find(|word| **word != "fn")?;
    before.iter().all(is_qualifier).then(|| (*name).to_owned())
}

/// The code without the items that are compiled for tests alone.
fn without_tests(code: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim() != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        let end = format!("{indent}}}");
        let is_last = |line: &&str| {
            line.starts_with(&end)
                || line.ends_with(';') && !line.starts_with(&format!("{indent} "))
        };
        let _ = lines.by_ref().find(is_last);
    }
    kept.join("\n")
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::`, and every other character by itself; no white space.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            _ if rest.starts_with("::") => 2,
            first if is_part(first) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}
