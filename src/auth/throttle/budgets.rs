//! Budgets of mail and registrations. They are spent by address, user or source, whose keys outlive
//! every account: whoever erases an account and makes it anew has no new budget.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    keys::{keyed, source_key},
    login_throttled,
};
use crate::{
    auth::{Auth, AuthError, CallContext},
    db::Spending,
    domain::{Budget, ClientInfo, EmailKey, MailPurpose, UserId},
};

/// Mails to an address for one purpose, whoever asks. The limits of each request allow no more.
const TO_ADDRESS: Budget = Budget::hourly(6);

/// Beside it, those that anybody may ask for.
const TO_ADDRESS_BY_ANYBODY: Budget = Budget {
    uses: 1,
    period: Duration::from_mins(1),
};

/// Changes of address, each of which mails an address of the user's choice.
const BY_USER: Budget = Budget::hourly(6);

/// Mails that a source asks for.
const MAILS_BY_SOURCE: Budget = Budget::hourly(60);

impl Auth {
    /// Spends the budget of an address for a mail.
    ///
    /// # Errors
    /// The inner error: when the mail may be sent.
    pub(in crate::auth) async fn spend_mail(
        &self,
        to: &EmailKey,
        purpose: MailPurpose,
        deadline: Instant,
    ) -> Result<Result<(), Duration>, AuthError> {
        let by_anybody = match purpose {
            MailPurpose::PasswordReset | MailPurpose::EmailVerification => {
                Some((b"minute".as_slice(), TO_ADDRESS_BY_ANYBODY))
            }
            MailPurpose::EmailChange
            | MailPurpose::EmailChangeRequested
            | MailPurpose::EmailChanged
            | MailPurpose::EmailRestore
            | MailPurpose::EmailAssigned
            | MailPurpose::PasswordChanged
            | MailPurpose::SessionOpened => None,
        };
        let key = self.throttle.server_key(&self.db, deadline).await?;
        let purpose = purpose.to_string();
        let parts = [purpose.as_bytes(), to.as_str().as_bytes()];
        let budgets = [(b"mail".as_slice(), TO_ADDRESS)].into_iter();
        let spendings = budgets.chain(by_anybody).map(|(label, budget)| Spending {
            key: keyed(key, label, &parts),
            budget,
        });
        let spent = self
            .db
            .spend(spendings.collect(), self.clock.now(), deadline);
        Ok(spent.await?)
    }

    /// What a request for mail spends: the source's budget, and that of the user who chooses the
    /// address.
    pub(in crate::auth) async fn mail_spendings(
        &self,
        call: &CallContext,
        client: &ClientInfo,
        by: Option<UserId>,
    ) -> Result<Vec<Spending>, AuthError> {
        let key = self.throttle.server_key(&self.db, call.deadline).await?;
        let source = client.source.map(|source| Spending {
            key: keyed(key, b"mails by source", &[&source.octets()]),
            budget: MAILS_BY_SOURCE,
        });
        let user = by.map(|user| Spending {
            key: keyed(key, b"mails by user", &[user.uuid().as_bytes()]),
            budget: BY_USER,
        });
        Ok(source.into_iter().chain(user).collect())
    }

    /// Why a one-time token that redeems nothing is refused: it costs its source what a wrong password does.
    /// A token that is good is asked nothing of the kind, so the way out by a mail stays open.
    pub(in crate::auth) async fn refuse_token(
        &self,
        call: &CallContext,
        client: &ClientInfo,
    ) -> Result<AuthError, AuthError> {
        let (Some(source), Some(policy)) = (client.source, self.throttle.policy) else {
            return Ok(AuthError::TokenInvalid);
        };
        let key = self.throttle.server_key(&self.db, call.deadline).await?;
        let spending = Spending {
            key: source_key(key, source),
            budget: policy.source,
        };
        let now = self.clock.now();
        let left = self.db.has_budget(spending, now, call.deadline).await?;
        if let Err(wait) = left {
            return Ok(login_throttled(wait));
        }
        let spent = self.db.spend(vec![spending], now, call.deadline).await?;
        Ok(spent.map_or_else(login_throttled, |()| AuthError::TokenInvalid))
    }

    /// What a registration spends of the source's budget.
    ///
    /// # Errors
    /// `RateLimited` where it is used up.
    pub(in crate::auth) async fn registration_spending(
        &self,
        call: &CallContext,
        client: &ClientInfo,
    ) -> Result<Option<Spending>, AuthError> {
        let (Some(source), Some(policy)) = (client.source, self.throttle.policy) else {
            return Ok(None);
        };
        let key = self.throttle.server_key(&self.db, call.deadline).await?;
        let spending = Spending {
            key: keyed(key, b"registrations", &[&source.octets()]),
            budget: policy.registrations,
        };
        let left = self
            .db
            .has_budget(spending, self.clock.now(), call.deadline);
        match left.await? {
            Ok(()) => Ok(Some(spending)),
            Err(retry_after) => Err(AuthError::RateLimited { retry_after }),
        }
    }
}
