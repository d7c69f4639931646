//! Escapes and cuts untrusted text, so that it stays inside its line, quotes and field.

use std::fmt::{self, Write};

/// The most characters of a value that a field keeps.
const CHARACTERS_MAX: usize = 1024;

/// Renders a value as the content of a JSON string. Beyond JSON's rules it escapes every character
/// that controls a terminal or the direction of text. Formatting stops where the value is cut.
pub(super) fn escape(value: &dyn fmt::Display) -> String {
    let mut escaped = Escaped {
        text: String::new(),
        left: CHARACTERS_MAX,
    };
    // An error means that the text was cut.
    let _ = write!(escaped, "{value}");
    escaped.text
}

struct Escaped {
    text: String,
    left: usize,
}

impl Write for Escaped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.left == 0 {
                self.text.push('…');
                return Err(fmt::Error);
            }
            self.left -= 1;
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                c if is_disruptive(c) => write!(self.text, "\\u{:04x}", u32::from(c))?,
                c => self.text.push(c),
            }
        }
        Ok(())
    }
}

/// Control characters (C0, DEL, C1) and the invisible characters that join, break or reverse text. All
/// of them have at most four hexadecimal digits.
fn is_disruptive(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}
