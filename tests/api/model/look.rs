//! What can be seen of everything at once.

use futures_util::future::try_join_all;
use vestibule::proto::v1::ListUsersRequest;

use super::{
    PASSWORDS, World,
    agreement::{Check, reasoned, same},
    state::User,
};
use crate::harness::eventually;

impl World<'_> {
    /// All users and all live sessions. It changes nothing.
    pub(super) async fn look(&mut self) -> Check {
        let asked = ListUsersRequest {
            page_size: 1_000,
            email_prefix: self.prefix.clone(),
            ..ListUsersRequest::default()
        };
        let listed = reasoned(self.service.users.list(asked).await)?.users;
        let here = self.users_here();
        same("how many users", here.len(), listed.len())?;
        for (at, told) in here.iter().zip(&listed) {
            self.state.check_user(*at, told)?;
        }
        let users = &self.service.users;
        let lists = listed.iter().map(|user| users.sessions(&user.id));
        let lists = reasoned(try_join_all(lists).await)?;
        for (user, told) in here.into_iter().zip(lists) {
            self.state.check_sessions(self.live_sessions(user), &told)?;
        }
        Ok(())
    }

    /// The rest: tokens, of which old ones end their sessions by it and good ones are redeemed, then
    /// passwords, events, and what is kept of users.
    pub(super) async fn look_at_all(&mut self) -> Check {
        self.receive().await?;
        self.validate_all().await?;
        for at in 0..self.state.tokens.len() {
            let (purpose, text) = (self.state.tokens[at].purpose, &self.state.tokens[at].text);
            let text = text.clone();
            self.redeem(purpose, (Some(at), &text), PASSWORDS[0])
                .await?;
        }
        for user in self.users_here() {
            let User {
                email, password, ..
            } = &self.state.users[user];
            self.log_in_as(&email.clone(), &password.clone()).await?;
        }
        for user in 0..self.state.users.len() {
            self.events_of(user).await?;
        }
        for here in 0..self.users_here().len() {
            self.export(u8::try_from(here).unwrap()).await?;
        }
        self.receive().await
    }

    /// Waits until no mail waits, and reads what came.
    pub(super) async fn receive(&mut self) -> Check {
        let db = &self.service.app.db;
        let now = self.state.now;
        eventually("no mail waits", async || {
            let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
            db.mail_waiting(now, deadline).await.unwrap().waiting == 0
        })
        .await;
        let mut mails = self.service.sink.mails().split_off(self.mails);
        self.mails += mails.len();
        mails.sort_by_key(|mail| (mail.to.clone(), mail.header("Subject").to_owned()));
        self.state.sent_mails.sort();
        let sent_mails = std::mem::take(&mut self.state.sent_mails);
        let expected = sent_mails.iter().map(|mail| (&*mail.to, mail.subject));
        let told = mails.iter().map(|mail| (&*mail.to, mail.header("Subject")));
        same("the mails", expected.collect::<Vec<_>>(), told.collect())?;
        for (sent, mail) in sent_mails.iter().zip(&mails) {
            if let Some(token) = sent.token {
                self.state.tokens[token].text = mail.token();
            }
        }
        Ok(())
    }

    /// The users who are here, in the order of their ids.
    pub(super) fn users_here(&self) -> Vec<usize> {
        let users = &self.state.users;
        let mut here: Vec<_> = (0..users.len()).filter(|at| !users[*at].erased).collect();
        here.sort_by_key(|at| &users[*at].id);
        here
    }

    pub(super) fn live_sessions(&self, user: usize) -> Vec<usize> {
        let own = |at: &usize| self.state.sessions[*at].user == user;
        let sessions = (0..self.state.sessions.len()).filter(own);
        sessions.filter(|at| self.state.is_live(*at)).collect()
    }
}
