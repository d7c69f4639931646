//! Tests and gates cite promises by id; `docs/promises.md` says what each id means and lists its
//! tests. Here the two are kept in step: every cited id is on the page, and its lists are complete.

use std::{collections::BTreeMap, env, fs, path::Path};

use super::sources::{first_word, sources};

const PAGE: &str = "docs/promises.md";
const WRITE: &str = "VESTIBULE_PROMISES=write cargo test --workspace --test architecture promises";

/// What is cited where.
#[derive(Default)]
struct Citations {
    /// The lines of the page below each id.
    tests: BTreeMap<String, Vec<String>>,
    /// Citations in comments that belong to no test.
    misplaced: Vec<String>,
}

impl Citations {
    /// Reads a file whose comments begin with `comment`; `test_name` finds the name of a test in
    /// the lines after its comment.
    fn read(
        &mut self,
        path: &str,
        text: &str,
        comment: &str,
        test_name: impl Fn(&[&str]) -> Option<String>,
    ) {
        let (mut ids, mut head) = (Vec::new(), Vec::new());
        for line in text.lines().map(str::trim) {
            if line.starts_with(comment) {
                ids.extend(cited(line));
                continue;
            }
            head.push(line);
            if line.starts_with("#[") {
                continue;
            }
            let name = test_name(&head);
            head.clear();
            for id in ids.drain(..) {
                match &name {
                    Some(name) => {
                        let line = format!("  - `{name}` in `{path}`");
                        self.tests.entry(id).or_default().push(line);
                    }
                    None => self.misplaced.push(format!("{path} cites ({id})")),
                }
            }
        }
    }

    fn read_rust(&mut self, path: &str, text: &str) {
        let lists = text.split("on_both_databases!(").skip(1);
        let on_both: Vec<_> = lists
            .filter_map(|rest| rest.split(')').next())
            .flat_map(|list| list.split(',').map(str::trim))
            .collect();
        self.read(path, text, "//", |head| {
            let line = head.last()?;
            let line = line.strip_prefix("async ").unwrap_or(line);
            let name = first_word(line.strip_prefix("fn ")?)?;
            let attributes = &head[..head.len() - 1];
            let is_test = attributes.iter().any(|line| line.contains("test"));
            (is_test || on_both.contains(&name.as_str())).then_some(name)
        });
    }

    fn read_gates(&mut self, path: &str, text: &str) {
        self.read(path, text, "# ", |head| {
            let name = head.last()?.split_once("() {")?.0;
            let end = format!(" {name}");
            let mut gates = text.lines().filter(|line| line.starts_with("gate "));
            gates
                .any(|gate| gate.ends_with(&end))
                .then(|| name.to_owned())
        });
    }
}

/// The ids in parentheses: a capital letter and a number.
fn cited(comment: &str) -> impl Iterator<Item = String> {
    let is_id = |text: &&str| {
        let number = text.strip_prefix(|first: char| first.is_ascii_uppercase());
        number.is_some_and(|digits| {
            (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let parts = comment.split('(').skip(1);
    parts
        .filter_map(|part| Some(part.split_once(')')?.0))
        .filter(is_id)
        .map(ToOwned::to_owned)
}

/// The page with the tests below each promise; what is left in `tests` is unknown to it.
fn with_tests(page: &str, tests: &mut BTreeMap<String, Vec<String>>) -> String {
    let mut written = Vec::new();
    for line in page.lines().filter(|line| !line.starts_with("  - ")) {
        written.push(line.to_owned());
        if let Some((id, _)) = line
            .strip_prefix("- **")
            .and_then(|rest| rest.split_once("** "))
        {
            let found = tests.remove(id);
            written.extend(found.unwrap_or_else(|| vec!["  - no test yet".to_owned()]));
        }
    }
    written.join("\n") + "\n"
}

/// The lines of one text that are not in another.
fn only_in<'a>(text: &'a str, other: &str) -> Vec<&'a str> {
    text.lines()
        .filter(|line| other.lines().all(|other| other != *line))
        .collect()
}

#[test]
fn the_page_of_promises_lists_the_tests_that_cite_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path| fs::read_to_string(root.join(path)).unwrap();
    let mut citations = Citations::default();
    for folder in ["src", "migrations/src", "tests"] {
        for source in sources(folder) {
            citations.read_rust(&format!("{folder}/{}.rs", source.path), &source.text);
        }
    }
    citations.read_gates(".ci/run", &read(".ci/run"));
    let misplaced = citations.misplaced;
    assert!(
        misplaced.is_empty(),
        "a promise is cited above a test or a gate: {misplaced:#?}"
    );

    let page = read(PAGE);
    let mut tests = citations.tests;
    let written = with_tests(&page, &mut tests);
    assert!(tests.is_empty(), "not on {PAGE}: {tests:#?}");
    if env::var("VESTIBULE_PROMISES").is_ok_and(|wish| wish == "write") {
        fs::write(root.join(PAGE), written).unwrap();
        return;
    }
    assert!(
        page == written,
        "{PAGE} lacks {:#?} and has too much {:#?}; write it with `{WRITE}`",
        only_in(&written, &page),
        only_in(&page, &written)
    );
}

#[test]
fn a_citation_counts_above_a_test_and_nowhere_else() {
    let mut citations = Citations::default();
    let rust = [
        "//! (A1)",
        "on_both_databases!(both, other);",
        "/// (A2) (W40) As proc(5) has it (3).",
        "#[tokio::test]",
        "async fn one() {",
        "    // (A3)",
        "    f();",
        "}",
        "/// And (A2).",
        "async fn both() {}",
        "/// (A4)",
        "fn helper() {}",
    ];
    citations.read_rust("x.rs", &rust.join("\n"));
    let shell = [
        "# (W1)",
        "lint() {",
        "# (W2)",
        "help() {",
        "gate \"a lint\" lint",
    ];
    citations.read_gates("run", &shell.join("\n"));
    let misplaced = [
        "x.rs cites (A1)",
        "x.rs cites (A3)",
        "x.rs cites (A4)",
        "run cites (W2)",
    ];
    assert_eq!(citations.misplaced, misplaced);
    let page = with_tests(
        "- **A2** Two.\n  - stale\n- **A9** Nine.\n",
        &mut citations.tests,
    );
    assert_eq!(
        page,
        "- **A2** Two.\n  - `one` in `x.rs`\n  - `both` in `x.rs`\n- **A9** Nine.\n  - no test yet\n"
    );
    assert_eq!(
        citations.tests.into_keys().collect::<Vec<_>>(),
        ["W1", "W40"]
    );
}
