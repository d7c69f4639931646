//! What can be seen of everything at once.

use futures_util::future::try_join_all;
use vestibule::proto::v1::ListUsersRequest;

use super::{
    PASSWORDS, World,
    agreement::{Check, reasoned, same},
    operation::Guess,
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
        Box::pin(self.receive()).await?;
        self.validate_all().await?;
        for at in 0..self.state.tokens.len() {
            let (purpose, text) = (self.state.tokens[at].purpose, &self.state.tokens[at].text);
            let text = text.clone();
            if text.is_empty() {
                continue;
            }
            self.redeem(purpose, (Some(at), &text), PASSWORDS[0])
                .await?;
        }
        for user in self.users_here() {
            let email = self.state.users[user].email.clone();
            let password = self.guess(Some(user), Guess::Right);
            self.log_in_as(&email, &password).await?;
        }
        for user in 0..self.state.users.len() {
            self.events_of(user).await?;
        }
        for here in 0..self.users_here().len() {
            self.export(u8::try_from(here).unwrap()).await?;
        }
        Box::pin(self.receive()).await
    }

    /// Waits until what is due was sent, and reads what came.
    pub(super) async fn receive(&mut self) -> Check {
        let (now, app) = (self.state.now, &self.service.app);
        if self.state.waiting().1 > 0 {
            self.state.deliver();
            // Some of it is the worker's, which is sending it.
            Box::pin(app.auth.deliver_mail())
                .await
                .map_err(|error| error.to_string())?;
            let left = self.state.waiting().0;
            eventually("what is due was sent", async || {
                app.mail_waiting(now).await.waiting == left
            })
            .await;
        }
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
