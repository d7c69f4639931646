//! Time passes, for the service and for the reference.

use std::time::Duration;

use super::{
    World,
    agreement::Check,
    operation::{Moment, Pause},
};

impl World<'_> {
    /// To limits they go to the moment, and then everybody comes.
    pub(super) async fn wait(&mut self, pause: Pause) -> Check {
        let minute = Duration::from_mins(1);
        match pause {
            Pause::Minutes(minutes) => self.advance(minute * minutes.into()).await,
            Pause::Hours(hours) => self.advance(minute * 60 * hours.into()).await,
            Pause::Days(days) => self.advance(minute * 60 * 24 * days.into()).await,
            Pause::UntilLimit(which, moment) => {
                let limits = self.state.limits();
                let limit = limits.get(usize::from(which) % limits.len().max(1));
                let left = limit.and_then(|limit| (*limit - self.state.now).to_std().ok());
                let left = left.unwrap_or(minute);
                self.advance(match moment {
                    Moment::At => left,
                    Moment::Before => left.saturating_sub(Duration::from_micros(1)),
                })
                .await?;
                self.validate_all().await
            }
        }
    }

    pub(super) async fn purge(&mut self) -> Check {
        self.state.purge();
        let purged = self.service.app.auth.purge().await;
        purged.map(drop).map_err(|error| error.to_string())
    }

    /// Moves both clocks. What is noted of sessions is stored first: lists go by what is stored, which
    /// may be a minute late.
    pub(super) async fn advance(&mut self, by: Duration) -> Check {
        let written = self.service.app.auth.write_last_seen().await;
        written.map_err(|error| error.to_string())?;
        self.service.clock.advance(by);
        self.state.now = self.service.clock.now();
        Box::pin(self.receive()).await
    }
}
