//! What each change ends, as docs/account-flows.md has it.

use super::{
    Purpose::{self, Change, Reset, Restore, Verification},
    State, Timestamp,
};

/// A change of an account.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Event<'a> {
    /// A new password, another address that the user confirmed.
    Credentials,
    Verified,
    AskedForChange(&'a str),
    Cancelled,
    /// `sessions revoke`, an operator's address, a claim, a disabled user.
    Everything,
    /// By a way back that was made at this time: those before it stay.
    Restored(Timestamp),
    /// All sessions but this one, which may be nobody's.
    OthersEnded(usize),
    EndedBefore(Timestamp),
    /// By somebody else than its holder.
    SessionEnded(usize),
    MadeForCaller,
    Mailed(Purpose, &'a str),
}

/// What somebody asked for: by which session, when, and for which address.
struct Asking<'a> {
    session: Option<usize>,
    at: Timestamp,
    address: &'a str,
}

impl Event<'_> {
    /// The table.
    fn ends(self, purpose: Purpose, asking: &Asking<'_>) -> bool {
        let requested = [Reset, Verification, Change].contains(&purpose);
        let is_for = |address: &str| asking.address.eq_ignore_ascii_case(address);
        match self {
            Self::Everything => requested || purpose == Restore,
            Self::Restored(since) => requested || (purpose == Restore && asking.at >= since),
            Self::Credentials => requested,
            Self::Verified => purpose == Verification,
            Self::AskedForChange(new) => purpose == Change && !is_for(new),
            Self::Cancelled => purpose == Change,
            Self::OthersEnded(kept) => requested && asking.session != Some(kept),
            Self::EndedBefore(time) => requested && asking.at < time,
            Self::SessionEnded(ended) => requested && asking.session == Some(ended),
            Self::MadeForCaller => purpose == Reset,
            Self::Mailed(Restore, to) => purpose == Restore && is_for(to),
            Self::Mailed(mailed, _) => purpose == mailed,
        }
    }
}

impl State {
    /// Ends what an event ends of a user's tokens and of the mail that would bring some. `former` is an
    /// address that the user had until then.
    pub(super) fn end_requests(&mut self, user: usize, event: Event<'_>, former: &str) {
        for token in self.tokens.iter_mut().filter(|token| token.user == user) {
            let asking = Asking {
                session: token.session,
                at: token.created,
                address: token.new_email.as_deref().unwrap_or_default(),
            };
            token.used |= event.ends(token.purpose, &asking);
        }
        if matches!(event, Event::Mailed(..)) {
            return;
        }
        let here = [self.users[user].email.to_lowercase(), former.to_lowercase()];
        for ((address, purpose, by), asked) in &mut self.asked {
            let is_theirs = by.map_or(here.contains(address), |by| by == user);
            let asking = Asking {
                session: asked.session,
                at: asked.at,
                address,
            };
            if is_theirs && event.ends(*purpose, &asking) {
                asked.next = None;
                asked.voided = true;
            }
        }
    }

    /// Whether there is a token or mail of a user that an event would end.
    pub(super) fn has_requests(&self, user: usize, event: Event<'_>) -> bool {
        let mut tokens = self.tokens.iter().filter(|token| token.user == user);
        let here = self.users[user].email.to_lowercase();
        tokens.any(|token| {
            let asking = Asking {
                session: token.session,
                at: token.created,
                address: token.new_email.as_deref().unwrap_or_default(),
            };
            !token.used && token.expires > self.now && event.ends(token.purpose, &asking)
        }) || self.asked.iter().any(|((address, purpose, by), asked)| {
            let is_theirs = by.map_or(*address == here, |by| by == user);
            let asking = Asking {
                session: asked.session,
                at: asked.at,
                address,
            };
            is_theirs && asked.next.is_some() && event.ends(*purpose, &asking)
        })
    }
}
