//! Histories of one account: sequences of calls by which accounts were lost elsewhere, or somebody got
//! back in. Each is a report of people who run such services.

mod address;
mod limits;
mod lockout;
mod mails;
mod squatter;
mod table;
mod way_back;

use std::time::Duration;

use tonic::{Code, Status};
use vestibule::{domain::Clock, mail::SmtpTls};

use crate::harness::{
    Database, Fault, Fixture, Mail, PASSWORD, Server, Sink, TestUser, Users, eventually,
};

/// A server whose clock stands, and the mailboxes of everybody.
struct Town {
    app: Server,
    clock: Clock,
    sink: Sink,
    /// A caller that may call everything.
    users: Users,
}

impl Fixture for Town {
    async fn on(database: Database) -> Self {
        let clock = Clock::manual(Clock::system().now());
        let (moved, sink) = (clock.clone(), Sink::start(SmtpTls::None).await);
        let delivery = sink.delivery();
        let plan = Server::on(database).await.settings(|settings| {
            settings.mail = delivery;
        });
        let app = plan.hooks(|hooks| hooks.clock = Some(moved)).start().await;
        let users = app.users().await;
        Self {
            app,
            clock,
            sink,
            users,
        }
    }
}

impl Town {
    /// The last mail to an address with a subject, once there are so many.
    async fn mail(&self, to: &str, subject: &str, count: usize) -> Mail {
        let found = || {
            let mails = self.sink.mails().into_iter();
            let fits = |mail: &Mail| mail.to == to && mail.header("Subject") == subject;
            mails.filter(fits).collect::<Vec<_>>()
        };
        eventually("the mail arrives", async || found().len() >= count).await;
        found().swap_remove(count - 1)
    }

    /// A user with a session, whose address is verified.
    async fn verified_owner(&self) -> TestUser {
        let owner = self.app.owner().await;
        let account = self.app.account();
        account
            .request_email_verification(&owner.email)
            .await
            .unwrap();
        let mail = self.mail(&owner.email, VERIFY, 1).await;
        account.verify_email(&mail.token()).await.unwrap();
        owner
    }

    /// Requests a change of address and returns the token that the new address gets.
    async fn change_to(&self, session: &str, new: &str) -> String {
        let account = self.app.account();
        let asked = account.request_email_change(session, PASSWORD, new);
        asked.await.unwrap();
        self.mail(new, CONFIRM, 1).await.token()
    }
}

const VERIFY: &str = "Confirm your e-mail address";
const CONFIRM: &str = "Confirm your new e-mail address";
const CHANGED: &str = "Your e-mail address was changed";
const RESET: &str = "Reset your password";

const MINUTE: Duration = Duration::from_mins(1);

fn assert_refused<T>(outcome: Result<T, Status>, code: Code, reason: &str) {
    assert_eq!(Fault::from(outcome).meaning(), (code, reason));
}

fn assert_token_invalid(outcome: Result<(), Status>) {
    assert_refused(outcome, Code::FailedPrecondition, "TOKEN_INVALID");
}
