//! The queue of log lines. A thread of its own writes them, because standard error may be a pipe whose
//! reader has stopped: calls and the drain would block with it.
//!
//! The thread writes in batches and polls while lines keep coming: waking it for each line cost more
//! than the rest of an empty call.

use std::{
    io::{self, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use tracing::warn;
use tracing_subscriber::fmt::MakeWriter;

/// The most lines that wait: seconds of a busy service, and a few MiB.
const CAPACITY: usize = 4096;
/// The pause between two batches.
const BATCH_INTERVAL: Duration = Duration::from_millis(2);
/// How long a flush waits for the reader.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Takes lines without ever blocking; clones share it. A line beyond the capacity is dropped and
/// counted.
#[derive(Clone)]
pub(super) struct LogQueue(Arc<Shared>);

struct Shared {
    state: Mutex<LogQueueState>,
    arrived: Condvar,
    /// All lines were written.
    written: Condvar,
}

#[derive(Default)]
struct LogQueueState {
    /// The waiting lines, concatenated.
    text: Vec<u8>,
    lines: usize,
    lost: u64,
    /// How many of the lost lines were reported.
    reported: u64,
    writing: bool,
    /// The thread waits to be woken.
    asleep: bool,
}

impl LogQueue {
    /// Starts the thread that writes to `out`, for as long as the process lives.
    pub(super) fn spawn(out: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Self(Arc::new(Shared {
            state: Mutex::default(),
            arrived: Condvar::new(),
            written: Condvar::new(),
        }));
        let writer = queue.clone();
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || writer.write_forever(out))?;
        Ok(queue)
    }

    pub(super) fn lost(&self) -> u64 {
        self.0.state.lock().lost
    }

    /// Waits until all lines are written, at most [`FLUSH_TIMEOUT`].
    pub(super) fn flush(&self) {
        let is_behind = |state: &mut LogQueueState| state.writing || state.lines > 0;
        let mut state = self.0.state.lock();
        self.0
            .written
            .wait_while_for(&mut state, is_behind, FLUSH_TIMEOUT);
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.0.state.lock();
        if state.lines == CAPACITY {
            state.lost += 1;
            return;
        }
        state.text.extend_from_slice(line);
        state.lines += 1;
        if std::mem::take(&mut state.asleep) {
            self.0.arrived.notify_one();
        }
    }

    fn write_forever(&self, mut out: impl Write) {
        loop {
            let (text, lost) = self.next_batch();
            if lost > 0 {
                // The warning is queued behind the batch that is written now.
                warn!(
                    lost,
                    "log lines were lost: they came faster than they were read"
                );
            }
            // There is nowhere to report that the log cannot be written.
            let _ = out.write_all(&text);
            self.0.state.lock().writing = false;
            self.0.written.notify_all();
            thread::sleep(BATCH_INTERVAL);
        }
    }

    /// Waits for a line, then takes all waiting lines and the count of those lost since the last report.
    fn next_batch(&self) -> (Vec<u8>, u64) {
        let mut state = self.0.state.lock();
        while state.lines == 0 {
            state.asleep = true;
            self.0.arrived.wait(&mut state);
        }
        state.writing = true;
        state.lines = 0;
        let lost = state.lost - state.reported;
        state.reported = state.lost;
        (std::mem::take(&mut state.text), lost)
    }
}

impl<'q> MakeWriter<'q> for LogQueue {
    type Writer = &'q Self;

    fn make_writer(&'q self) -> &'q Self {
        self
    }
}

/// Each write is one whole line.
impl Write for &LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A pipe that signals each write and blocks it until the test reads.
    struct Pipe {
        text: Arc<Mutex<String>>,
        begun: mpsc::Sender<()>,
        read: mpsc::Receiver<()>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            // An error means that the test no longer blocks writes.
            let _ = self.read.recv();
            self.text.lock().push_str(str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn logging_never_blocks_and_lines_beyond_the_capacity_are_counted() {
        let text = Arc::<Mutex<String>>::default();
        let (begun, begins) = mpsc::channel();
        let (reader, read) = mpsc::channel();
        let queue = LogQueue::spawn(Pipe {
            text: Arc::clone(&text),
            begun,
            read,
        })
        .unwrap();
        let log = |line: usize| (&queue).write_all(format!("{line}\n").as_bytes()).unwrap();
        log(0);
        begins.recv().unwrap();
        // The thread is blocked in the first line. All of these return.
        (1..=CAPACITY + 3).for_each(log);
        assert_eq!(queue.lost(), 3);
        assert_eq!(*text.lock(), "");

        drop(reader);
        queue.flush();
        let expected: Vec<_> = (0..=CAPACITY).map(|line| line.to_string()).collect();
        let written = text.lock().clone();
        assert!(written.lines().eq(expected), "whole, in order");
        assert_eq!((queue.lost(), queue.0.state.lock().reported), (3, 3));
        log(7);
        queue.flush();
        assert!(text.lock().ends_with("\n7\n"));
    }
}
