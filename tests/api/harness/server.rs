//! The real application, started as the binary starts it, on free ports.

use std::{net::SocketAddr, sync::Arc};

use sea_orm::DatabaseConnection;
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::transport::{Channel, Endpoint};
use vestibule::{
    auth::Auth,
    db::Db,
    server::{Application, Stop},
};

use super::{Client, Database, Fixture, Health, Plan, RawConnection, Rest, Store, Wire, logs};

/// A running application. What a test does not stop ends with the test's runtime.
pub(crate) struct Server {
    /// Its database.
    pub(crate) store: Arc<Store>,
    /// Where gRPC listens.
    pub(crate) grpc_address: SocketAddr,
    /// Where REST listens.
    pub(crate) rest_address: SocketAddr,
    /// Where the operations port listens.
    pub(crate) operations_address: SocketAddr,
    /// The database as the application sees it: for changes that no RPC makes yet.
    pub(crate) db: Db,
    /// What the application does on a timer.
    pub(crate) auth: Auth,
    channel: Channel,
    stop: Option<oneshot::Sender<Stop>>,
    run: Option<JoinHandle<()>>,
    hash_gate: Option<super::HashGate>,
}

impl Fixture for Server {
    async fn on(database: Database) -> Self {
        Self::start(database).await
    }
}

impl Server {
    /// The usual application over a fresh database.
    pub(crate) async fn start(database: Database) -> Self {
        Plan::on(database).await.start().await
    }

    /// Plans another than the usual.
    pub(crate) async fn on(database: Database) -> Plan {
        Plan::on(database).await
    }

    pub(super) async fn from(plan: Plan) -> Self {
        logs::capture();
        let application = Application::build(plan.settings, plan.hooks).unwrap();
        let grpc_address = application.grpc_address();
        let (stop, stopped) = oneshot::channel();
        let mut app = Self {
            store: plan.store,
            grpc_address,
            // Nobody asks for the address of a gateway that a test switched off.
            rest_address: application.rest_address().unwrap_or(grpc_address),
            operations_address: application.operations_address(),
            db: application.db().clone(),
            auth: application.auth().clone(),
            channel: channel(grpc_address),
            stop: Some(stop),
            run: None,
            hash_gate: plan.hash_gate,
        };
        app.run = Some(tokio::spawn(application.run_until_stopped(async {
            match stopped.await {
                Ok(stop) => stop,
                // The test is over without a stop: serve until its runtime ends.
                Err(_) => std::future::pending().await,
            }
        })));
        if plan.await_ready {
            app.health().await_serving("").await;
        }
        app
    }

    /// The client of `AuthService`; all calls of one app share one connection.
    pub(crate) fn grpc(&self) -> Client {
        Client::over(self.channel.clone())
    }

    /// The same over a connection of its own.
    pub(crate) fn another_grpc(&self) -> Client {
        Client::over(channel(self.grpc_address))
    }

    /// The client of the health service.
    pub(crate) fn health(&self) -> Health {
        Health::over(self.channel.clone())
    }

    /// The shared connection, for other clients.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// gRPC byte by byte.
    pub(crate) fn wire(&self) -> Wire {
        Wire::to(self.grpc_address)
    }

    /// The client of the gateway.
    pub(crate) fn rest(&self) -> Rest {
        Rest::at(self.rest_address)
    }

    /// The client of the operations port.
    pub(crate) fn operations(&self) -> Rest {
        Rest::at(self.operations_address)
    }

    /// What `/readyz` says: its status, and `ready` or the name of the failing check.
    pub(crate) async fn readiness(&self) -> (u16, String) {
        let reply = self.operations().get("/readyz").await;
        let body = reply.json();
        let said = body["check"].as_str().or(body["status"].as_str());
        (reply.status.as_u16(), said.unwrap().to_owned())
    }

    /// What `/livez` says.
    pub(crate) async fn is_live(&self) -> bool {
        self.operations().get("/livez").await.status == 200
    }

    /// A bare connection to the gRPC port.
    pub(crate) async fn raw_grpc(&self) -> RawConnection {
        RawConnection::to(self.grpc_address).await
    }

    /// A bare connection to the gateway.
    pub(crate) async fn raw_rest(&self) -> RawConnection {
        RawConnection::to(self.rest_address).await
    }

    /// A connection of the test's own to the database.
    pub(crate) async fn sql(&self) -> DatabaseConnection {
        self.store.sql().await
    }

    /// Asks the application to stop.
    pub(crate) fn ask_to_stop(&mut self, how: Stop) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(how);
        }
    }

    /// Resolves when the application has ended.
    pub(crate) async fn ended(&mut self) {
        self.run.take().unwrap().await.unwrap();
    }

    /// Stops the application and waits until it has ended.
    pub(crate) async fn stop(mut self, how: Stop) {
        self.ask_to_stop(how);
        self.ended().await;
    }

    /// Stops the application and plans another over the same database.
    pub(crate) async fn stop_and_plan(self) -> Plan {
        let store = Arc::clone(&self.store);
        self.stop(Stop::Interrupt).await;
        Plan::over(store)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(gate) = &self.hash_gate {
            gate.open();
        }
        logs::assert_no_canary();
    }
}

/// Connects with the first call, so that an application that does not accept yet is no failure.
fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy()
}
