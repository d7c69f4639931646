//! The text of mails: for each mail a plain-text and an HTML template, checked by the compiler.
//!
//! HTML templates escape every value, and in plain text a value cannot start a new line. Of the
//! values only the masked address of the account that asks comes from a user.

use std::time::Duration;

use askama::Template;

use super::{
    link::LinkBase,
    text::{format_duration, strip_controls},
};

/// A mail to send, with its token and the token's lifetime if it has one.
#[derive(Clone, Copy)]
pub enum MailContent<'a> {
    /// Sets a new password.
    PasswordReset(&'a str, Duration),
    /// Verifies the address of an account.
    EmailVerification(&'a str, Duration),
    /// Makes this address the address of an account, whose present address is given masked.
    EmailChange(&'a str, Duration, &'a str),
    /// Notifies the former address that the account has a new one, and restores it.
    EmailRestore(&'a str, Duration),
    /// Notifies the owner that this address was entered for another account.
    EmailWanted,
    /// Notifies the owner that a change of the account's address was requested.
    EmailChangeRequested,
    /// Notifies the former address that the account has a new one.
    EmailChanged,
    /// Notifies the new address that the people who run the site gave it to the account.
    EmailAssigned,
    /// Notifies the owner that the password is another one.
    PasswordChanged,
    /// Notifies the owner of a session that did not come of a login with the password.
    SessionOpened,
}

/// The values that templates may use.
struct TemplateValues {
    site: String,
    link: String,
    valid_for: String,
    account: String,
}

macro_rules! templates {
    ($format:ident: $($content:ident $path:tt),+ $(,)?) => {
        mod $format {
            use askama::Template;
            $(
                #[derive(Template)]
                #[template(path = $path)]
                pub(super) struct $content<'v> {
                    pub(super) v: &'v super::TemplateValues,
                }
            )+
        }
    };
}

templates!(
    text:
    PasswordReset "password_reset.txt",
    EmailVerification "email_verification.txt",
    EmailChange "email_change.txt",
    EmailWanted "email_wanted.txt",
    EmailChangeRequested "email_change_requested.txt",
    EmailChanged "email_changed.txt",
    EmailRestore "email_restore.txt",
    EmailAssigned "email_assigned.txt",
    PasswordChanged "password_changed.txt",
    SessionOpened "session_opened.txt",
);

templates!(
    html:
    PasswordReset "password_reset.html",
    EmailVerification "email_verification.html",
    EmailChange "email_change.html",
    EmailWanted "email_wanted.html",
    EmailChangeRequested "email_change_requested.html",
    EmailChanged "email_changed.html",
    EmailRestore "email_restore.html",
    EmailAssigned "email_assigned.html",
    PasswordChanged "password_changed.html",
    SessionOpened "session_opened.html",
);

impl MailContent<'_> {
    pub(super) fn subject(&self) -> &'static str {
        match self {
            Self::PasswordReset(..) => "Reset your password",
            Self::EmailVerification(..) => "Confirm your e-mail address",
            Self::EmailChange(..) => "Confirm your new e-mail address",
            Self::EmailWanted => "Your e-mail address was entered for another account",
            Self::EmailChangeRequested => "Your e-mail address is about to change",
            Self::EmailChanged | Self::EmailRestore(..) => "Your e-mail address was changed",
            Self::EmailAssigned => "This is your e-mail address now",
            Self::PasswordChanged => "Your password was changed",
            Self::SessionOpened => "You were signed in",
        }
    }

    pub(super) fn text(&self, links: &LinkBase) -> Result<String, askama::Error> {
        let v = &self.values(links);
        match self {
            Self::PasswordReset(..) => text::PasswordReset { v }.render(),
            Self::EmailVerification(..) => text::EmailVerification { v }.render(),
            Self::EmailChange(..) => text::EmailChange { v }.render(),
            Self::EmailWanted => text::EmailWanted { v }.render(),
            Self::EmailChangeRequested => text::EmailChangeRequested { v }.render(),
            Self::EmailChanged => text::EmailChanged { v }.render(),
            Self::EmailRestore(..) => text::EmailRestore { v }.render(),
            Self::EmailAssigned => text::EmailAssigned { v }.render(),
            Self::PasswordChanged => text::PasswordChanged { v }.render(),
            Self::SessionOpened => text::SessionOpened { v }.render(),
        }
    }

    pub(super) fn html(&self, links: &LinkBase) -> Result<String, askama::Error> {
        let v = &self.values(links);
        match self {
            Self::PasswordReset(..) => html::PasswordReset { v }.render(),
            Self::EmailVerification(..) => html::EmailVerification { v }.render(),
            Self::EmailChange(..) => html::EmailChange { v }.render(),
            Self::EmailWanted => html::EmailWanted { v }.render(),
            Self::EmailChangeRequested => html::EmailChangeRequested { v }.render(),
            Self::EmailChanged => html::EmailChanged { v }.render(),
            Self::EmailRestore(..) => html::EmailRestore { v }.render(),
            Self::EmailAssigned => html::EmailAssigned { v }.render(),
            Self::PasswordChanged => html::PasswordChanged { v }.render(),
            Self::SessionOpened => html::SessionOpened { v }.render(),
        }
    }

    fn values(&self, links: &LinkBase) -> TemplateValues {
        let (page, token, valid_for, account) = match self {
            Self::PasswordReset(token, valid_for) => ("reset", *token, *valid_for, ""),
            Self::EmailVerification(token, valid_for) => ("verify", *token, *valid_for, ""),
            Self::EmailChange(token, valid_for, account) => {
                ("confirm", *token, *valid_for, *account)
            }
            Self::EmailRestore(token, valid_for) => ("restore", *token, *valid_for, ""),
            Self::EmailWanted
            | Self::EmailChangeRequested
            | Self::EmailChanged
            | Self::EmailAssigned
            | Self::PasswordChanged
            | Self::SessionOpened => {
                return TemplateValues::new(links.site(), "", Duration::ZERO, "");
            }
        };
        TemplateValues::new(
            links.site(),
            &links.page_link(page, token),
            valid_for,
            account,
        )
    }
}

impl TemplateValues {
    fn new(site: &str, link: &str, valid_for: Duration, account: &str) -> Self {
        Self {
            site: strip_controls(site),
            link: strip_controls(link),
            valid_for: format_duration(valid_for),
            account: strip_controls(account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_MINUTES: Duration = Duration::from_mins(10);

    fn contents() -> [MailContent<'static>; 10] {
        [
            MailContent::PasswordReset("vrt_token", TEN_MINUTES),
            MailContent::EmailVerification("vvt_token", TEN_MINUTES),
            MailContent::EmailChange("vet_token", TEN_MINUTES, "a***@e***.com"),
            MailContent::EmailRestore("vft_token", TEN_MINUTES),
            MailContent::EmailWanted,
            MailContent::EmailChangeRequested,
            MailContent::EmailChanged,
            MailContent::EmailAssigned,
            MailContent::PasswordChanged,
            MailContent::SessionOpened,
        ]
    }

    #[test]
    fn mails_match_their_snapshot() {
        let links = LinkBase::parse("https://app.example.com/a&b").unwrap();
        let mails: Vec<_> = contents()
            .iter()
            .map(|content| {
                let (text, html) = (content.text(&links).unwrap(), content.html(&links).unwrap());
                format!("Subject: {}\n\n{}\n\n{}\n", content.subject(), text, html)
            })
            .collect();
        insta::assert_snapshot!(mails.join("\n================\n"));
    }

    #[test]
    fn the_link_is_in_both_forms_with_the_token_in_its_fragment() {
        let links = LinkBase::parse("https://app.example.com/a&b").unwrap();
        for (content, link) in contents().iter().zip([
            "https://app.example.com/a&b/reset#token=vrt_token",
            "https://app.example.com/a&b/verify#token=vvt_token",
            "https://app.example.com/a&b/confirm#token=vet_token",
            "https://app.example.com/a&b/restore#token=vft_token",
        ]) {
            let text = content.text(&links).unwrap();
            assert!(text.lines().any(|line| line == link), "{}", text);
            let html = content.html(&links).unwrap();
            let href = format!("href=\"{}\"", link.replace('&', "&#38;"));
            assert!(html.contains(&href), "{}", html);
        }
    }

    /// No configuration can hold such values; this is the second line of defence.
    #[test]
    fn values_are_escaped_in_html_and_keep_to_their_line_in_text() {
        let hostile = "x\"><script>alert(1)</script>\r\n\r\nFree money: http://evil.example";
        let v = &TemplateValues::new(hostile, hostile, TEN_MINUTES, hostile);
        let html = html::PasswordReset { v }.render().unwrap();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("x\">"), "{html}");
        let text = text::PasswordReset { v }.render().unwrap();
        assert!(text.lines().all(|line| !line.starts_with("Free")), "{text}");
        assert!(!text.contains('\r'), "{text}");
    }
}
