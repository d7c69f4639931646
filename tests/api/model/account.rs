//! `AccountService` and `GET /users/{id}`, by the service and by the reference.

use http::StatusCode;
use tonic::Status;
use vestibule::proto::v1::verify_email_request::Proof as Told;

use super::{
    PASSWORDS, World,
    agreement::{Check, agreed, reasoned, same},
    operation::{Address, Asked, Guess, Knowledge, Known, New, Proof, Which},
    state::{Knows, Purpose, Reason},
};

impl World<'_> {
    pub(super) async fn account(&mut self, proof: Proof) -> Check {
        let (secret, text) = self.session_proof(proof);
        let expected = self.state.live(secret);
        let told = self.service.app.account().get(&text).await;
        match agreed(expected, reasoned(told))? {
            Some((session, told)) => {
                let user = self.state.sessions[session].user;
                self.state.check_user(user, &told)
            }
            None => Ok(()),
        }
    }

    pub(super) async fn account_by_rest(&mut self, proof: Proof, asked: Asked) -> Check {
        let (secret, text) = self.session_proof(proof);
        let path = match asked {
            Asked::Me => "me".to_owned(),
            Asked::Id(whom) => self.whom(whom).1,
        };
        let expected = self.state.live(secret).and_then(|session| {
            let user = &self.state.users[self.state.sessions[session].user];
            let is_own = path == "me" || path == user.id;
            is_own.then_some(user).ok_or("USER_NOT_FOUND")
        });
        let rest = self.service.app.rest();
        let reply = rest.get_as(&text, &format!("/users/{path}")).await;
        let told = if reply.status == StatusCode::OK {
            Ok(reply.json())
        } else {
            Err(reply.reason())
        };
        let Some((user, told)) = agreed(expected, told)? else {
            return Ok(());
        };
        let told = ["id", "email", "status"].map(|key| told[key].as_str().unwrap_or_default());
        let expected = [user.id.as_str(), user.email.as_str(), "active"];
        same("the user", expected, told)
    }

    pub(super) async fn own_sessions(&mut self, proof: Proof) -> Check {
        let (secret, text) = self.session_proof(proof);
        let expected = self.state.live(secret);
        let told = self.service.app.account().list(&text, (0, "")).await;
        let Some((session, told)) = agreed(expected, reasoned(told))? else {
            return Ok(());
        };
        let current = &self.state.sessions[session];
        same("the current one", &current.id, &told.current_session_id)?;
        let live = self.live_sessions(current.user);
        self.state.check_sessions(live, &told.sessions)
    }

    pub(super) async fn end_by_id(&mut self, proof: Proof, which: Which) -> Check {
        let (secret, text) = self.session_proof(proof);
        let (ended, id) = self.which(which);
        let expected = self.state.end_by_id(secret, ended);
        let told = self.service.app.account().revoke_by_id(&text, &id).await;
        granted(expected, told)
    }

    pub(super) async fn end_others(&mut self, proof: Proof) -> Check {
        let (secret, text) = self.session_proof(proof);
        let expected = self.state.end_others(secret);
        granted(
            expected,
            self.service.app.account().revoke_others(&text).await,
        )
    }

    pub(super) async fn change_password(&mut self, proof: Proof, guess: Guess, new: New) -> Check {
        let (secret, text) = self.session_proof(proof);
        let owner = self.owner(secret);
        let email = owner.map(|owner| self.state.users[owner].email.clone());
        let new = Self::new_password(new, &email.unwrap_or_default());
        let current = self.guess(owner, guess);
        let expected = self.state.change_password(secret, &current, &new);
        let account = self.service.app.account();
        granted(
            expected,
            account.change_password(&text, &current, &new).await,
        )
    }

    pub(super) async fn guess_password(&mut self, proof: Proof, times: u8) -> Check {
        let (secret, text) = self.session_proof(proof);
        let (wrong, new) = ("a canary sings at nine", PASSWORDS[0]);
        for _ in 0..times {
            let expected = self.state.change_password(secret, wrong, new);
            let account = self.service.app.account();
            granted(expected, account.change_password(&text, wrong, new).await)?;
        }
        Ok(())
    }

    pub(super) async fn close(&mut self, proof: Proof, guess: Guess) -> Check {
        let (secret, text) = self.session_proof(proof);
        let password = self.guess(self.owner(secret), guess);
        self.store_outcomes().await?;
        let expected = self.state.close(secret, &password);
        let told = self.service.app.account().close(&text, &password).await;
        granted(expected, told)
    }

    pub(super) async fn reauthenticate(&mut self, proof: Proof, guess: Guess) -> Check {
        let (secret, text) = self.session_proof(proof);
        let password = self.guess(self.owner(secret), guess);
        let expected = self.state.reauthenticate(secret, &password);
        let account = self.service.app.account();
        let told = account.reauthenticate(&text, &password).await;
        match agreed(expected, reasoned(told))? {
            Some((session, told)) => self.state.check_session(session, &told),
            None => Ok(()),
        }
    }

    pub(super) async fn ask_for_reset(&mut self, at: Known) -> Check {
        let email = self.known_address(at);
        self.state.ask(&email, Purpose::Reset);
        let account = self.service.app.account();
        granted(Ok(()), account.request_password_reset(&email).await)
    }

    pub(super) async fn ask_for_verification(&mut self, at: Known) -> Check {
        let email = self.known_address(at);
        self.state.ask(&email, Purpose::Verification);
        let account = self.service.app.account();
        granted(Ok(()), account.request_email_verification(&email).await)
    }

    pub(super) async fn ask_for_change(
        &mut self,
        proof: Proof,
        guess: Guess,
        at: Address,
    ) -> Check {
        let (secret, text) = self.session_proof(proof);
        let password = self.guess(self.owner(secret), guess);
        let new = self.address(at);
        let expected = self.state.ask_for_change(secret, &password, &new);
        let account = self.service.app.account();
        let told = account.request_email_change(&text, &password, &new).await;
        granted(expected, told)
    }

    pub(super) async fn cancel_change(&mut self, proof: Proof) -> Check {
        let (secret, text) = self.session_proof(proof);
        let expected = self.state.cancel_change(secret);
        let account = self.service.app.account();
        granted(expected, account.cancel_email_change(&text).await)
    }

    pub(super) async fn reset(&mut self, proof: Proof, new: New) -> Check {
        let (token, text) = self.one_time_proof(proof, Purpose::Reset);
        let owner = token.map(|token| self.state.tokens[token].user);
        let email = owner.map(|owner| self.state.users[owner].email.clone());
        let new = Self::new_password(new, &email.unwrap_or_default());
        self.redeem(Purpose::Reset, (token, &text), &new).await
    }

    pub(super) async fn restore(&mut self, proof: Proof, new: New) -> Check {
        let (token, text) = self.one_time_proof(proof, Purpose::Restore);
        let email = token.and_then(|token| self.state.tokens[token].new_email.clone());
        let new = Self::new_password(new, &email.unwrap_or_default());
        self.redeem(Purpose::Restore, (token, &text), &new).await
    }

    pub(super) async fn verify(&mut self, proof: Proof, knowledge: Knowledge) -> Check {
        let (token, text) = self.one_time_proof(proof, Purpose::Verification);
        let owner = token.map(|token| self.state.tokens[token].user);
        let (knows, told) = match knowledge {
            Knowledge::Nothing => (Knows::Nothing, None),
            Knowledge::Session(proof) => {
                let (secret, text) = self.session_proof(proof);
                (Knows::Session(secret), Some(Told::SessionToken(text)))
            }
            Knowledge::Password(guess) => {
                let password = self.guess(owner, guess);
                let told = Told::Password(password.clone());
                (Knows::Password(password), Some(told))
            }
        };
        let expected = self.state.verify_by(token, knows);
        let account = self.service.app.account();
        granted(expected, account.verify_email_with(&text, told).await)
    }

    pub(super) async fn confirm_change(&mut self, proof: Proof) -> Check {
        let (token, text) = self.one_time_proof(proof, Purpose::Change);
        self.redeem(Purpose::Change, (token, &text), "").await
    }

    /// Presents a token for a purpose, which need not be its own; a reset and a restoration set this
    /// password, and a verification is proven by the right one.
    pub(super) async fn redeem(
        &mut self,
        purpose: Purpose,
        (token, text): (Option<usize>, &str),
        new: &str,
    ) -> Check {
        let account = self.service.app.account();
        match purpose {
            Purpose::Reset => {
                let expected = self.state.reset(token, new);
                granted(expected, account.reset_password(text, new).await)
            }
            Purpose::Restore => {
                let expected = self.state.restore(token, new);
                granted(expected, account.restore_email(text, new).await)
            }
            Purpose::Verification => {
                let owner = token.map(|token| self.state.tokens[token].user);
                let password = self.guess(owner, Guess::Right);
                let told = Told::Password(password.clone());
                let expected = self.state.verify_by(token, Knows::Password(password));
                granted(expected, account.verify_email_with(text, Some(told)).await)
            }
            _ => {
                let expected = self.state.confirm_change(token);
                granted(expected, account.confirm_email_change(text).await)
            }
        }
    }
}

/// Of a call that answers nothing but OK.
pub(super) fn granted(expected: Result<(), Reason>, told: Result<(), Status>) -> Check {
    agreed(expected, reasoned(told)).map(drop)
}
