//! How hard a password is to guess, estimated by zxcvbn (USENIX Security 2016): patterns such as words,
//! names, dates, keyboard walks and repetitions count as the few guesses that an attacker needs for them.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::{Email, SERVICE_NAME};

/// The code points that are looked at: the estimate takes time that grows with their square, about a
/// millisecond for so many.
const LOOKED_AT: usize = 32;

/// What people put into passwords, and zxcvbn's lists rank too low.
const SEASONS_AND_MONTHS: [&str; 18] = [
    "summer",
    "winter",
    "spring",
    "autumn",
    "fall",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "welcome",
];

/// The guesses below which zxcvbn gives a lower score: 1, 2, 3 and 4.
const GUESSES: [f64; 4] = [1e3, 1e6, 1e8, 1e10];

/// Whether a password is easier to guess than a score of zxcvbn, 0 to 4.
pub(super) fn is_below(nfc: &str, score: u8, email: Option<&Email>) -> bool {
    let Some(least) = usize::from(score).checked_sub(1) else {
        return false;
    };
    let least = GUESSES[least.min(GUESSES.len() - 1)];
    let beginning: Zeroizing<String> = Zeroizing::new(nfc.chars().take(LOOKED_AT).collect());
    let address = email.map(|email| email.key().as_str()).unwrap_or_default();
    let own = address.split(|c: char| !c.is_alphanumeric());
    let known = [SERVICE_NAME].into_iter().chain(SEASONS_AND_MONTHS);
    let inputs: Vec<&str> = own.filter(|part| part.len() > 1).chain(known).collect();
    let word = beginning.trim_matches(|c: char| !c.is_alphabetic());
    guesses(&beginning, &inputs) < least
        || !word.is_empty() && guesses(word, &inputs) * guesses_of_affixes(&beginning, word) < least
}

fn guesses(text: &str, inputs: &[&str]) -> f64 {
    10_f64.powf(zxcvbn::zxcvbn(text, inputs).guesses_log10())
}

/// The guesses for what stands around a word, such as a year and an exclamation mark, which zxcvbn takes
/// for random characters.
fn guesses_of_affixes(text: &str, word: &str) -> f64 {
    let affixes = text.replacen(word, "", 1);
    let (digits, others): (String, String) = affixes.chars().partition(char::is_ascii_digit);
    let of_digits = match digits.parse() {
        Ok(1_940..=2_039) => 100.0,
        Ok(_) | Err(_) => 10_f64.powf(f64::from(u8::try_from(digits.len()).unwrap_or(u8::MAX))),
    };
    let different: BTreeSet<char> = others.chars().collect();
    of_digits * 10_f64.powf(f64::from(u8::try_from(different.len()).unwrap_or(u8::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_attackers_try_first_is_weak() {
        for weak in [
            "Password123!",
            "P@ssw0rd2026",
            "Summer2026!",
            "Winter2025!!",
            "December2026",
            "qwertyuiop12",
            "1qaz2wsx3edc",
            "zaq12wsxcde3",
            "aaaaaaaaaaaa",
            "abcdefgh1234",
            "vestibule2026",
            "Vestibule!1",
        ] {
            assert!(is_below(weak, 2, None), "{weak}");
        }
        for good in [
            "vestibule opens at nine",
            "a canary sings at ten",
            "x9#kQ2!m",
            "839201746552910387461029",
            "#!%&/()=?+*~^°§$",
            "rosebud-lantern",
            "пароль из семи слов",
        ] {
            assert!(!is_below(good, 2, None), "{good}");
        }
        assert!(!is_below("aaaaaaaa", 0, None));
    }

    #[test]
    fn the_users_own_names_are_no_secret() {
        let email = Email::parse("grace.lovelock@bluebird-shipping.example").unwrap();
        for own in ["Lovelock1", "bluebird2026", "gracelovelock!"] {
            assert!(!is_below(own, 1, None), "{own}");
            assert!(is_below(own, 2, Some(&email)), "{own}");
        }
    }

    /// However long it is.
    #[test]
    fn the_rest_of_a_long_password_is_not_looked_at() {
        let long = format!("{}{}", "k7#Qz!w2", "a".repeat(120));
        assert!(!is_below(&long, 2, None));
        assert!(is_below(&"a".repeat(128), 2, None));
    }
}
