//! Accounts with somebody else's address: whoever registers first gets nothing of who reads the mail.

use tonic::Code;
use vestibule::{
    auth::VerificationProof,
    proto::v1::{
        CreateSessionForUserRequest, SessionStatus, create_session_for_user_request::User,
        verify_email_request::Proof,
    },
};

use super::{RESET, Town, VERIFY, assert_refused, assert_token_invalid};
use crate::harness::{Database, EventKind, Issue, PASSWORD, Server, email, events_of, phrase};

on_both_databases!(
    a_verification_needs_somebody_who_knows_the_account,
    without_the_proof_by_configuration_the_token_is_enough,
    who_reads_the_mail_gets_the_account_by_a_reset,
    a_session_by_an_unverified_address_is_refused,
    a_claim_takes_away_what_the_account_had,
);

async fn token_for(town: &Town, address: &str) -> String {
    let account = town.app.account();
    account.request_email_verification(address).await.unwrap();
    town.mail(address, VERIFY, 1).await.token()
}

/// (A5) Nothing is consumed until the proof is right.
async fn a_verification_needs_somebody_who_knows_the_account(town: Town) {
    let account = town.app.account();
    for good in ["password", "session"] {
        let (owner, other) = (town.app.owner().await, town.app.owner().await);
        let ended = town.app.session_of(&owner.email).await;
        town.app.grpc().revoke(&ended).await.unwrap();
        let token = token_for(&town, &owner.email).await;
        for (proof, code, reason) in [
            (None, Code::FailedPrecondition, "PROOF_REQUIRED"),
            (
                Some(Proof::Password(phrase())),
                Code::Unauthenticated,
                "BAD_CREDENTIALS",
            ),
            (
                Some(Proof::SessionToken(other.token)),
                Code::Unauthenticated,
                "SESSION_INVALID",
            ),
            (
                Some(Proof::SessionToken(ended)),
                Code::Unauthenticated,
                "SESSION_INVALID",
            ),
            (
                Some(Proof::Password(String::new())),
                Code::InvalidArgument,
                "INVALID_INPUT",
            ),
        ] {
            let refused = account.verify_email_with(&token, proof).await;
            assert_refused(refused, code, reason);
        }
        assert!(
            town.app
                .stored(&owner.email)
                .await
                .email_verified_at
                .is_none()
        );
        let proof = match good {
            "password" => Proof::Password(PASSWORD.to_owned()),
            _ => Proof::SessionToken(owner.token),
        };
        let verified = account.verify_email_with(&token, Some(proof.clone()));
        verified.await.unwrap();
        assert!(
            town.app
                .stored(&owner.email)
                .await
                .email_verified_at
                .is_some()
        );
        assert_token_invalid(account.verify_email_with(&token, Some(proof)).await);
    }
}

async fn without_the_proof_by_configuration_the_token_is_enough(database: Database) {
    let plan = Server::on(database).await.settings(|settings| {
        settings.auth.mail.verification_proof = VerificationProof::None;
    });
    let app = plan.start().await;
    let owner = app.owner().await;
    let issue = Issue::of(vestibule::domain::TokenPurpose::EmailVerification);
    let token = app.issue(&owner.email, issue).await;
    let wrong = Some(Proof::Password(phrase()));
    let refused = app.account().verify_email_with(&token, wrong).await;
    assert_refused(refused, Code::Unauthenticated, "BAD_CREDENTIALS");
    app.account().verify_email_with(&token, None).await.unwrap();
}

/// (A5) (A7) The attacker registered first; the victim has neither session nor password, resets, and
/// the attacker is out.
async fn who_reads_the_mail_gets_the_account_by_a_reset(town: Town) {
    let (attacker, victim) = (town.app.owner().await, phrase());
    let account = town.app.account();
    let token = token_for(&town, &attacker.email).await;
    let refused = account.verify_email_with(&token, None).await;
    assert_refused(refused, Code::FailedPrecondition, "PROOF_REQUIRED");
    // The attacker's change of address waits for this moment.
    let change = town.change_to(&attacker.token, &email()).await;

    account
        .request_password_reset(&attacker.email)
        .await
        .unwrap();
    let reset = town.mail(&attacker.email, RESET, 1).await.token();
    account.reset_password(&reset, &victim).await.unwrap();
    let verdict = town.app.grpc().verdict(&attacker.token).await;
    assert_eq!(verdict, SessionStatus::Revoked);
    assert!(!town.app.grpc().is_valid(&attacker.email, PASSWORD).await);
    assert!(town.app.grpc().is_valid(&attacker.email, &victim).await);
    assert_token_invalid(account.confirm_email_change(&change).await);
    assert!(
        town.app
            .stored(&attacker.email)
            .await
            .email_verified_at
            .is_some()
    );
}

fn by_email(address: &str) -> CreateSessionForUserRequest {
    CreateSessionForUserRequest {
        user: Some(User::Email(address.to_owned())),
        ..CreateSessionForUserRequest::default()
    }
}

/// By address alone: an id is the caller's own knowledge.
async fn a_session_by_an_unverified_address_is_refused(town: Town) {
    let owner = town.app.owner().await;
    let refused = town.users.open(by_email(&owner.email)).await;
    assert_refused(refused, Code::FailedPrecondition, "EMAIL_NOT_VERIFIED");
    town.users.open_for(&owner.id).await.unwrap();
    let allowed = CreateSessionForUserRequest {
        allow_unverified: true,
        ..by_email(&owner.email)
    };
    town.users.open(allowed).await.unwrap();
    assert!(town.app.grpc().is_valid(&owner.email, PASSWORD).await);
    let verdict = town.app.grpc().verdict(&owner.token).await;
    assert_eq!(verdict, SessionStatus::Active);
}

/// (A5) (A7) Of an account whose address was verified before, nothing is taken.
async fn a_claim_takes_away_what_the_account_had(town: Town) {
    let account = town.app.account();
    for is_verified in [false, true] {
        let owner = if is_verified {
            town.verified_owner().await
        } else {
            town.app.owner().await
        };
        let change = town.change_to(&owner.token, &email()).await;
        let claim = CreateSessionForUserRequest {
            proves_email: true,
            ..by_email(&owner.email)
        };
        let opened = town.users.open(claim).await.unwrap();
        assert!(opened.user.unwrap().email_verified_at.is_some());
        let verdict = town.app.grpc().verdict(&opened.session_token).await;
        assert_eq!(verdict, SessionStatus::Active);

        let keeps = town.app.grpc().is_valid(&owner.email, PASSWORD).await;
        let verdict = town.app.grpc().verdict(&owner.token).await;
        let confirmed = account.confirm_email_change(&change).await;
        if is_verified {
            assert!(keeps && verdict == SessionStatus::Active);
            confirmed.unwrap();
        } else {
            assert!(!keeps && verdict == SessionStatus::Revoked);
            assert_token_invalid(confirmed);
        }
    }
    let verified = events_of(&[EventKind::EmailVerified]);
    assert_eq!(town.app.store.rows(&verified).await, 2);
}
