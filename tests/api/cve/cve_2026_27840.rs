//! CVE-2026-27840, ZITADEL: a token that was cut short was still valid.

use super::*;

on_both_databases!(a_token_has_one_spelling,);

async fn a_token_has_one_spelling(app: Server) {
    let owner = app.owner().await;
    let token = &owner.token;
    let mut spellings: Vec<_> = (0..token.len()).map(|n| token[..n].to_owned()).collect();
    spellings.extend(["x", "=", " ", "\0", "\n"].map(|end| format!("{token}{end}")));
    spellings.extend([
        format!(" {token}"),
        token.to_uppercase(),
        token.to_lowercase(),
    ]);
    let verdicts = app.grpc().validate_all(&spellings).await.unwrap();
    for (verdict, spelling) in verdicts.iter().zip(spellings) {
        assert_eq!(verdict.status(), SessionStatus::NotFound, "{spelling:?}");
        assert!(verdict.user.is_none());
    }
    assert_eq!(app.grpc().verdict(token).await, SessionStatus::Active);
}
