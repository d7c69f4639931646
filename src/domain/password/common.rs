//! The most common passwords of 8 code points or more, which attackers try first (ADR 3 names the
//! source).

/// One password a line, sorted by bytes, in NFC and lower case.
const LIST: &str = include_str!("common.txt");

/// Whether the list has a password, which must be in NFC and case-folded.
pub(super) fn contains(folded: &str) -> bool {
    // A binary search over the text itself, so that no index is built and held in memory.
    let (mut low, mut high) = (0, LIST.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = LIST[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = LIST[start..].find('\n').map_or(LIST.len(), |at| start + at);
        match LIST[start..end].cmp(folded) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_and_in_the_form_of_the_search() {
        let entries: Vec<&str> = LIST.lines().collect();
        assert!(entries.len() >= 10_000, "{} entries", entries.len());
        assert!(entries.is_sorted() && entries.windows(2).all(|pair| pair[0] != pair[1]));
        for entry in entries {
            assert!(entry.chars().count() >= 8, "{entry}");
            assert_eq!(super::super::fold(entry), entry);
            assert!(contains(entry), "{entry}");
            assert!(!contains(&format!("{entry}~")));
        }
    }

    #[test]
    fn a_password_that_is_not_in_the_list_is_not_found() {
        for absent in ["", "a", "~~~~~~~~", "vestibule opens at nine", "\u{10FFFF}"] {
            assert!(!contains(absent), "{absent:?}");
        }
    }
}
