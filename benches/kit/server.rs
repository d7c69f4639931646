//! The server under test: the release binary as a process, with its default settings.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    Result,
    calls::Workload,
    client::{Answer, Connection},
    folder::Folder,
    hashes::Cost,
    load::{self, Target},
    machine,
};

/// A start that takes longer has failed.
const START_LIMIT: Duration = Duration::from_secs(20);
/// The interval between attempts to reach a starting server.
const POLL: Duration = Duration::from_millis(1);

/// A `vestibule serve` that is ready.
pub(crate) struct Server {
    child: Child,
    pub(crate) target: Target,
    /// From the start of the process to its first answer from the database.
    pub(crate) started_in: Duration,
    _home: Folder,
}

impl Server {
    /// Starts a server on a database and waits for its first answer.
    pub(crate) fn start(database_url: &str, cost: Cost) -> Result<Self> {
        let home = Folder::new()?;
        let address = new_loopback_address();
        let mut command = Command::new(find_binary()?);
        command
            .arg("serve")
            .env_clear()
            .envs(inherited_variables())
            .envs(cost.variables())
            .env("HOME", home.path())
            .env("VESTIBULE_DATABASE_URL", database_url)
            .env("VESTIBULE_GRPC_LISTEN", format!("{address}:50051"))
            .env("VESTIBULE_REST_LISTEN", format!("{address}:8080"))
            .env("VESTIBULE_OPERATIONS_LISTEN", format!("{address}:9090"))
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Log lines are formatted and written as in production.
            .stderr(Stdio::null());
        let start = Instant::now();
        let child = command.spawn()?;
        let target = Target {
            address: SocketAddr::from((address, 50051)),
            pid: child.id(),
        };
        let mut server = Self {
            child,
            target,
            started_in: Duration::ZERO,
            _home: home,
        };
        server.await_good(&Workload::validate_unknown(), start)?;
        server.started_in = start.elapsed();
        // The first answer may come before the probe reports that the server is ready.
        server.await_good(&Workload::serving(), start)?;
        Ok(server)
    }

    fn await_good(&mut self, work: &Workload, start: Instant) -> Result<()> {
        load::runtime()?.block_on(async {
            loop {
                if let Ok(connection) = Connection::open(self.target.address).await
                    && let Ok((Answer::Good, _)) = connection.call(work.rpc, work.next()).await
                {
                    return Ok(());
                }
                if let Some(status) = self.child.try_wait()? {
                    return Err(format!("the server ended: {status}").into());
                }
                if start.elapsed() > START_LIMIT {
                    return Err("the server does not answer".into());
                }
                sleep(POLL).await;
            }
        })
    }

    /// Sends one call, for example to prepare data.
    pub(crate) fn call(&self, work: &Arc<Workload>) -> Result<()> {
        load::runtime()?.block_on(async {
            let connection = Connection::open(self.target.address).await?;
            match connection.call(work.rpc, work.next()).await? {
                (Answer::Good, _) => Ok(()),
                (Answer::Refused, _) => Err("the server refuses the first call".into()),
            }
        })
    }

    pub(crate) fn resident_mib(&self) -> Result<f64> {
        Ok(machine::resident_kib(self.target.pid)? as f64 / 1024.0)
    }

    /// Stops the server by SIGINT and waits for its end.
    pub(crate) fn stop(mut self) -> Result<()> {
        // The shell's built-in: not every machine has the program `kill`.
        let command = format!("kill -INT {}", self.target.pid);
        Command::new("sh").args(["-c", &command]).status()?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended: {status}").into())
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `target/release/vestibule`, beside the `deps` that this program is in.
pub(crate) fn find_binary() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let folder = own.ancestors().nth(2).ok_or("this program has no folder")?;
    let binary = folder.join("vestibule");
    if binary.exists() {
        Ok(binary)
    } else {
        Err(format!("{} is missing: run `make bench`", binary.display()).into())
    }
}

/// The variables of this process that are passed to the server, the C library's included.
pub(crate) fn inherited_variables() -> impl Iterator<Item = (String, String)> {
    env::vars().filter(|(name, _)| name.starts_with("VESTIBULE_") || name == "GLIBC_TUNABLES")
}

/// A new address in 127.0.0.0/8, which is all loopback: on an address of its own a server can use
/// fixed ports.
fn new_loopback_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 0x80, low, NEXT.fetch_add(1, Ordering::Relaxed))
}
