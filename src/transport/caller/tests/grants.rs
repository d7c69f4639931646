//! What a grant opens.

use std::iter;

use super::*;

/// Policy × setting × caller, whole.
#[test]
fn a_grant_opens_its_method_and_nothing_else() {
    use AuthServiceAccess::{Named, Open};
    use ErrorReason::{CallerNotAllowed, CallerUnauthenticated, Unsupported};
    const FIND: &str = "vestibule.v1.UserService/FindUser";
    let caller = |grants: &[&str]| Caller {
        name: CallerName::parse("billing").unwrap(),
        grants: grants.iter().map(ToString::to_string).collect(),
    };
    let granted = caller(&[FIND]);
    let other = "vestibule.v1.UserService/FindUsers";
    let others = caller(&[other, "*", "vestibule.v1.UserService/*"]);
    let callers = [None, Some(&others), Some(&granted)];
    let guarded = [Err(CallerUnauthenticated), Err(CallerNotAllowed), Ok(())];
    for (policy, access, expected) in [
        (Policy::Open, Open, [Ok(()); 3]),
        (Policy::Open, Named, [Ok(()); 3]),
        (Policy::Schema, Open, [Ok(()); 3]),
        (
            Policy::Schema,
            Named,
            [Err(CallerUnauthenticated), Ok(()), Ok(())],
        ),
        (Policy::EndUser(FIND), Open, [Ok(()); 3]),
        (Policy::EndUser(FIND), Named, guarded),
        (Policy::Session(FIND), Open, [Ok(()); 3]),
        (Policy::Session(FIND), Named, guarded),
        (Policy::Named(FIND), Open, guarded),
        (Policy::Named(FIND), Named, guarded),
        (Policy::Nothing, Open, [Err(Unsupported); 3]),
        (Policy::Nothing, Named, [Err(Unsupported); 3]),
    ] {
        for (caller, expected) in iter::zip(callers, expected) {
            let outcome =
                needs(policy, access, Reflection::On).and_then(|needs| check(needs, caller));
            let outcome = outcome.map_err(|failure| failure.code().reason);
            assert_eq!(outcome, expected, "{policy:?} {access:?} {caller:?}");
        }
    }
}
