//! The program under test: the release binary as a process, with its default settings.

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
    calls::Work,
    client::{Answer, Connection},
    folder::Folder,
    hashes::Cost,
    load::{self, Target},
    machine,
};

/// A server that has not answered by then never will.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How often a server that starts is asked.
const POLL: Duration = Duration::from_millis(1);

/// `vestibule serve`, ready.
pub(crate) struct Server {
    child: Child,
    pub(crate) target: Target,
    /// From the start of the process to its first answer that took the database.
    pub(crate) started_in: Duration,
    _home: Folder,
}

impl Server {
    /// Starts it over a database and waits for its first answer.
    ///
    /// # Errors
    /// It gives none.
    pub(crate) fn start(database_url: &str, cost: Cost) -> Result<Self> {
        let home = Folder::new()?;
        let address = loopback();
        let mut command = Command::new(binary()?);
        command
            .arg("serve")
            .env_clear()
            .envs(own_variables())
            .envs(cost.variables())
            .env("HOME", home.path())
            .env("VESTIBULE_DATABASE_URL", database_url)
            .env("VESTIBULE_GRPC_LISTEN", format!("{address}:50051"))
            .env("VESTIBULE_REST_LISTEN", format!("{address}:8080"))
            .env("VESTIBULE_OPERATIONS_LISTEN", format!("{address}:9090"))
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Every call has its line, formatted and written as always; nobody keeps them.
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
        server.await_good(&Work::validate_nobody(), start)?;
        server.started_in = start.elapsed();
        // It may answer before its own probe has told that it is ready.
        server.await_good(&Work::serving(), start)?;
        Ok(server)
    }

    fn await_good(&mut self, work: &Work, start: Instant) -> Result<()> {
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

    /// One call; for what has to be there before a load.
    ///
    /// # Errors
    /// It was not answered well.
    pub(crate) fn call(&self, work: &Arc<Work>) -> Result<()> {
        load::runtime()?.block_on(async {
            let connection = Connection::open(self.target.address).await?;
            match connection.call(work.rpc, work.next()).await? {
                (Answer::Good, _) => Ok(()),
                (Answer::Refused, _) => Err("the server refuses the first call".into()),
            }
        })
    }

    /// Its resident memory, in MiB.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        Ok(machine::resident_kib(self.target.pid)? as f64 / 1024.0)
    }

    /// Stops it by SIGINT and waits for its end.
    ///
    /// # Errors
    /// It does not end well.
    pub(crate) fn stop(mut self) -> Result<()> {
        // The shell's own `kill`: the program of that name is not on every machine.
        let order = format!("kill -INT {}", self.target.pid);
        Command::new("sh").args(["-c", &order]).status()?;
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
        // An error says that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `target/release/vestibule`, beside the `deps` that this program is in.
///
/// # Errors
/// This program is somewhere else, or there is no binary.
pub(crate) fn binary() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let folder = own.ancestors().nth(2).ok_or("this program has no folder")?;
    let binary = folder.join("vestibule");
    if binary.exists() {
        Ok(binary)
    } else {
        Err(format!("{} is missing: run `make bench`", binary.display()).into())
    }
}

/// The settings of the server that the caller has made, by variable; the C library's are among them.
pub(crate) fn own_variables() -> impl Iterator<Item = (String, String)> {
    env::vars().filter(|(name, _)| name.starts_with("VESTIBULE_") || name == "GLIBC_TUNABLES")
}

/// All of 127.0.0.0/8 is this machine, so a process can have an address, and with it every port, to
/// itself: no free port to guess and lose.
fn loopback() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 0x80, low, NEXT.fetch_add(1, Ordering::Relaxed))
}
