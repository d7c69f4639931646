//! Values that tests share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A password that passes the policy; where a test needs another it says so.
pub(crate) const PASSWORD: &str = "a canary sings at nine";

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// An address that no other test uses. Its local part is a canary: it may be in no log.
pub(crate) fn email() -> String {
    format!(
        "canary.{}@example.com",
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// A password that no other call has, and a canary as well.
pub(crate) fn phrase() -> String {
    format!("a canary sings at {}", NEXT.fetch_add(1, Ordering::Relaxed))
}
