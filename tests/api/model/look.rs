//! What can be seen of everything at once, without changing anything by looking.

use futures_util::future::try_join_all;
use vestibule::proto::v1::ListUsersRequest;

use super::{
    World,
    agreement::{Check, reasoned, same},
};

impl World<'_> {
    /// All users and all live sessions.
    pub(super) async fn look(&mut self) -> Check {
        let asked = ListUsersRequest {
            page_size: 1_000,
            email_prefix: self.prefix.clone(),
            ..ListUsersRequest::default()
        };
        let listed = reasoned(self.service.users.list(asked).await)?.users;
        let state = &self.state;
        let mut here: Vec<_> = (0..state.users.len())
            .filter(|at| !state.users[*at].erased)
            .collect();
        here.sort_by(|one, other| state.users[*one].id.cmp(&state.users[*other].id));
        same("the users", here.len(), listed.len())?;
        for (at, told) in here.iter().zip(&listed) {
            self.state.check_user(*at, told)?;
        }
        let lists = listed
            .iter()
            .map(|user| self.service.users.sessions(&user.id));
        let lists = reasoned(try_join_all(lists).await)?;
        for (user, told) in here.into_iter().zip(lists) {
            let sessions = 0..self.state.sessions.len();
            let live = sessions
                .filter(|at| self.state.sessions[*at].user == user && self.state.is_live(*at));
            self.state.check_sessions(live.collect(), &told)?;
        }
        Ok(())
    }

    /// All of it, tokens as well, which ends those that must not come back.
    pub(super) async fn look_at_all(&mut self) -> Check {
        self.validate_all().await
    }
}
