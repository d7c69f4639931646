//! Sessions of the reference: who they let in, and how they end.

use vestibule::proto::v1::{EventKind, SessionStatus};

use super::{
    Ended, GRACE, IDLE, LIFETIME, PER_USER, Reason, Replaced, Secret, Session, State, Timestamp,
    ends::Event,
};

/// How many wrong passwords end a session.
const WRONG: u32 = 5;

/// What is said of a token, and of which session.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Verdict {
    Active(usize),
    Not(SessionStatus),
}

impl Verdict {
    pub(in super::super) fn status(self) -> SessionStatus {
        match self {
            Self::Active(_) => SessionStatus::Active,
            Self::Not(status) => status,
        }
    }
}

impl Session {
    pub(in super::super) fn limit(&self) -> Timestamp {
        self.created + LIFETIME
    }

    pub(in super::super) fn idle_limit(&self) -> Timestamp {
        self.limit().min(self.seen + IDLE)
    }
}

impl State {
    /// Judges a token; of one that is let in, it notes that.
    pub(in super::super) fn judge(&mut self, secret: Option<usize>) -> Verdict {
        let Some(secret) = secret.filter(|secret| !self.session_of(*secret).gone) else {
            return Verdict::Not(SessionStatus::NotFound);
        };
        let (at, now) = (self.secrets[secret].session, self.now);
        let session = &self.sessions[at];
        if self.users[session.user].disabled {
            return Verdict::Not(SessionStatus::UserDisabled);
        }
        if session.ended.is_some() {
            return Verdict::Not(SessionStatus::Revoked);
        }
        if session.idle_limit() <= now {
            return Verdict::Not(SessionStatus::Expired);
        }
        if self.is_stale(secret) {
            self.end_as_stolen(at);
            return Verdict::Not(SessionStatus::Revoked);
        }
        if self.is_outlived(secret) {
            return Verdict::Not(SessionStatus::Revoked);
        }
        self.sessions[at].seen = now;
        Verdict::Active(at)
    }

    /// The session that a token proves.
    pub(in super::super) fn live(&mut self, secret: Option<usize>) -> Result<usize, Reason> {
        match self.judge(secret) {
            Verdict::Active(session) => Ok(session),
            Verdict::Not(_) => Err("SESSION_INVALID"),
        }
    }

    /// Opens a session, of which id and token are told. The oldest end where there are too many.
    pub(in super::super) fn open(&mut self, user: usize, by_caller: bool, id: &str, text: &str) {
        let (now, at) = (self.now, self.sessions.len());
        self.happened(user, EventKind::SessionCreated);
        let mut live: Vec<_> = (0..at)
            .filter(|other| self.sessions[*other].user == user && self.is_live(*other))
            .collect();
        live.sort_by_key(|other| self.sessions[*other].created);
        let surplus = (live.len() + 1).saturating_sub(PER_USER);
        for oldest in live.into_iter().take(surplus) {
            self.end_alone(oldest, EventKind::SessionRevoked);
        }
        self.sessions.push(Session {
            id: id.to_owned(),
            user,
            by_caller,
            created: now,
            seen: now,
            proven: now,
            ended_others: None,
            paid: Timestamp::UNIX_EPOCH,
            ended: None,
            wrong: 0,
            outlived: 0,
            gone: false,
        });
        self.add_secret(text, at);
    }

    /// Ends the session of a token, which need not be let in.
    pub(in super::super) fn revoke(&mut self, secret: Option<usize>) {
        let Some(secret) = secret else { return };
        let session = self.secrets[secret].session;
        if self.is_stale(secret) {
            self.end_as_stolen(session);
        } else {
            self.end_alone(session, EventKind::SessionRevoked);
        }
    }

    /// Ends a session, and with it what it asked for.
    fn end_as_stolen(&mut self, session: usize) {
        if self.end_alone(session, EventKind::SessionSecretReused) {
            let user = self.sessions[session].user;
            self.end_requests(user, Event::SessionEnded(session), "");
        }
    }

    /// The newest token, where this is an old one; `None`: there shall be a new one.
    pub(in super::super) fn rotate(
        &mut self,
        secret: Option<usize>,
    ) -> Result<(usize, Option<String>), Reason> {
        let session = self.live(secret)?;
        let replaced = |at: usize| self.secrets[at].replaced.map(|replaced| replaced.by);
        let chain = std::iter::successors(secret.and_then(replaced), |at| replaced(*at));
        Ok((
            session,
            chain.last().map(|at| self.secrets[at].text.clone()),
        ))
    }

    /// Another token is told in the place of this one.
    pub(in super::super) fn replace(&mut self, secret: usize, text: &str) {
        let session = self.secrets[secret].session;
        self.secrets[secret].replaced = Some(Replaced {
            at: self.now,
            outlived: self.sessions[session].outlived,
            by: self.secrets.len(),
        });
        self.add_secret(text, session);
    }

    /// Whether a session lets its user in.
    pub(in super::super) fn is_live(&self, at: usize) -> bool {
        let session = &self.sessions[at];
        let may = !session.gone && !self.users[session.user].disabled;
        may && session.ended.is_none() && session.idle_limit() > self.now
    }

    /// Ends one session; one that was ended alone stays as it is. Whether it was ended.
    pub(super) fn end_alone(&mut self, at: usize, kind: EventKind) -> bool {
        let (now, session) = (self.now, &mut self.sessions[at]);
        if session.gone || matches!(session.ended, Some(Ended::Alone(_))) {
            return false;
        }
        session.ended = Some(Ended::Alone(now));
        let user = session.user;
        self.happened(user, kind);
        true
    }

    /// Ends all sessions of a user but some, which outlive the others.
    pub(super) fn end_all(&mut self, user: usize, outlives: impl Fn(usize, &Session) -> bool) {
        for (at, session) in self.sessions.iter_mut().enumerate() {
            if session.user != user || session.ended.is_some() {
                continue;
            }
            if outlives(at, session) {
                session.outlived += 1;
            } else {
                session.ended = Some(Ended::WithOthers);
            }
        }
    }

    /// The password of a session's user is tried; the fifth wrong one in a row ends the session.
    pub(super) fn prove(&mut self, at: usize, password: &str) -> Result<(), Reason> {
        let user = self.sessions[at].user;
        if self.users[user].password == password {
            return Ok(());
        }
        self.happened(user, EventKind::LoginFailed);
        self.sessions[at].wrong += 1;
        if self.sessions[at].wrong == WRONG {
            self.end_alone(at, EventKind::SessionRevoked);
            self.end_requests(user, Event::SessionEnded(at), "");
        }
        Err("BAD_CREDENTIALS")
    }

    fn add_secret(&mut self, text: &str, session: usize) {
        self.secrets.push(Secret {
            text: text.to_owned(),
            session,
            replaced: None,
        });
    }

    fn session_of(&self, secret: usize) -> &Session {
        &self.sessions[self.secrets[secret].session]
    }

    /// Whether a secret was replaced and is past its grace.
    pub(in super::super) fn is_stale(&self, secret: usize) -> bool {
        let replaced = self.secrets[secret].replaced;
        replaced.is_some_and(|replaced| replaced.at + GRACE <= self.now)
    }

    /// Whether a secret was replaced before the session outlived the others.
    fn is_outlived(&self, secret: usize) -> bool {
        let replaced = self.secrets[secret].replaced;
        replaced.is_some_and(|replaced| replaced.outlived != self.session_of(secret).outlived)
    }
}
