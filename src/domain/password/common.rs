//! The passwords that attackers try first, of 8 code points or more (ADR 0003 names the source).

/// Sorted by bytes, one per line, in NFC and lower case.
const LIST: &str = include_str!("common.txt");

/// Whether a password, already in NFC and case-folded, is in the list.
pub(super) fn contains(folded: &str) -> bool {
    // A binary search over the text itself: no index is built and no memory is held beside it.
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
    fn every_entry_is_found_and_has_the_form_that_is_searched() {
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
    fn what_is_not_in_the_list_is_not_found() {
        for absent in ["", "a", "~~~~~~~~", "vestibule opens at nine", "\u{10FFFF}"] {
            assert!(!contains(absent), "{absent:?}");
        }
    }
}
