//! Each token has one spelling, and no kind can be passed off as another.

use super::*;
use proptest::prelude::*;

fn token(id: u128, secret: [u8; 32]) -> SessionToken {
    SessionToken::new(SessionId::new(Uuid::from_u128(id)), secret)
}

/// (Z4) Truncated, extended, case-changed and changed in each position.
#[test]
fn every_position_counts() {
    let text = token(7, [0xA5; 32]).expose().to_string();
    assert_eq!(text.len(), 72);
    for at in 0..text.len() {
        assert!(SessionToken::parse(&text[..at]).is_none());
        for replacement in (0u8..128)
            .map(char::from)
            .filter(|c| *c != text.as_bytes()[at] as char)
        {
            let mut changed = text.clone();
            changed.replace_range(at..=at, &replacement.to_string());
            assert!(
                SessionToken::parse(&changed).is_none(),
                "{replacement:?} at {at}"
            );
        }
    }
    assert!(SessionToken::parse(&format!("{text}A")).is_none());
    assert!(SessionToken::parse(&format!("{text}=")).is_none());
    assert!(SessionToken::parse(&format!(" {text}")).is_none());
}

#[test]
fn an_empty_or_overlong_text_is_a_fault() {
    assert!(PresentedToken::parse("").is_err());
    assert!(PresentedToken::parse(&"x".repeat(513)).is_err());
    assert!(matches!(
        PresentedToken::parse(&"x".repeat(512)),
        Ok(PresentedToken::Malformed)
    ));
}

#[test]
fn no_kind_of_token_passes_for_another() {
    let id = Uuid::from_u128(7);
    let texts = [
        token(7, [0xA5; 32]).expose(),
        Token::<PasswordResetKind>::new(id.into(), [0xA5; 32]).expose(),
        Token::<EmailVerificationKind>::new(id.into(), [0xA5; 32]).expose(),
        Token::<EmailChangeKind>::new(id.into(), [0xA5; 32]).expose(),
        Token::<CallerKind>::new(id.into(), [0xA5; 32]).expose(),
    ];
    for (at, text) in texts.iter().enumerate() {
        let read = [
            SessionToken::parse(text).is_some(),
            Token::<PasswordResetKind>::parse(text).is_some(),
            Token::<EmailVerificationKind>::parse(text).is_some(),
            Token::<EmailChangeKind>::parse(text).is_some(),
            Token::<CallerKind>::parse(text).is_some(),
        ];
        assert_eq!(read, [0, 1, 2, 3, 4].map(|kind| kind == at));
        for prefix in ["vst_", "vrt_", "vvt_", "vet_", "vck_"] {
            let claimed = format!("{prefix}{}", &text[4..]);
            let is_itself = claimed == **text;
            assert_eq!(
                SessionToken::parse(&claimed).is_some(),
                is_itself && at == 0
            );
            assert_eq!(
                Token::<CallerKind>::parse(&claimed).is_some(),
                is_itself && at == 4
            );
        }
    }
}

#[test]
fn debug_shows_the_public_id_alone() {
    let token = token(7, [0xA5; 32]);
    let debug = format!("{token:?} {:?}", token.secret_hash());
    assert_eq!(
        debug,
        "Token(vst_00000000-0000-0000-0000-000000000007, …) SecretHash(…)"
    );
}

proptest! {
    #[test]
    fn a_token_has_one_spelling(id in any::<u128>(), secret in any::<[u8; 32]>()) {
        let token = token(id, secret);
        let text = token.expose();
        prop_assert_eq!(text.len(), 72);
        let read = SessionToken::parse(&text).unwrap();
        prop_assert_eq!(read.id(), token.id());
        prop_assert_eq!(read.secret_hash(), token.secret_hash());
        prop_assert_eq!(read.expose(), text);
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = PresentedToken::parse(&text);
    }
}
