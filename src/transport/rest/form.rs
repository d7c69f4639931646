//! `application/x-www-form-urlencoded`, strictly: what does not decode is refused and never becomes
//! U+FFFD, since a password with a replaced character is another password.

use super::fields::Fields;

/// Reads `name=value&…`; `None` when an escape is broken, the decoded bytes are no UTF-8 or a name
/// comes twice.
pub(super) fn parse(text: &str) -> Option<Fields> {
    let mut fields = Fields::default();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.add(decode(name)?, Some(decode(value)?))?;
    }
    Some(fields)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? * 16 + hex(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}
