//! `UserService` and `AuditService`, by the service and by the reference.

use std::{collections::BTreeMap, time::Duration};

use vestibule::proto::v1::{
    CreateSessionForUserRequest, Event, ListEventsRequest, ListUsersRequest, UpdateUserRequest,
    UserStatus, create_password_reset_request as reset, create_session_for_user_request as open,
    find_user_request::Key, revoke_user_sessions_request::Sessions,
};

use super::{
    World,
    account::granted,
    agreement::{Check, agreed, reasoned, same, timestamp},
    operation::{Address, Ended, Etag, Name, Unverified, Whom},
    state::{Edit, Ends, OneTime, Purpose, Reason, Timestamp},
};

impl World<'_> {
    pub(super) async fn find(&mut self, name: Name) -> Check {
        let (expected, key) = match name {
            Name::Id(whom) => {
                let (user, id) = self.whom(whom);
                (user, Key::Id(id))
            }
            Name::Email(at) => {
                let email = self.known_address(at);
                (self.state.find(&email), Key::Email(email))
            }
            Name::Session(which) => {
                let (session, id) = self.which(which);
                let session = session.map(|at| &self.state.sessions[at]);
                let kept = session.filter(|session| !session.gone);
                (kept.map(|session| session.user), Key::SessionId(id))
            }
        };
        let told = self.service.users.find_by(key).await;
        self.check_told(expected.ok_or("USER_NOT_FOUND"), reasoned(told))
    }

    /// All users of a status, in small pages.
    pub(super) async fn pages(&mut self, disabled: Option<bool>) -> Check {
        let status = disabled.map_or(UserStatus::Unspecified, |disabled| {
            if disabled {
                UserStatus::Disabled
            } else {
                UserStatus::Active
            }
        });
        let fits = |at: &usize| disabled.is_none_or(|is| self.state.users[*at].disabled == is);
        let expected: Vec<_> = self.users_here().into_iter().filter(fits).collect();
        let (mut told, mut page_token) = (Vec::new(), String::new());
        loop {
            let asked = ListUsersRequest {
                page_size: 2,
                page_token,
                status: status.into(),
                email_prefix: self.prefix.clone(),
            };
            let page = reasoned(self.service.users.list(asked).await)?;
            told.extend(page.users);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        same("how many users", expected.len(), told.len())?;
        let mut both = expected.into_iter().zip(&told);
        both.try_for_each(|(at, told)| self.state.check_user(at, told))
    }

    pub(super) async fn update(
        &mut self,
        whom: Whom,
        at: Option<Address>,
        verified: Option<bool>,
        etag: Etag,
    ) -> Check {
        let (user, user_id) = self.whom(whom);
        let known = user.map(|user| &self.state.users[user]);
        let version = known.map_or(0, |user| user.version);
        let version = match etag {
            Etag::None => None,
            Etag::Current => Some(version),
            Etag::Former => Some(version.wrapping_sub(1)),
        };
        let told_by = |version| known.and_then(|user| user.etags.get(&version).cloned());
        let edit = Edit {
            email: at.map(|at| self.address(at)),
            verified,
            version,
            stale: version.is_some_and(|version| told_by(version).is_none()),
        };
        let request = UpdateUserRequest {
            user_id,
            email: edit.email.clone(),
            email_verified: verified,
            update_mask: None,
            etag: version
                .map(|version| told_by(version).unwrap_or_else(|| "stale".to_owned()))
                .unwrap_or_default(),
        };
        let expected = user.ok_or("USER_NOT_FOUND");
        let expected = expected.and_then(|user| self.state.edit(user, &edit));
        let told = self.service.users.update(request).await;
        self.check_told(expected, reasoned(told))
    }

    pub(super) async fn set_disabled(&mut self, whom: Whom, disabled: bool) -> Check {
        let (user, id) = self.whom(whom);
        if let Some(user) = user {
            self.state.set_disabled(user, disabled);
        }
        let told = if disabled {
            self.service.users.disable(&id).await
        } else {
            self.service.users.enable(&id).await
        };
        self.check_told(user.ok_or("USER_NOT_FOUND"), reasoned(told))
    }

    pub(super) async fn delete(&mut self, whom: Whom) -> Check {
        let (user, id) = self.whom(whom);
        self.store_outcomes().await?;
        if let Some(user) = user {
            self.state.erase(user);
        }
        let told = self.service.users.delete(&id).await;
        granted(user.map(drop).ok_or("USER_NOT_FOUND"), told)
    }

    pub(super) async fn open_for(&mut self, name: Name, unverified: Unverified) -> Check {
        let (user, name) = self.addressee(name);
        let by_email = name.is_ok();
        let name = name.map_or_else(open::User::UserId, open::User::Email);
        let request = CreateSessionForUserRequest {
            user: Some(name),
            client: None,
            allow_unverified: unverified == Unverified::Allow,
            proves_email: unverified == Unverified::Claim,
        };
        let expected = self.active(user).and_then(|user| {
            match (self.state.users[user].verified, unverified) {
                (None, Unverified::Refuse) if by_email => return Err("EMAIL_NOT_VERIFIED"),
                (None, Unverified::Claim) => self.state.claim(user),
                _ => {}
            }
            Ok(user)
        });
        let told = self.service.users.open(request).await;
        let Some((user, told)) = agreed(expected, reasoned(told))? else {
            return Ok(());
        };
        self.state.notify(user, Purpose::SessionOpened);
        let session = told.session.unwrap_or_default();
        let opened = self.state.sessions.len();
        self.state
            .open(user, true, &session.id, &told.session_token);
        self.state
            .check_user(user, &told.user.unwrap_or_default())?;
        self.state.check_session(opened, &session)
    }

    pub(super) async fn create_reset(&mut self, name: Name) -> Check {
        let (user, name) = self.addressee(name);
        let name = name.map_or_else(reset::User::UserId, reset::User::Email);
        let told = self.service.users.reset(name).await;
        let Some((user, told)) = agreed(self.active(user), reasoned(told))? else {
            return Ok(());
        };
        let token = self.state.make_reset(user);
        let OneTime { text, expires, .. } = &mut self.state.tokens[token];
        *text = told.reset_token;
        same("its end", Some(timestamp(*expires)), told.expires_at)
    }

    pub(super) async fn end_sessions(&mut self, whom: Whom, ended: Ended) -> Check {
        let (user, id) = self.whom(whom);
        let day = Duration::from_hours(24);
        let (ends, sessions) = match ended {
            Ended::All => (Ends::All, Sessions::All(true)),
            Ended::But(which) => {
                let (at, id) = self.which(which);
                let ends = at.map_or(Ends::All, Ends::But);
                (ends, Sessions::ExceptSessionId(id))
            }
            Ended::One(which) => {
                let (at, id) = self.which(which);
                (Ends::One(at.unwrap_or(usize::MAX)), Sessions::SessionId(id))
            }
            Ended::Before(which) => {
                let session = self.which(which).0;
                let session = session.map(|at| self.state.sessions[at].proven);
                before(session.unwrap_or(self.state.now))
            }
            Ended::BeforeTomorrow => before(self.state.now + day),
        };
        let expected = match (ended, user) {
            (Ended::BeforeTomorrow, _) => Err("INVALID_INPUT"),
            (_, None) => Err("USER_NOT_FOUND"),
            (_, Some(user)) => {
                self.state.end_sessions(user, ends);
                Ok(())
            }
        };
        granted(expected, self.service.users.revoke(&id, sessions).await)
    }

    /// Everything that is kept of a user.
    pub(super) async fn export(&mut self, whom: Whom) -> Check {
        let (user, id) = self.whom(whom);
        self.store_outcomes().await?;
        let told = self.service.users.export(&id).await;
        let told = agreed(user.ok_or("USER_NOT_FOUND"), reasoned(told))?;
        let Some((user, told)) = told else {
            return Ok(());
        };
        self.state
            .check_user(user, &told.user.unwrap_or_default())?;
        let kept = self.state.sessions.iter().enumerate();
        let kept = kept.filter(|(_, session)| session.user == user && !session.gone);
        let kept = kept.map(|(at, _)| at).collect();
        self.state.check_sessions(kept, &told.sessions)?;
        self.check_events(user, &told.events)
    }

    /// The events of a user, who may be erased.
    pub(super) async fn events(&mut self, whom: Whom) -> Check {
        match self.whoever(whom) {
            Some(user) => self.events_of(user).await,
            None => Ok(()),
        }
    }

    pub(super) async fn events_of(&mut self, user: usize) -> Check {
        self.store_outcomes().await?;
        let filter = ListEventsRequest {
            user_id: self.state.users[user].id.clone(),
            ..ListEventsRequest::default()
        };
        let told = self.service.auditor.all(filter).await;
        self.check_events(user, &told)
    }

    /// Writes what is noted of logins, as it is every other second.
    pub(super) async fn store_outcomes(&self) -> Check {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        let written = self.service.app.auth.write_outcomes(deadline).await;
        written.map_err(|error| error.to_string())
    }

    /// Whether events of each kind happened as often as they are told.
    fn check_events(&self, user: usize, told: &[Event]) -> Check {
        let mut counts = BTreeMap::new();
        for event in told {
            *counts.entry(event.kind()).or_default() += event.count;
        }
        same("the events", &self.state.users[user].events, &counts)
    }

    /// A user who is told, or the reason why not.
    fn check_told(
        &mut self,
        expected: Result<usize, Reason>,
        told: Result<vestibule::proto::v1::User, String>,
    ) -> Check {
        match agreed(expected, told)? {
            Some((user, told)) => self.state.check_user(user, &told),
            None => Ok(()),
        }
    }

    /// The user of a name that is an address, `Ok`, or an id.
    fn addressee(&self, name: Name) -> (Option<usize>, Result<String, String>) {
        match name {
            Name::Email(at) => {
                let email = self.known_address(at);
                (self.state.find(&email), Ok(email))
            }
            Name::Id(whom) | Name::Session(whom) => {
                let (user, id) = self.whom(whom);
                (user, Err(id))
            }
        }
    }

    fn active(&self, user: Option<usize>) -> Result<usize, Reason> {
        let user = user.ok_or("USER_NOT_FOUND")?;
        let disabled = self.state.users[user].disabled;
        (!disabled).then_some(user).ok_or("USER_DISABLED")
    }
}

fn before(instant: Timestamp) -> (Ends, Sessions) {
    let told: prost_types::Timestamp = timestamp(instant);
    (Ends::Before(instant), Sessions::IssuedBefore(told))
}
