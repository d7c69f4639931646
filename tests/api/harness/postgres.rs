//! A Postgres cluster that is made for the tests and leaves nothing behind.
//!
//! Statics are never dropped and an abort runs no destructor, so a shell watches over the server:
//! when our end of its pipe closes, however we die, it stops the server and removes the directory.
//! The same pipe carries orders to the tests that stop and start a database.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

/// Every app of every test that runs at once has a pool of its own.
const MAX_CONNECTIONS: u32 = 400;
/// A server that is not ready by then will never be.
const START_LIMIT: Duration = Duration::from_secs(30);

const WATCHDOG: &str = r#"
d=$1; shift
run() { "$@" >>"$d/log" 2>&1 </dev/null & p=$!; }
end() { kill -"$1" $p 2>/dev/null; wait $p; }
run "$@"
while read -r order; do
  case $order in stop) end INT ;; start) run "$@" ;; esac
  echo done
done
end INT
rm -rf "$d"
"#;

/// A running cluster. It listens on a Unix socket alone: no port to guess.
pub(crate) struct Postgres {
    directory: PathBuf,
    watchdog: Mutex<Watchdog>,
}

/// The shell, our end of its pipe, and its answers.
struct Watchdog {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// It outlives us and reaps the server; nobody waits for it.
    _shell: Child,
}

impl Postgres {
    /// Where the server's programs are: in `PATH`, or where Debian puts them.
    fn programs() -> Option<&'static Path> {
        static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
        FOUND
            .get_or_init(|| folder_with(&["initdb", "postgres"]))
            .as_deref()
    }

    /// One of the programs that came with the server.
    pub(crate) fn program(name: &str) -> PathBuf {
        let beside = Self::programs().map(|folder| folder.join(name));
        beside
            .filter(|program| program.exists())
            // A folder of PATH may have the server's programs alone.
            .or_else(|| Some(folder_with(&[name])?.join(name)))
            .expect("Postgres binaries")
    }

    /// Whether the tests can have Postgres. Says so where not, and fails where it is required.
    pub(crate) fn is_here() -> bool {
        let here = Self::programs().is_some();
        let required = env::var("VESTIBULE_TEST_POSTGRES").is_ok_and(|wish| wish == "required");
        assert!(
            here || !required,
            "no Postgres binaries in PATH or /usr/lib/postgresql, and VESTIBULE_TEST_POSTGRES=required"
        );
        if !here {
            eprintln!("not run: no Postgres binaries in PATH or /usr/lib/postgresql");
        }
        here
    }

    /// Everything that a database holds, as a backup has it.
    pub(crate) fn dump(url: &str) -> Vec<u8> {
        let beside = Self::programs().expect("Postgres binaries").join("pg_dump");
        // Distributions count it among the clients.
        let program = if beside.exists() {
            beside
        } else {
            "pg_dump".into()
        };
        let dump = Command::new(program)
            .args(["--dbname", url])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(dump.status.success(), "{dump:?}");
        dump.stdout
    }

    /// The cluster that all tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A cluster of its own, for a test that stops it.
    pub(crate) fn start() -> Self {
        let programs = Self::programs().expect("Postgres binaries");
        let owner = Owner::find();
        // A socket's path has at most 107 bytes, so the name is short.
        let directory = tempfile::Builder::new()
            .prefix("vpg")
            .tempdir()
            .unwrap()
            .keep();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        owner.own(&directory);
        let data = directory.join("data");

        let mut initdb = Command::new(programs.join("initdb"));
        initdb
            .args([
                "--no-sync",
                "-A",
                "trust",
                "-U",
                "postgres",
                "--locale=C.UTF-8",
                "-D",
            ])
            .arg(&data);
        let output = owner
            .run_as(&mut initdb)
            .current_dir(&directory)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );

        let mut shell = Self::watch(programs, &directory, &data, &owner);
        let orders = shell.stdin.take().unwrap();
        let answers = BufReader::new(shell.stdout.take().unwrap());
        let cluster = Self {
            directory,
            watchdog: Mutex::new(Watchdog {
                orders,
                answers,
                _shell: shell,
            }),
        };
        cluster.wait_until_ready();
        cluster
    }

    fn watch(programs: &Path, directory: &Path, data: &Path, owner: &Owner) -> Child {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(directory)
            .arg(programs.join("postgres"))
            .arg("-D")
            .arg(data)
            .args(["-c", "fsync=off", "-c", "synchronous_commit=off"])
            .args(["-c", "full_page_writes=off", "-c", "listen_addresses="])
            .args(["-c", &format!("max_connections={MAX_CONNECTIONS}")])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", directory.display()))
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Not in our group: a Ctrl-C for us must not take the watchdog first.
            .process_group(0);
        owner.run_as(&mut shell).spawn().unwrap()
    }

    /// `postgres://…` of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@localhost/{database}?host={}",
            self.directory.display()
        )
    }

    /// Where its files are.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The socket, for a proxy in front of it.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    /// Ends every connection and the server.
    pub(crate) fn stop(&self) {
        self.order("stop");
    }

    /// Starts the server again over the same data.
    pub(crate) fn start_again(&self) {
        self.order("start");
        self.wait_until_ready();
    }

    fn order(&self, order: &str) {
        let mut watchdog = self.watchdog.lock().unwrap();
        writeln!(watchdog.orders, "{order}").unwrap();
        let mut answer = String::new();
        watchdog.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n");
    }

    /// The server says that it is ready in line 8 of its pid file, and in no better way.
    fn wait_until_ready(&self) {
        let start = Instant::now();
        loop {
            let file = fs::read_to_string(self.directory.join("data/postmaster.pid"));
            if file.is_ok_and(|text| {
                text.lines()
                    .nth(7)
                    .is_some_and(|line| line.trim() == "ready")
            }) {
                return;
            }
            assert!(
                start.elapsed() < START_LIMIT,
                "{}",
                fs::read_to_string(self.directory.join("log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Postgres refuses to run as root, so root runs it as somebody else.
struct Owner(Option<(u32, u32)>);

impl Owner {
    fn find() -> Self {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return Self(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let ids = |name: &str| {
            let line = users
                .lines()
                .find(|line| line.starts_with(&format!("{name}:")))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        };
        Self(Some(
            ids("postgres")
                .or_else(|| ids("nobody"))
                .expect("a user to run Postgres as"),
        ))
    }

    fn own(&self, directory: &Path) {
        if let Some((uid, gid)) = self.0 {
            chown(directory, Some(uid), Some(gid)).unwrap();
        }
    }

    fn run_as<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// The first folder of PATH, or else the newest of Debian's, that has some programs.
fn folder_with(programs: &[&str]) -> Option<PathBuf> {
    let in_path = env::split_paths(&env::var_os("PATH")?).collect::<Vec<_>>();
    let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    debian.sort();
    in_path
        .into_iter()
        .chain(debian.into_iter().rev())
        .find(|folder| programs.iter().all(|name| folder.join(name).exists()))
}
