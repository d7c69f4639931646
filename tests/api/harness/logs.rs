//! Everything that the process logs while the tests run, at TRACE, dependencies included, searched
//! for canaries: each password, token and address of a test holds one.

use std::{
    collections::VecDeque,
    env, io,
    sync::{Mutex, OnceLock},
    thread,
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// In every password and address of the tests, and in no name of a test or field.
const CANARIES: [&str; 7] = ["canary", "vst_", "vrt_", "vvt_", "vet_", "vck_", "$argon2"];
/// The newest lines: a test looks for its own while others write theirs.
const KEPT: usize = 20_000;

static HITS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static LINES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Starts the capture; the first app of the process does it.
pub(super) fn capture() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        // What h2 and hyper say of each frame costs more than the suite itself: its own test runs
        // the binary with everything on.
        let filter = env::var("VESTIBULE_TEST_LOG").unwrap_or_else(|_| {
            "trace,h2=info,hyper=info,hyper_util=info,tower=info,want=info,mio=info".into()
        });
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(Scan)
            .finish();
        let _ = tracing::subscriber::set_global_default(subscriber);
    });
}

/// The captured lines that hold a text.
pub(crate) fn captured_lines(text: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap();
    lines
        .iter()
        .filter(|line| line.contains(text))
        .cloned()
        .collect()
}

/// Fails where a canary was logged, by whichever test.
pub(super) fn assert_no_canary() {
    // Copied: whoever panics with the lock in hand breaks the log of all the others.
    let hits = HITS.lock().unwrap().clone();
    assert!(
        hits.is_empty() || thread::panicking(),
        "(L1) secrets in the log, by whichever test: {:#?}",
        &hits[..hits.len().min(3)]
    );
}

struct Scan;

struct Line;

impl<'a> MakeWriter<'a> for Scan {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line
    }
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).into_owned();
        if CANARIES.iter().any(|canary| line.contains(canary)) {
            HITS.lock().unwrap().push(line.clone());
        }
        let mut lines = LINES.lock().unwrap();
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
