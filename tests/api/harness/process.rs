//! The binary as a process: what only a process shows, such as exit codes, signals and kill -9.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{ExitStatus, Output, Stdio},
    sync::atomic::{AtomicU8, Ordering},
};

use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    task::JoinHandle,
};
use tonic::transport::Endpoint;

use super::{Client, Health, MemoryGroup, RawConnection, Rest, Store, Wire, eventually};

/// `vestibule serve` as a process.
pub(crate) struct ServerProcess {
    command: Command,
    child: Child,
    address: Ipv4Addr,
    /// Of each run: what it answered, what it logged.
    output: Vec<[JoinHandle<String>; 2]>,
    _home: TempDir,
}

/// How a process ended, and all that it wrote.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Output and log in one text.
    pub(crate) output: String,
}

impl Finished {
    fn of(output: &Output) -> Self {
        let [stdout, stderr] = [&output.stdout, &output.stderr]
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Self::new(output.status, stdout, stderr)
    }

    fn new(status: ExitStatus, stdout: String, stderr: String) -> Self {
        Self {
            status,
            output: format!("{stdout}{stderr}"),
            stdout,
            stderr,
        }
    }

    /// The exit code; a signal has none.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// How many lines hold a text.
    pub(crate) fn lines_with(&self, text: &str) -> usize {
        self.output
            .lines()
            .filter(|line| line.contains(text))
            .count()
    }
}

impl ServerProcess {
    /// `vestibule` with arguments and environment, and nothing inherited.
    pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a sub-command to its end.
    pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
        let output = Self::command(arguments, variables).output().await;
        Finished::of(&output.unwrap())
    }

    /// Runs a sub-command over a database to its end.
    pub(crate) async fn run_over(store: &Store, arguments: &[&str]) -> Finished {
        Self::run(arguments, &[("VESTIBULE_DATABASE_URL", &store.url)]).await
    }

    /// Starts `serve` over a database, on a loopback address of its own.
    pub(crate) fn start(store: &Store, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Self::command(&["serve"], variables);
        command.args(arguments);
        Self::spawn(command, store)
    }

    /// The same with so many file descriptors at most.
    pub(crate) fn start_with_descriptors(store: &Store, most: usize) -> Self {
        Self::start_after(store, &format!("ulimit -n {most}"), "--hashing-workers 1")
    }

    /// The same in a memory group.
    pub(crate) fn start_in(store: &Store, group: &MemoryGroup) -> Self {
        let join = format!("echo $$ > '{}'", group.members().display());
        Self::start_after(store, &join, "")
    }

    /// The same with a log that nobody reads: a pipe that is full sooner or later.
    pub(crate) fn start_with_unread_log(store: &Store) -> Self {
        let pipe = "mkfifo unread && exec 3<>unread 2>unread";
        Self::start_after(store, pipe, "--hashing-workers 1")
    }

    /// Starts `serve` in the process that a shell command has prepared.
    fn start_after(store: &Store, prepare: &str, arguments: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        let serve = format!("exec \"$0\" serve --lifecycle-drain-delay 0s {arguments}");
        let limited = format!("{prepare} && {serve}");
        command
            .args(["-c", &limited, env!("CARGO_BIN_EXE_vestibule")])
            .env_clear()
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Self::spawn(command, store)
    }

    fn spawn(mut command: Command, store: &Store) -> Self {
        let home = tempfile::tempdir().unwrap();
        let address = loopback();
        command
            .env("HOME", home.path())
            .env("VESTIBULE_DATABASE_URL", &store.url)
            .env("VESTIBULE_GRPC_LISTEN", format!("{address}:50051"))
            .env("VESTIBULE_REST_LISTEN", format!("{address}:8080"))
            .env("VESTIBULE_OPERATIONS_LISTEN", format!("{address}:9090"))
            .current_dir(home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (child, output) = spawn(&mut command);
        Self {
            command,
            child,
            address,
            output: vec![output],
            _home: home,
        }
    }

    /// Ends the process as a loss of power would (kill -9) and starts it again at its addresses.
    pub(crate) async fn crash_and_start_again(&mut self) {
        self.child.kill().await.unwrap();
        let (child, output) = spawn(&mut self.command);
        self.child = child;
        self.output.push(output);
    }

    /// Where gRPC is served.
    pub(crate) fn grpc_address(&self) -> SocketAddr {
        SocketAddr::from((self.address, 50051))
    }

    /// Where the gateway is served.
    pub(crate) fn rest_address(&self) -> SocketAddr {
        SocketAddr::from((self.address, 8080))
    }

    /// Waits until it is ready.
    pub(crate) async fn await_ready(&self) {
        eventually("the service is ready", async || {
            let operations = self.operations();
            let reply = operations
                .try_send(operations.request("GET", "/readyz"), "")
                .await;
            reply.is_some_and(|reply| reply.status.is_success())
        })
        .await;
    }

    /// The client of `AuthService`.
    pub(crate) fn grpc(&self) -> Client {
        Client::over(self.channel())
    }

    /// The client of the health service.
    pub(crate) fn health(&self) -> Health {
        Health::over(self.channel())
    }

    /// The client of the gateway.
    pub(crate) fn rest(&self) -> Rest {
        Rest::at(self.rest_address())
    }

    /// The client of the operations port.
    pub(crate) fn operations(&self) -> Rest {
        Rest::at(SocketAddr::from((self.address, 9090)))
    }

    /// gRPC byte by byte.
    pub(crate) fn wire(&self) -> Wire {
        Wire::to(SocketAddr::from((self.address, 50051)))
    }

    /// A bare connection to the gRPC port.
    pub(crate) async fn raw_grpc(&self) -> RawConnection {
        RawConnection::to(self.grpc_address()).await
    }

    /// A bare connection to the gateway.
    pub(crate) async fn raw_rest(&self) -> RawConnection {
        RawConnection::to(SocketAddr::from((self.address, 8080))).await
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends a signal by its name, `TERM` or `KILL`.
    pub(crate) async fn signal(&self, name: &str) {
        // The shell's own `kill`: the program of that name is not on every machine.
        let order = format!("kill -{name} {}", self.id());
        let status = Command::new("sh").args(["-c", &order]).status().await;
        assert!(status.unwrap().success());
    }

    /// Waits for the end.
    pub(crate) async fn finish(mut self) -> Finished {
        let status = self.child.wait().await.unwrap();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        for [answers, log] in self.output {
            stdout.push_str(&answers.await.unwrap());
            stderr.push_str(&log.await.unwrap());
        }
        Finished::new(status, stdout, stderr)
    }

    fn channel(&self) -> tonic::transport::Channel {
        Endpoint::from_shared(format!("http://{}", self.grpc_address()))
            .unwrap()
            .connect_lazy()
    }
}

fn spawn(command: &mut Command) -> (Child, [JoinHandle<String>; 2]) {
    let mut child = command.spawn().unwrap();
    let output = [
        tokio::spawn(read(child.stdout.take().unwrap())),
        tokio::spawn(read(child.stderr.take().unwrap())),
    ];
    (child, output)
}

async fn read(mut from: impl AsyncReadExt + Unpin) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// All of 127.0.0.0/8 is this machine, so a process can have an address, and with it every port, to
/// itself: no free port to guess and lose.
fn loopback() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 0x80, low, NEXT.fetch_add(1, Ordering::Relaxed))
}
