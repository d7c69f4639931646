//! Mail that somebody does not want, and mail that somebody else keeps from being sent. What limits it
//! outlives accounts and sessions.

use tonic::Code;
use vestibule::proto::v1::{ClientInfo, RequestPasswordResetRequest};

use super::*;
use crate::harness::Fault;

on_both_databases!(
    erasing_an_account_forgets_no_limit_of_its_address,
    many_accounts_have_one_budget_for_a_strangers_address,
    a_user_mails_only_so_many_addresses,
    made_up_addresses_keep_nobody_waiting,
    a_source_asks_for_only_so_much_mail,
);

/// Requests without a session that were not looked up yet.
const NEW: &str = "mail_intents WHERE next_try IS NOT NULL AND NOT looked_up AND address IS NULL";

/// Mail that is being sent.
const TAKEN: &str = "mail_intents WHERE next_try IS NOT NULL AND attempts > 0";

struct Bombed {
    sink: Sink,
    app: Server,
    clock: Clock,
}

impl Bombed {
    async fn on(database: Database) -> Self {
        let sink = Sink::start(SmtpTls::Implicit).await;
        let clock = Clock::manual(Clock::system().now());
        let (plan, moved) = (sending_to(&sink, database).await, clock.clone());
        let app = plan.hooks(|hooks| hooks.clock = Some(moved)).start().await;
        Self { sink, app, clock }
    }

    /// Waits until whatever may be sent now is sent.
    async fn settled(&self) {
        eventually("no mail is due", async || {
            let store = &self.app.store;
            // In the order in which mail goes on: none is overlooked on its way.
            let new = store.rows(NEW).await;
            let due = self.app.mail_waiting(self.clock.now()).await.due;
            new + due + store.rows(TAKEN).await == 0
        })
        .await;
    }

    fn mails_to(&self, address: &str) -> usize {
        let mails = self.sink.mails();
        mails.iter().filter(|mail| mail.to == address).count()
    }
}

/// Registered, asked for mail and closed, 12 times in a moment: one mail of each kind, and one more in
/// each minute, six in an hour.
async fn erasing_an_account_forgets_no_limit_of_its_address(database: Database) {
    let bombed = Bombed::on(database).await;
    let (app, account) = (&bombed.app, bombed.app.account());
    let victim = email();
    let round = async || {
        app.grpc().register(&victim, PASSWORD).await.unwrap();
        account.request_email_verification(&victim).await.unwrap();
        account.request_password_reset(&victim).await.unwrap();
        bombed.settled().await;
        let token = app.session_of(&victim).await;
        account.close(&token, PASSWORD).await.unwrap();
    };
    for _ in 0..12 {
        round().await;
    }
    assert_eq!(bombed.mails_to(&victim), 2, "one of each kind");
    for _ in 0..12 {
        bombed.clock.advance(Duration::from_mins(1));
        round().await;
    }
    // Six at once, and one more of each kind within the ten minutes that follow.
    let sent = bombed.mails_to(&victim);
    assert!((12..=14).contains(&sent), "{sent}");
}

/// Ten accounts want to change to one address.
async fn many_accounts_have_one_budget_for_a_strangers_address(database: Database) {
    let bombed = Bombed::on(database).await;
    let (app, victim) = (&bombed.app, email());
    for _ in 0..10 {
        let owner = app.owner().await;
        let account = app.account();
        let asked = account.request_email_change(&owner.token, PASSWORD, &victim);
        asked.await.unwrap();
    }
    bombed.settled().await;
    assert_eq!(bombed.mails_to(&victim), 6);
    for later in 1..=4 {
        bombed.clock.advance(Duration::from_mins(10));
        bombed.settled().await;
        assert_eq!(bombed.mails_to(&victim), 6 + later, "one in ten minutes");
    }
}

/// One session and 200 addresses.
async fn a_user_mails_only_so_many_addresses(database: Database) {
    let bombed = Bombed::on(database).await;
    let owner = bombed.app.owner().await;
    let change = async |new: &str| {
        let account = bombed.app.account();
        account
            .request_email_change(&owner.token, PASSWORD, new)
            .await
    };
    for _ in 0..6 {
        change(&email()).await.unwrap();
    }
    for _ in 6..200 {
        let fault = Fault::of(&change(&email()).await.unwrap_err());
        assert_eq!(fault.meaning(), (Code::ResourceExhausted, "RATE_LIMITED"));
        assert_eq!(fault.retry_after, Some(Duration::from_mins(10)));
    }
    bombed.clock.advance(Duration::from_mins(10));
    change(&email()).await.unwrap();
}

/// 16 callers ask for resets of addresses that nobody has, and 52 users for theirs, with room for 50
/// mails, while the mail server is silent.
async fn made_up_addresses_keep_nobody_waiting(database: Database) {
    let sink = Sink::start(SmtpTls::Implicit).await;
    let plan = sending_to(&sink, database).await;
    let app = plan.settings(|s| s.auth.mail.queue = 100).start().await;
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let account = app.account();
        flood.spawn(async move {
            loop {
                // Too fast for the queue, now and then.
                drop(account.request_password_reset(&email()).await);
            }
        });
    }
    let account = app.account();
    for _ in 0..52 {
        let user = app.grpc().registered().await;
        eventually("the request is taken", async || {
            account.request_password_reset(&user.email).await.is_ok()
        })
        .await;
    }
    flood.abort_all();
    assert_eq!(sink.await_mails(52).await.len(), 52);
}

async fn a_source_asks_for_only_so_much_mail(database: Database) {
    let bombed = Bombed::on(database).await;
    let ask = async |ip: &str| {
        let request = RequestPasswordResetRequest {
            email: email(),
            client: Some(ClientInfo {
                ip: ip.into(),
                user_agent: String::new(),
            }),
        };
        bombed.app.account().ask_for_reset(request).await
    };
    for _ in 0..60 {
        ask("198.51.100.7").await.unwrap();
    }
    let fault = Fault::of(&ask("198.51.100.7").await.unwrap_err());
    assert_eq!(fault.meaning(), (Code::ResourceExhausted, "RATE_LIMITED"));
    assert_eq!(fault.retry_after, Some(Duration::from_mins(1)));
    ask("198.51.100.8").await.unwrap();
}
