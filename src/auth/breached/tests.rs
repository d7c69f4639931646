//! Every form of the list says the same.

use std::fs;

use tempfile::TempDir;

use super::*;

/// So many passwords, as the public lists have them: sorted by hash, the first the most frequent.
fn lines(count: u32) -> Vec<String> {
    let mut lines: Vec<_> = (0..count)
        .map(|n| {
            let hash: [u8; 20] = Sha1::digest(format!("password {n}")).into();
            format!("{}:{}", digits(hash), count - n)
        })
        .collect();
    lines.sort();
    lines
}

struct Lists {
    folder: TempDir,
}

impl Lists {
    fn of(count: u32) -> Self {
        let folder = TempDir::new().unwrap();
        let lines = lines(count);
        fs::write(
            folder.path().join("sorted.txt"),
            lines.join("\r\n") + "\r\n",
        )
        .unwrap();
        let ranges = folder.path().join("ranges");
        fs::create_dir(&ranges).unwrap();
        fs::write(ranges.join("00000.txt"), "").unwrap();
        for line in &lines {
            let (prefix, rest) = line.split_at(text::PREFIX);
            let file = ranges.join(format!("{prefix}.txt"));
            let before = fs::read_to_string(&file).unwrap_or_default();
            fs::write(file, before + rest + "\r\n").unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn built(&self, from: &str, most: usize) -> Built {
        let to = self.path("filter");
        let _ = fs::remove_file(&to);
        build(&self.path(from), &to, most).unwrap()
    }

    fn opened(&self, name: &str) -> BreachedPasswords {
        BreachedPasswords::open(&self.path(name)).unwrap()
    }
}

#[test]
fn every_form_knows_the_passwords_of_the_list_and_no_others() {
    let lists = Lists::of(1_000);
    for from in ["sorted.txt", "ranges"] {
        let built = lists.built(from, usize::MAX);
        assert_eq!((built.read, built.kept), (1_000, 1_000));
        for name in ["sorted.txt", "ranges", "filter"] {
            let list = lists.opened(name);
            for n in 0..1_000 {
                assert!(
                    list.contains(format!("password {n}").as_bytes()).unwrap(),
                    "{name} {n}"
                );
            }
            let others = (1_000..11_000).map(|n| format!("password {n}"));
            let taken = others.filter(|other| list.contains(other.as_bytes()).unwrap());
            // One of 65,536 in a filter.
            assert!(
                taken.count() <= if name == "filter" { 3 } else { 0 },
                "{name}"
            );
        }
    }
}

/// The look-up in the file is the library's in memory.
#[test]
fn a_filter_keeps_the_most_frequent_passwords() {
    let lists = Lists::of(20_000);
    let built = lists.built("sorted.txt", 5_000);
    assert_eq!((built.read, built.kept), (20_000, 5_000));
    assert!(built.bytes < 5_000 * 3, "{built:?}");
    let list = lists.opened("filter");
    let known = |n: u32| list.contains(format!("password {n}").as_bytes()).unwrap();
    assert!((0..5_000).all(known));
    assert!((5_000..20_000).filter(|n| known(*n)).count() < 5);
}

#[test]
fn what_is_no_list_is_told() {
    let lists = Lists::of(10);
    lists.built("sorted.txt", 10);
    let cut = fs::read(lists.path("filter")).unwrap();
    fs::write(lists.path("cut"), &cut[..cut.len() - 1]).unwrap();
    fs::write(
        lists.path("text"),
        "correct horse battery staple is not a hash at all",
    )
    .unwrap();
    fs::write(lists.path("empty"), "").unwrap();
    fs::create_dir(lists.path("folder")).unwrap();
    let fault = |name: &str| BreachedPasswords::open(&lists.path(name)).unwrap_err();
    assert!(matches!(fault("cut"), BreachedFault::CutShort));
    for name in ["text", "empty", "folder"] {
        assert!(matches!(fault(name), BreachedFault::Unknown), "{name}");
    }
    assert!(matches!(fault("nowhere"), BreachedFault::Unreadable(_)));
    let built = build(&lists.path("text"), &lists.path("new"), 10);
    assert!(matches!(built, Err(BuildError::Malformed(1))));
    let again = build(&lists.path("sorted.txt"), &lists.path("filter"), 10);
    assert!(
        matches!(again, Err(BuildError::Write(_))),
        "nothing is overwritten"
    );
}
