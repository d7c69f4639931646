//! `AuthService` and registration by REST, by the service and by the reference.

use http::{StatusCode, header};
use vestibule::proto::v1::{EventKind, ValidateSessionResponse};

use super::{
    World,
    agreement::{Check, agreed, reasoned, same},
    operation::{Address, Guess, Known, New, Proof},
    state::Verdict,
};

impl World<'_> {
    pub(super) async fn register(&mut self, at: Address, new: New, id: Option<u8>) -> Check {
        let (email, id) = (self.address(at), self.request_id(id));
        let password = Self::new_password(new, &email);
        let expected = self.state.register(&email, &password, id.clone());
        let client = self.service.app.grpc();
        let id = id.unwrap_or_default();
        let told = reasoned(client.register_as(&email, &password, &id).await);
        match agreed(expected, told)? {
            Some((user, told)) => self.state.check_user(user, &told),
            None => Ok(()),
        }
    }

    pub(super) async fn register_by_rest(
        &mut self,
        at: Address,
        new: New,
        id: Option<u8>,
    ) -> Check {
        let (email, id) = (self.address(at), self.request_id(id));
        let password = Self::new_password(new, &email);
        let expected = self.state.register(&email, &password, id.clone());
        let rest = self.service.app.rest();
        let mut request = rest.request("POST", "/users");
        request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(id) = id {
            request = request.header("idempotency-key", id);
        }
        let body = serde_json::json!({"email": email, "password": password});
        let reply = rest.send(request, body.to_string()).await;
        let told = if reply.status == StatusCode::CREATED {
            Ok(reply.json())
        } else {
            Err(reply.reason())
        };
        let Some((user, told)) = agreed(expected, told)? else {
            return Ok(());
        };
        let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
        let user = &mut self.state.users[user];
        if user.id.is_empty() {
            user.id = text("id");
        }
        let expected = (user.id.clone(), user.email.clone());
        same("the user", expected, (text("id"), text("email")))
    }

    pub(super) async fn log_in(&mut self, at: Known, guess: Guess) -> Check {
        let email = self.known_address(at);
        let password = self.guess(self.state.find(&email), guess);
        self.log_in_as(&email, &password).await
    }

    pub(super) async fn log_in_as(&mut self, email: &str, password: &str) -> Check {
        let expected = self.state.log_in(email, password);
        if let Some(user) = expected {
            self.state.happened(user, EventKind::LoginSucceeded);
        }
        let told = self.service.app.grpc().login(email, password).await;
        let told = reasoned(told)?;
        let id = expected.map(|user| self.state.users[user].id.clone());
        let expected = (id.is_some(), id.unwrap_or_default());
        same("the verdict", expected, (told.valid, told.user_id))
    }

    pub(super) async fn open(&mut self, at: Known, guess: Guess) -> Check {
        let email = self.known_address(at);
        let password = self.guess(self.state.find(&email), guess);
        let expected = self.state.log_in(&email, &password);
        let expected = expected.ok_or("BAD_CREDENTIALS");
        let told = self.service.app.grpc().open(&email, &password).await;
        let Some((user, told)) = agreed(expected, reasoned(told))? else {
            return Ok(());
        };
        let session = told.session.unwrap_or_default();
        self.state
            .open(user, false, &session.id, &told.session_token);
        self.state
            .check_user(user, &told.user.unwrap_or_default())?;
        let opened = self.state.sessions.len() - 1;
        self.state.check_session(opened, &session)
    }

    pub(super) async fn validate(&mut self, proof: Proof) -> Check {
        let (secret, text) = self.session_proof(proof);
        let expected = self.state.judge(secret);
        let told = self.service.app.grpc().validate(&text).await;
        self.check_verdict(expected, &reasoned(told)?)
    }

    /// Everything that ever was a token.
    pub(super) async fn validate_all(&mut self) -> Check {
        let secrets = self.state.secrets.iter();
        let texts: Vec<_> = secrets.map(|secret| secret.text.clone()).collect();
        let told = self.service.app.grpc().validate_all(&texts).await;
        let told = reasoned(told)?;
        same("the verdicts", texts.len(), told.len())?;
        // All are looked up at once: what an old secret ends was there for the others still.
        let mut order: Vec<_> = (0..told.len()).collect();
        order.sort_by_key(|secret| self.state.is_stale(*secret));
        for secret in order {
            let expected = self.state.judge(Some(secret));
            self.check_verdict(expected, &told[secret])
                .map_err(|differs| format!("token {secret}: {differs}"))?;
        }
        Ok(())
    }

    pub(super) async fn rotate(&mut self, proof: Proof) -> Check {
        let (secret, text) = self.session_proof(proof);
        self.rotate_secret(secret, &text).await
    }

    /// A slow request: the token is rotated, then the new one, then the old one again.
    pub(super) async fn rotate_late(&mut self, proof: Proof) -> Check {
        let (secret, text) = self.session_proof(proof);
        self.rotate_secret(secret, &text).await?;
        if let Some(newest) = self.state.secrets.len().checked_sub(1) {
            let text = self.state.secrets[newest].text.clone();
            self.rotate_secret(Some(newest), &text).await?;
        }
        self.rotate_secret(secret, &text).await
    }

    async fn rotate_secret(&mut self, secret: Option<usize>, text: &str) -> Check {
        let expected = self.state.rotate(secret);
        let told = self.service.app.grpc().rotate(text).await;
        let Some(((session, next), told)) = agreed(expected, reasoned(told))? else {
            return Ok(());
        };
        match (next, secret) {
            (Some(next), _) => same("the repeated token", next, told.session_token)?,
            (None, Some(secret)) => self.state.replace(secret, &told.session_token),
            (None, None) => {}
        }
        self.state
            .check_session(session, &told.session.unwrap_or_default())
    }

    pub(super) async fn revoke(&mut self, proof: Proof) -> Check {
        let (secret, text) = self.session_proof(proof);
        self.state.revoke(secret);
        let told = self.service.app.grpc().revoke(&text).await;
        same("the answer", Ok(()), told.map_err(|status| status.code()))
    }

    fn check_verdict(&mut self, expected: Verdict, told: &ValidateSessionResponse) -> Check {
        same("the verdict", expected.status(), told.status())?;
        match (expected, &told.session, &told.user) {
            (Verdict::Active(at), Some(session), Some(user)) => {
                self.state.check_session(at, session)?;
                self.state.check_user(self.state.sessions[at].user, user)
            }
            (Verdict::Not(_), None, None) => Ok(()),
            _ => Err("an identity with another verdict than ACTIVE".to_owned()),
        }
    }
}
