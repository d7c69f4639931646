//! Which connection gives up its slot for a new one. The source that has the most goes first, so nobody
//! keeps others out by connections that it does not use; of more than a quarter it gives up busy ones too.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::domain::Source;

/// While others want in, a source has at most this part of the connections.
const SOURCE_DIVISOR: usize = 4;

/// What is known of an open connection.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    /// `None`: a proxy, or this machine.
    pub(super) source: Option<Source>,
    /// Whether a complete request has come.
    pub(super) has_called: bool,
    /// Since when it has no open call; `None`: it has one.
    pub(super) idle_since: Option<Instant>,
}

/// The number of the connection that gives up its slot for one of `newcomer`. `open`: the connections, the
/// oldest first.
pub(super) fn victim(
    open: &[(u64, Candidate)],
    newcomer: Option<Source>,
    most: usize,
) -> Option<u64> {
    let mut counts: HashMap<Option<Source>, usize> = HashMap::new();
    for (_, candidate) in open {
        *counts.entry(candidate.source).or_default() += 1;
    }
    let (largest, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let of_largest = || open.iter().filter(|(_, other)| other.source == largest);
    let silent = of_largest().find(|(_, other)| !other.has_called);
    let idle = || {
        let idle = of_largest().filter_map(|(number, other)| Some((number, other.idle_since?)));
        idle.min_by_key(|(_, since)| *since)
            .map(|(number, _)| number)
    };
    let is_greedy = count > most / SOURCE_DIVISOR && largest.is_some() && largest != newcomer;
    let number = silent.map(|(number, _)| number);
    let number = number.or_else(idle);
    let number = number.or_else(|| {
        let oldest = of_largest().next().filter(|_| is_greedy);
        let silent = open.iter().find(|(_, other)| !other.has_called);
        oldest.or(silent).map(|(number, _)| number)
    });
    number.copied()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SILENT: (bool, Option<u64>) = (false, Some(0));
    const BUSY: (bool, Option<u64>) = (true, None);

    fn idle(since: u64) -> (bool, Option<u64>) {
        (true, Some(since))
    }

    fn source(host: u8) -> Option<Source> {
        Source::of([192, 0, 2, host].into())
    }

    /// Of eight slots; connections are numbered from 0.
    fn evicted(open: &[(u8, (bool, Option<u64>))], newcomer: u8) -> Option<u64> {
        let start = Instant::now();
        let open = open.iter().zip(0..).map(|((host, state), number)| {
            let (has_called, since) = *state;
            let candidate = Candidate {
                source: source(*host).filter(|_| *host > 0),
                has_called,
                idle_since: since.map(|since| start + Duration::from_secs(since)),
            };
            (number, candidate)
        });
        victim(
            &open.collect::<Vec<_>>(),
            source(newcomer).filter(|_| newcomer > 0),
            8,
        )
    }

    #[test]
    fn the_source_with_the_most_connections_gives_one_up() {
        let small = [(1, idle(1)), (1, SILENT)];
        let with = |large: &[(u8, (bool, Option<u64>))]| [&small, large].concat();
        let silent = with(&[(2, idle(7)), (2, SILENT), (2, BUSY)]);
        assert_eq!(evicted(&silent, 3), Some(3), "one that never called");
        let idle = with(&[(2, BUSY), (2, idle(7)), (2, idle(5))]);
        assert_eq!(
            evicted(&idle, 3),
            Some(4),
            "the one that is idle for longest"
        );
        let busy = with(&[(2, BUSY), (2, BUSY), (2, BUSY)]);
        assert_eq!(
            evicted(&busy, 3),
            Some(2),
            "the oldest of more than a quarter"
        );
        assert_eq!(evicted(&busy, 2), Some(1), "its own newcomer cuts no call");
    }

    /// A proxy, and this machine, carry the calls of many.
    #[test]
    fn calls_of_proxies_are_not_cut() {
        let busy = [(0, BUSY), (0, BUSY), (0, BUSY), (1, BUSY)];
        assert_eq!(evicted(&busy, 2), None);
        let idle = [(0, BUSY), (0, idle(3)), (0, BUSY), (1, BUSY)];
        assert_eq!(evicted(&idle, 0), Some(1));
    }
}
