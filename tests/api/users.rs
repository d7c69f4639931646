//! What named callers and operators do to users, and what nobody else does.

mod access;
mod command;
mod editing;
mod ending;
mod erasure;
mod etags;
mod export;
mod lists;
mod lookup;
mod revoking;
mod sessions;

use tonic::{Code, Status};
use vestibule::proto::v1::{UpdateUserRequest, User};

use crate::harness::Fault;

/// An id that nobody has.
const NOBODY: &str = "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f";
/// A good password that nobody has yet.
const NEW: &str = "the new canary sings";

/// Code and reason of a refusal.
fn assert_refused<T>(outcome: Result<T, Status>, code: Code, reason: &str) {
    assert_eq!(Fault::from(outcome).meaning(), (code, reason));
}

/// Nobody has this id, and the caller is told which.
fn assert_nobody<T>(outcome: Result<T, Status>, id: &str) {
    let fault = Fault::from(outcome);
    assert_eq!(fault.meaning(), (Code::NotFound, "USER_NOT_FOUND"));
    let expected = ("vestibule.v1.User".to_owned(), id.to_owned());
    assert_eq!(fault.resource, Some(expected));
}

/// The user is disabled, and the caller is told who.
fn assert_disabled<T>(outcome: Result<T, Status>, id: &str) {
    let fault = Fault::from(outcome);
    assert_eq!(fault.meaning(), (Code::FailedPrecondition, "USER_DISABLED"));
    let expected = ("vestibule.v1.User".to_owned(), id.to_owned());
    assert_eq!(fault.resource, Some(expected));
}

fn assert_invalid<T>(outcome: Result<T, Status>, faults: &[(&str, &str)]) {
    let fault = Fault::from(outcome);
    assert_eq!(fault.meaning(), (Code::InvalidArgument, "INVALID_INPUT"));
    assert_eq!(fault.faults(), faults);
}

/// An edit that changes nothing.
fn edit_of(user: &User) -> UpdateUserRequest {
    UpdateUserRequest {
        user_id: user.id.clone(),
        email: None,
        email_verified: None,
        update_mask: None,
        etag: String::new(),
    }
}
