//! Pages of lists. A page token is the last id of the page before, bound to the method and filter of
//! that page. It is not signed: it carries no authority, since every page is authorised anew.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::failure::Violation;
use crate::proto::v1::ErrorReason;

/// What a page holds when its size is 0.
const SIZE_USUAL: usize = 50;
/// The most that a page holds; a larger size means this.
const SIZE_MAX: usize = 1_000;
/// The form of a token: this byte, the last id, the binding.
const VERSION: u8 = 1;
const BINDING_BYTES: usize = 8;
const TOKEN_BYTES: usize = 1 + 16 + BINDING_BYTES;

type Binding = [u8; BINDING_BYTES];

/// Which page of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    size: usize,
    /// The last id of the page before; `None`: the first page.
    after: Option<Uuid>,
    binding: Binding,
}

impl Page {
    /// Reads what a caller sent. `filter` is whatever selects the rows, in bytes: a token fits no
    /// other. The size may change from page to page.
    ///
    /// # Errors
    /// Every fault of the fields `page_size` and `page_token`.
    pub(crate) fn parse(
        method: &str,
        filter: &[u8],
        page_size: i32,
        page_token: &str,
    ) -> Result<Self, Vec<Violation>> {
        let binding = bind_to(method, filter);
        let size = parse_size(page_size);
        let after = parse_token(page_token, binding);
        match (size, after) {
            (Ok(size), Ok(after)) => Ok(Self {
                size,
                after,
                binding,
            }),
            (size, after) => Err([size.err(), after.err()].into_iter().flatten().collect()),
        }
    }

    /// The id after which rows are asked for.
    pub(crate) fn after<I: From<Uuid>>(&self) -> Option<I> {
        self.after.map(I::from)
    }

    /// How many rows to ask for: one more than the page holds, which shows whether another page follows.
    pub(crate) fn limit(&self) -> u64 {
        self.size as u64 + 1
    }

    /// Cuts rows, at most [`Self::limit`] in the order of their ids, to the page, and makes the token
    /// of the next one; it is empty at the end of the list.
    pub(crate) fn cut<T, I: Into<Uuid>>(&self, rows: &mut Vec<T>, id: impl Fn(&T) -> I) -> String {
        let is_last = rows.len() <= self.size;
        rows.truncate(self.size);
        match rows.last() {
            Some(last) if !is_last => self.token(id(last).into()),
            Some(_) | None => String::new(),
        }
    }

    fn token(&self, last: Uuid) -> String {
        let parts = [&[VERSION][..], last.as_bytes(), &self.binding];
        URL_SAFE_NO_PAD.encode(parts.concat())
    }
}

fn parse_size(asked: i32) -> Result<usize, Violation> {
    match usize::try_from(asked) {
        Ok(0) => Ok(SIZE_USUAL),
        Ok(size) => Ok(size.min(SIZE_MAX)),
        Err(_) => {
            let (field, reason) = ("page_size", ErrorReason::InvalidField);
            Err(Violation::new(field, reason, "must not be negative"))
        }
    }
}

fn parse_token(token: &str, binding: Binding) -> Result<Option<Uuid>, Violation> {
    if token.is_empty() {
        return Ok(None);
    }
    let last = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
        let bytes: [u8; TOKEN_BYTES] = bytes.try_into().ok()?;
        let (last, bound) = bytes[1..].split_at(16);
        let fits = bytes[0] == VERSION && bound == binding;
        fits.then(|| Uuid::from_slice(last).ok())?
    });
    match last {
        Some(last) => Ok(Some(last)),
        None => Err(Violation::new(
            "page_token",
            ErrorReason::PageTokenInvalid,
            "must be one that this method gave for this filter",
        )),
    }
}

fn bind_to(method: &str, filter: &[u8]) -> Binding {
    let mut digest = Sha256::new();
    digest.update(method);
    // No method's name holds it, so no method and filter read like another pair.
    digest.update([0]);
    digest.update(filter);
    let mut binding = Binding::default();
    binding.copy_from_slice(&digest.finalize()[..BINDING_BYTES]);
    binding
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: &str = "vestibule.v1.AuditService/ListEvents";

    fn page(size: i32, token: &str) -> Result<Page, Vec<Violation>> {
        Page::parse(METHOD, b"filter", size, token)
    }

    fn reasons(page: Result<Page, Vec<Violation>>) -> Vec<ErrorReason> {
        let faults = page.unwrap_err();
        faults.into_iter().map(|fault| fault.reason).collect()
    }

    #[test]
    fn a_page_holds_what_is_asked_within_limits() {
        for (asked, limit) in [
            (0, 51),
            (1, 2),
            (1_000, 1_001),
            (1_001, 1_001),
            (i32::MAX, 1_001),
        ] {
            assert_eq!(page(asked, "").unwrap().limit(), limit, "{asked}");
        }
        for asked in [-1, i32::MIN] {
            assert_eq!(reasons(page(asked, "")), [ErrorReason::InvalidField]);
        }
    }

    #[test]
    fn a_token_leads_to_the_rows_after_the_last_one() {
        let ids: Vec<Uuid> = (1..=5).map(Uuid::from_u128).collect();
        let (mut token, mut seen) = (String::new(), Vec::<Uuid>::new());
        loop {
            let page = page(2, &token).unwrap();
            let after = page.after();
            let mut rows = ids.clone();
            rows.retain(|id| Some(*id) > after);
            rows.truncate(usize::try_from(page.limit()).unwrap());
            token = page.cut(&mut rows, |id| *id);
            seen.extend(rows);
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, ids);
    }

    #[test]
    fn a_full_last_page_has_no_next_one() {
        let mut rows = vec![Uuid::nil(); 2];
        assert_eq!(page(2, "").unwrap().cut(&mut rows, |id| *id), "");
        let mut none: Vec<Uuid> = Vec::new();
        assert_eq!(page(2, "").unwrap().cut(&mut none, |id| *id), "");
    }

    #[test]
    fn a_token_fits_its_method_and_filter_alone_and_has_one_spelling() {
        let token = page(1, "").unwrap().token(Uuid::max());
        assert!(page(7, &token).is_ok(), "the size may change");
        let invalid = [ErrorReason::PageTokenInvalid];
        for (method, filter) in [
            (METHOD, &b"another"[..]),
            (METHOD, b""),
            ("x", b"filter"),
            ("", b"filter"),
        ] {
            assert_eq!(reasons(Page::parse(method, filter, 1, &token)), invalid);
        }
        let mut another_version = URL_SAFE_NO_PAD.decode(&token).unwrap();
        another_version[0] += 1;
        for bad in [
            &token[1..],
            &format!("{token}A"),
            &format!("{token}="),
            &format!(" {token}"),
            &token.to_lowercase(),
            &URL_SAFE_NO_PAD.encode(another_version),
            "é",
            "0",
        ] {
            assert_eq!(reasons(page(1, bad)), invalid, "{bad}");
        }
    }

    #[test]
    fn both_faults_are_found_at_once() {
        let both = [ErrorReason::InvalidField, ErrorReason::PageTokenInvalid];
        assert_eq!(reasons(page(-1, "x")), both);
    }
}
