//! Parsers for the forms that many keys share.

use std::{fmt::Display, net::SocketAddr, ops::RangeInclusive, str::FromStr, time::Duration};

use super::problem::ConfigFault;

/// The most characters of a value that a fault quotes.
const QUOTED_MAX: usize = 60;

/// Escapes and cuts a value for a message.
pub(super) fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(QUOTED_MAX).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{dots}")
}

pub(super) fn address(text: &str) -> Result<SocketAddr, ConfigFault> {
    text.parse().map_err(|_| {
        ConfigFault::new(
            format!("{} is not an IP address and a port", quoted(text)),
            "write one such as 127.0.0.1:50051 or [::1]:50051",
        )
    })
}

pub(super) fn switch(text: &str) -> Result<bool, ConfigFault> {
    text.parse().map_err(|_| {
        ConfigFault::new(
            format!("{} is neither true nor false", quoted(text)),
            "write true or false",
        )
    })
}

pub(super) fn word<T: Copy>(words: &[(&str, T)]) -> impl FnOnce(&str) -> Result<T, ConfigFault> {
    move |text| {
        let known = words.iter().find(|(word, _)| *word == text);
        known.map(|(_, value)| *value).ok_or_else(|| {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            ConfigFault::new(
                format!("{} is not known", quoted(text)),
                format!("write one of {}", all.join(", ")),
            )
        })
    }
}

pub(super) fn number<T: FromStr + PartialOrd + Display>(
    bounds: RangeInclusive<T>,
) -> impl FnOnce(&str) -> Result<T, ConfigFault> {
    move |text| {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            let (low, high) = bounds.into_inner();
            ConfigFault::new(
                format!("{} is not a number from {low} to {high}", quoted(text)),
                "write a whole number within these bounds",
            )
        })
    }
}

/// A duration within bounds: a whole number and ms, s, m, h or d; a bare 0 needs no unit.
pub(super) fn duration(
    bounds: RangeInclusive<&'static str>,
) -> impl FnOnce(&str) -> Result<Duration, ConfigFault> {
    move |text| {
        let (low, high) = bounds.into_inner();
        let Some(duration) = parse_duration(text) else {
            return Err(ConfigFault::new(
                format!("{} is not a duration", quoted(text)),
                "write a whole number and ms, s, m, h or d, such as 500ms or 30d",
            ));
        };
        // The bounds are literals of this program and always parse.
        let within = parse_duration(low).is_none_or(|low| duration >= low)
            && parse_duration(high).is_none_or(|high| duration <= high);
        if within {
            Ok(duration)
        } else {
            Err(ConfigFault::new(
                format!("{} is not within {low} to {high}", quoted(text)),
                "write a duration within these bounds",
            ))
        }
    }
}

/// Parses a whole number and ms, s, m, h or d, or a bare 0.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let millis_per_unit: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60 * 1_000,
        "h" => 60 * 60 * 1_000,
        "d" => 24 * 60 * 60 * 1_000,
        _ => return None,
    };
    let millis = number.parse::<u64>().ok()?.checked_mul(millis_per_unit)?;
    Some(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_whole_number_and_a_unit() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("250ms", 250),
            ("2s", 2_000),
            ("3m", 180_000),
            ("1h", 3_600_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)));
        }
        for text in [
            "",
            "5",
            "s",
            "1.5s",
            "-1s",
            "+1s",
            " 1s",
            "1 s",
            "1S",
            "1w",
            "1s ",
            "99999999999999d",
        ] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }

    #[test]
    fn bounds_belong_to_the_range() {
        assert!(duration("100ms"..="60s")("100ms").is_ok());
        assert!(duration("100ms"..="60s")("1m").is_ok());
        assert!(duration("100ms"..="60s")("99ms").is_err());
        assert!(duration("100ms"..="60s")("61s").is_err());
        assert!(number(8..=128_usize)("8").is_ok());
        assert!(number(8..=128_usize)("129").is_err());
        assert!(number(8..=128_usize)("-8").is_err());
    }

    #[test]
    fn a_quoted_value_is_escaped_and_cut() {
        assert_eq!(quoted("a\n\u{1b}[31m"), r#""a\n\u{1b}[31m""#);
        assert!(quoted(&"x".repeat(1_000_000)).len() < 100);
    }
}
