//! Events: what is kept of what happened, for how long, and who may read it.

mod listing;
mod outcomes;
mod retention;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tonic::{Request, Status, transport::Channel};
use vestibule::{
    domain::{Clock, Event, EventId, EventKind, EventOrigin, Timestamp, UserId, uuid_v7},
    proto::v1::{
        self, ClientInfo, CreateSessionRequest, ListEventsRequest, ListEventsResponse,
        ValidLoginRequest, audit_service_client::AuditServiceClient,
    },
};

use crate::{
    callers::bearer,
    harness::{Database, Server},
};

const LIST: &str = "AuditService/ListEvents";

/// A service that may read events.
pub(crate) struct Auditor {
    client: AuditServiceClient<Channel>,
    key: String,
}

impl Auditor {
    pub(crate) async fn of(app: &Server) -> Self {
        Self::with(app, app.caller("auditor", &[LIST]).await)
    }

    fn with(app: &Server, key: String) -> Self {
        Self {
            client: AuditServiceClient::new(app.channel()),
            key,
        }
    }

    async fn page(&self, filter: ListEventsRequest) -> Result<ListEventsResponse, Status> {
        let mut request = Request::new(filter);
        if !self.key.is_empty() {
            let value = bearer(&self.key).parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let answer = self.client.clone().list_events(request).await?;
        Ok(answer.into_inner())
    }

    /// All pages.
    pub(crate) async fn all(&self, filter: ListEventsRequest) -> Vec<v1::Event> {
        let mut events = Vec::new();
        let mut page_token = String::new();
        loop {
            let asked = ListEventsRequest {
                page_token,
                ..filter.clone()
            };
            let page = self.page(asked).await.unwrap();
            events.extend(page.events);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return events;
            }
        }
    }

    async fn of_kind(&self, kind: v1::EventKind) -> Vec<v1::Event> {
        self.all(ListEventsRequest {
            kinds: vec![kind.into()],
            ..ListEventsRequest::default()
        })
        .await
    }
}

fn client(ip: &str) -> ClientInfo {
    ClientInfo {
        ip: ip.into(),
        user_agent: "curl/8.0".into(),
    }
}

/// Whether `ValidLogin` finds the password right.
async fn login(app: &Server, email: &str, password: &str, ip: &str) -> bool {
    let request = ValidLoginRequest {
        email: email.into(),
        password: password.into(),
        client: Some(client(ip)),
    };
    let answer = app.grpc().valid_login(request).await.unwrap();
    answer.into_inner().valid
}

/// Whether `CreateSession` opens one.
async fn open(app: &Server, email: &str, password: &str, ip: &str) -> bool {
    let request = CreateSessionRequest {
        email: email.into(),
        password: password.into(),
        client: Some(client(ip)),
    };
    app.grpc().create_session(request).await.is_ok()
}

/// How often it happened.
fn sum(events: &[v1::Event]) -> usize {
    let counts = events.iter().map(|event| event.count);
    counts.sum::<i64>().try_into().unwrap()
}

/// An instant that a test's clock stands at: the beginning of a minute.
fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
}

/// An event of some user at some time; ids of one instant are told apart by a number.
fn event(at: Timestamp, number: u32, user_id: Option<UserId>, kind: EventKind) -> Event {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&number.to_be_bytes());
    Event {
        id: EventId::new(uuid_v7(at, random)),
        kind,
        at,
        user_id,
        session_id: None,
        origin: EventOrigin {
            caller: None,
            client: vestibule::domain::ClientInfo::new("192.0.2.1".parse().ok(), "curl/8.0"),
        },
    }
}

/// Writes events as outcomes are.
async fn seed(app: &Server, events: Vec<Event>) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    for some in events.chunks(500) {
        let rows = some.iter().map(|event| (event.clone(), 1)).collect();
        app.db.count_outcomes(rows, deadline).await.unwrap();
    }
}

/// Nobody else writes events until this connection ends its transaction.
async fn lock(sql: &DatabaseConnection, database: Database) {
    let begin = match database {
        Database::Sqlite => "BEGIN IMMEDIATE",
        Database::Postgres => "BEGIN; LOCK TABLE events IN EXCLUSIVE MODE",
    };
    sql.execute_unprepared(begin).await.unwrap();
}

/// An application whose clock stands at noon.
async fn at_noon(database: Database) -> (Server, Clock) {
    let clock = Clock::manual(noon());
    let plan = Server::on(database).await.unthrottled();
    let app = plan.hooks(|hooks| hooks.clock = Some(clock.clone()));
    (app.start().await, clock)
}
