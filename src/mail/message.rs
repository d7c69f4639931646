//! Builds the message of a mail: headers, and the text as plain text and HTML (RFC 5322, RFC 2046).

use lettre::{
    Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use super::{MailError, Sender, link::LinkBase, sender::smtp_address, template::MailContent};
use crate::domain::{Email, Timestamp};

/// RFC 3834: suppresses automatic replies such as holiday notices.
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

pub(super) fn build_message(
    from: &Sender,
    to: &Email,
    content: &MailContent<'_>,
    links: &LinkBase,
    now: Timestamp,
) -> Result<Message, MailError> {
    let broken = |_| MailError::Refused("the mail cannot be written".to_owned());
    let text = content.text(links).map_err(broken)?;
    let html = content.html(links).map_err(broken)?;
    let to = smtp_address(to)
        .ok_or_else(|| MailError::Refused("the address cannot be mailed".to_owned()))?;
    Message::builder()
        .from(from.mailbox().clone())
        .to(Mailbox::new(None, to))
        .subject(content.subject())
        .date(now.into())
        .raw_header(HeaderValue::new(
            AUTO_SUBMITTED,
            "auto-generated".to_owned(),
        ))
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(|_| MailError::Refused("the message cannot be made".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn format_message(from: &str, to: &str) -> String {
        let links = LinkBase::parse("https://app.example.com").unwrap();
        let token = format!("vrt_{}", "x".repeat(68));
        let content = MailContent::PasswordReset(&token, Duration::from_mins(10));
        let (from, to) = (Sender::parse(from).unwrap(), Email::parse(to).unwrap());
        let message = build_message(&from, &to, &content, &links, Timestamp::UNIX_EPOCH).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    #[test]
    fn a_message_has_exactly_the_expected_headers() {
        let text = format_message("Bücher, Läden <accounts@example.com>", "Ada@BÜCHER.example");
        let (headers, _) = text.split_once("\r\n\r\n").unwrap();
        let unfolded = headers.replace("\r\n ", " ");
        let names: Vec<_> = unfolded
            .lines()
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Auto-Submitted",
                "MIME-Version",
                "Content-Type"
            ]
        );
        assert!(unfolded.contains("\r\nTo: Ada@xn--bcher-kva.example\r\n"));
        assert!(unfolded.contains("\r\nSubject: Reset your password\r\n"));
        assert!(unfolded.contains("<accounts@example.com>\r\n"));
        assert!(unfolded.is_ascii());
    }

    #[test]
    fn the_link_is_whole_in_what_is_sent() {
        let text = format_message("accounts@example.com", "ada@example.com");
        let link = format!("https://app.example.com/reset#token=vrt_{}", "x".repeat(68));
        // Quoted-printable (RFC 2045 §6.7) folds long lines and writes `=` as `=3D`.
        let read = text.replace("=\r\n", "").replace("=3D", "=");
        assert!(read.contains(&format!("\r\n{link}\r\n")), "{text}");
    }
}
