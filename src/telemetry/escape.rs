//! Text that stays inside its line, its quotes and its field, whoever wrote it.

use std::fmt::{self, Write};

/// A field keeps at most this many characters of a value.
const CHARACTERS_MAX: usize = 1024;

/// A value as the content of a JSON string. Beyond what JSON escapes: everything that moves a
/// terminal's cursor or turns the direction of text. A longer value is cut, and its formatting ends
/// there.
pub(super) fn escape(value: &dyn fmt::Display) -> String {
    let mut escaped = Escaped {
        text: String::new(),
        left: CHARACTERS_MAX,
    };
    // An error says that the text was cut.
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

/// Controls (C0, DEL, C1), and the invisible characters that join, break or turn text; all of them
/// are in the range of four hexadecimal digits.
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
