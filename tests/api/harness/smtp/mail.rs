//! A mail as the server got it.

/// What was sent.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// The envelope's recipient.
    pub(crate) to: String,
    /// Headers and body.
    pub(crate) data: String,
    /// Whether it came encrypted, from somebody who had logged in.
    pub(crate) proven: bool,
}

impl Mail {
    /// The token of the link, from the text.
    pub(crate) fn token(&self) -> String {
        // Long lines are folded (quoted-printable, RFC 2045 §6.7).
        let unfolded = self.data.replace("=\r\n", "").replace("=3D", "=");
        let link = unfolded.lines().find(|line| line.starts_with("https://"));
        let (_, token) = link.expect("a link").split_once("#token=").unwrap();
        token.to_owned()
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.data.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim_start_matches(": ")
    }
}
