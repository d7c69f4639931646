//! CVE-2026-73431, Vulnerability-Lookup, and ZITADEL's login intents (CVE-2025-46815): a link
//! worked more than once.

use super::*;

on_both_databases!(a_one_time_token_works_once,);

async fn a_one_time_token_works_once(app: Server) {
    let owner = app.owner().await;
    let reset = app.reset_token(&owner.email).await;
    let mut redemptions = JoinSet::new();
    for number in 0..8 {
        let (account, reset) = (app.account(), reset.clone());
        redemptions.spawn(async move {
            let new = format!("a sparrow sings at {number} hours");
            account.reset_password(&reset, &new).await
        });
    }
    let outcomes = redemptions.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let again = app.account().reset_password(&reset, NEW).await;
    assert_eq!(Fault::from(again).reason, "TOKEN_INVALID");
}
