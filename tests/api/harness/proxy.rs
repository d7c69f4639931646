//! A network between the application and its database that a test can slow, stall and cut.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixStream},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

use super::{Database, Plan, Postgres, Server, Store};

/// An application whose way to Postgres a test breaks.
pub(crate) async fn behind_proxy(change: impl FnOnce(Plan) -> Plan) -> (Server, Proxy, Store) {
    let direct = Store::new(Database::Postgres).await;
    let proxy = Proxy::before(Postgres::shared().socket()).await;
    let plan = Plan::over(Arc::new(direct.through(&proxy)));
    (change(plan).start().await, proxy, direct)
}

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Passes everything on.
    Up,
    /// Passes each piece on after a while.
    Slow(Duration),
    /// Takes everything and passes nothing on, as when packets are dropped.
    Stalled,
    /// Ends every connection, new ones too.
    Down,
}

/// A TCP port in front of a Unix socket.
pub(crate) struct Proxy {
    port: u16,
    /// The last is that of connections to come.
    links: Arc<Mutex<Vec<watch::Sender<Link>>>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts it in front of a socket.
    pub(crate) async fn before(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let links = Arc::new(Mutex::new(vec![watch::Sender::new(Link::Up)]));
        let shared = Arc::clone(&links);
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let link = shared.lock().unwrap().last().unwrap().subscribe();
                tokio::spawn(serve(client, socket.clone(), link));
            }
        });
        Self {
            port,
            links,
            accepting,
        }
    }

    /// `postgres://…` of a database through it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Changes what it does, for the connections that live too.
    pub(crate) fn set(&self, link: Link) {
        for connections in &*self.links.lock().unwrap() {
            connections.send_replace(link);
        }
    }

    /// Stalls the connections that live, and those alone.
    pub(crate) fn strand(&self) {
        let mut links = self.links.lock().unwrap();
        links.last().unwrap().send_replace(Link::Stalled);
        links.push(watch::Sender::new(Link::Up));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(client: tokio::net::TcpStream, socket: PathBuf, link: watch::Receiver<Link>) {
    let Ok(server) = UnixStream::connect(socket).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = link.clone();
    tokio::select! {
        () = pass_on(from_client, to_server, link.clone()) => {}
        () = pass_on(from_server, to_client, link) => {}
        _ = cut.wait_for(|link| *link == Link::Down) => {}
    }
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut link: watch::Receiver<Link>,
) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let now = match link.wait_for(|link| *link != Link::Stalled).await {
            Ok(now) => *now,
            Err(_) => return,
        };
        if let Link::Slow(delay) = now {
            sleep(delay).await;
        }
        if to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
