//! A mail server that keeps what it gets, on a port of its own and with a certificate of its own, and
//! that a test can break.

mod mail;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};
use vestibule::mail::{
    Delivery, LinkBase, MailServer, Sender, SmtpAuthority, SmtpLogin, SmtpSettings, SmtpTls,
};

pub(crate) use mail::Mail;

use super::within;

const LIMIT: Duration = Duration::from_secs(30);
/// Whoever logs in to a server here must be this user.
pub(crate) const LOGIN: [&str; 2] = ["mailer", "canary opens the post office"];

/// How the server misbehaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manners {
    /// Hangs up on everybody.
    pub(crate) away: bool,
    /// Greets nobody, while it is true.
    pub(crate) silent: bool,
    /// Knows no STARTTLS.
    pub(crate) no_starttls: bool,
    /// Leaves this command without an answer, while it is set.
    pub(crate) stalls_at: Option<&'static str>,
    /// Refuses recipients that begin with this, with this answer.
    pub(crate) refuses: Option<(String, &'static str)>,
}

/// The server.
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// How it encrypts.
    pub(crate) tls: SmtpTls,
    /// Its certificate authority.
    pub(crate) authority: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    tls: SmtpTls,
    acceptor: TlsAcceptor,
    manners: watch::Sender<Manners>,
    mails: watch::Sender<Vec<Mail>>,
    connections: Mutex<usize>,
    stalled: Notify,
}

impl Sink {
    /// Starts one.
    pub(crate) async fn start(tls: SmtpTls) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (authority, acceptor) = identity();
        let shared = Arc::new(Shared {
            tls,
            acceptor,
            manners: watch::Sender::default(),
            mails: watch::Sender::default(),
            connections: Mutex::new(0),
            stalled: Notify::new(),
        });
        let server = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *server.connections.lock().unwrap() += 1;
                let server = Arc::clone(&server);
                // A client that goes away, or that does not trust the certificate, is no failure.
                tokio::spawn(async move { server.greet(stream).await.ok() });
            }
        });
        Self {
            address,
            tls,
            authority,
            shared,
            accepting,
        }
    }

    /// Changes how it behaves.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Manners)) {
        self.shared.manners.send_modify(change);
    }

    /// How often somebody connected.
    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// Waits until it has left a command without an answer.
    pub(crate) async fn await_stalled(&self) {
        within(LIMIT, "the server stalls", self.shared.stalled.notified()).await;
    }

    /// What it got so far.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.shared.mails.borrow().clone()
    }

    /// Waits until it has got so many mails.
    pub(crate) async fn await_mails(&self, count: usize) -> Vec<Mail> {
        let mut mails = self.shared.mails.subscribe();
        let there = mails.wait_for(|mails| mails.len() >= count);
        within(LIMIT, "mail arrives", there).await.unwrap().clone()
    }

    /// What the application needs to send mail here.
    pub(crate) fn delivery(&self) -> Delivery {
        let [username, password] = LOGIN;
        let proves = self.tls != SmtpTls::None;
        Delivery::Smtp(SmtpSettings {
            server: MailServer {
                host: "localhost".to_owned(),
                port: self.address.port(),
            },
            tls: self.tls,
            authority: proves.then(|| SmtpAuthority::parse(self.authority.as_bytes()).unwrap()),
            login: proves.then(|| SmtpLogin {
                username: username.to_owned(),
                password: password.into(),
            }),
            from: Sender::parse("Vestibule <accounts@example.com>").unwrap(),
            links: LinkBase::parse("https://app.example.com").unwrap(),
        })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A certificate for localhost and the authority that signed it.
fn identity() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}

impl Shared {
    async fn greet(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut manners = self.manners.subscribe();
        let speaks = manners.wait_for(|manners| !manners.silent);
        let manners = speaks.await.unwrap().clone();
        if manners.away {
            return Ok(());
        }
        match self.tls {
            SmtpTls::Implicit => {
                let stream = self.acceptor.accept(stream).await?;
                self.converse(stream, true, true, &manners).await.map(drop)
            }
            SmtpTls::None => self.converse(stream, false, true, &manners).await.map(drop),
            SmtpTls::Starttls => {
                let stream = self.converse(stream, false, true, &manners).await?;
                let Some(stream) = stream else { return Ok(()) };
                let stream = self.acceptor.accept(stream).await?;
                self.converse(stream, true, false, &manners).await.map(drop)
            }
        }
    }

    /// Speaks SMTP until QUIT, or until STARTTLS, which gives the stream back.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        encrypted: bool,
        greets: bool,
        manners: &Manners,
    ) -> std::io::Result<Option<S>> {
        let mut stream = BufReader::new(stream);
        let (mut to, mut logged_in) = (String::new(), false);
        if greets {
            stream.write_all(b"220 sink.example ESMTP\r\n").await?;
        }
        loop {
            let mut line = String::new();
            let read = stream.read_line(&mut line).await?;
            // A dialogue that is under way is lost when the server goes away.
            if read == 0 || self.manners.borrow().away {
                return Ok(None);
            }
            let command = line.trim_end();
            let verb = command.split([' ', ':']).next().unwrap().to_uppercase();
            if manners.stalls_at == Some(verb.as_str()) {
                self.stalled.notify_one();
                let mut manners = self.manners.subscribe();
                let speaks = manners.wait_for(|manners| manners.stalls_at.is_none());
                speaks.await.unwrap();
            }
            let answer = match verb.as_str() {
                "EHLO" => {
                    let starttls =
                        self.tls == SmtpTls::Starttls && !encrypted && !manners.no_starttls;
                    let extension = if starttls { "STARTTLS" } else { "AUTH PLAIN" };
                    format!("250-sink.example\r\n250 {extension}")
                }
                "STARTTLS" => {
                    stream.write_all(b"220 go ahead\r\n").await?;
                    return Ok(Some(stream.into_inner()));
                }
                "AUTH" => {
                    logged_in = command == auth_plain();
                    let answer = if logged_in {
                        "235 welcome"
                    } else {
                        "535 wrong"
                    };
                    answer.to_owned()
                }
                "RCPT" => {
                    let address = command.split(['<', '>']).nth(1).unwrap();
                    address.clone_into(&mut to);
                    match &manners.refuses {
                        // As servers do, it quotes the address.
                        Some((who, answer)) if to.starts_with(who) => format!("{answer} <{to}>"),
                        _ => "250 ok".to_owned(),
                    }
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let data = read_data(&mut stream).await?;
                    // Quoted-printable, of which mails here have no more than this.
                    let data = data.replace("=\r\n", "").replace("=3D", "=");
                    let mail = Mail {
                        to: to.clone(),
                        data,
                        proven: encrypted && logged_in,
                    };
                    self.mails.send_modify(|mails| mails.push(mail));
                    "250 ok".to_owned()
                }
                "QUIT" => return Ok(None),
                _ => "250 ok".to_owned(),
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }
}

async fn read_data<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut data = String::new();
    while !data.ends_with("\r\n.\r\n") {
        if stream.read_line(&mut data).await? == 0 {
            break;
        }
    }
    Ok(data)
}

fn auth_plain() -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let [username, password] = LOGIN;
    let told = BASE64_STANDARD.encode(format!("\0{username}\0{password}"));
    format!("AUTH PLAIN {told}")
}
