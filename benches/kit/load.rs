//! The load driver: a number of calls in flight, or a number of calls a second. Each thread has a
//! runtime, so that a call never crosses threads.

use std::{
    iter,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    Result,
    calls::Workload,
    client::{Answer, Connection},
    machine::{self, CpuTime},
    sample::Sample,
};

/// Connections of each thread: a service has few callers.
const CONNECTIONS: usize = 4;
/// The most calls of one connection; the server accepts 256.
const CALLS_PER_CONNECTION: usize = 128;

/// A process that answers gRPC.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
}

/// How long the load runs before and while a figure is measured.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// The times of a window that has begun.
#[derive(Clone, Copy)]
struct Span {
    start: Instant,
    from: Instant,
    until: Instant,
}

impl Window {
    fn begin(self) -> Span {
        let start = Instant::now();
        let from = start + self.warm_up;
        Span {
            start,
            from,
            until: from + self.measured,
        }
    }
}

impl Span {
    fn contains(&self, instant: Instant) -> bool {
        (self.from..self.until).contains(&instant)
    }

    /// Sleeps until the end, and returns the CPU time of the measured part.
    fn watch(&self, server: u32) -> Result<Sample> {
        thread::sleep(self.from.saturating_duration_since(Instant::now()));
        let before = CpuTime::now(server)?;
        thread::sleep(self.until.saturating_duration_since(Instant::now()));
        Ok(Sample {
            seconds: (self.until - self.from).as_secs_f64(),
            cpu: CpuTime::now(server)?.since(before),
            ..Sample::default()
        })
    }
}

/// Keeps `in_flight` calls in flight: the next is sent when one is answered.
///
/// # Errors
/// A call was answered neither well nor with a refusal.
pub(crate) fn saturate(
    target: Target,
    work: &Arc<Workload>,
    in_flight: usize,
    window: Window,
) -> Result<Sample> {
    // Half of the cores, so that the server is the bottleneck.
    let threads = (machine::cores() / 2).clamp(1, in_flight);
    let span = window.begin();
    thread::scope(|scope| {
        let drivers: Vec<_> = (0..threads)
            .map(|index| {
                let share = in_flight / threads + usize::from(index < in_flight % threads);
                scope.spawn(move || {
                    runtime()?.block_on(keep_in_flight(target.address, work, share, span))
                })
            })
            .collect();
        let mut sample = span.watch(target.pid)?;
        for driver in drivers {
            sample.add(
                driver
                    .join()
                    .map_err(|_| "a thread of the load panicked")??,
            );
        }
        Ok(sample)
    })
}

/// Sends `per_second` calls without waiting for answers; at most `waiting_max` may be unanswered.
///
/// # Errors
/// A call was answered neither well nor with a refusal.
pub(crate) fn pace(
    target: Target,
    work: &Arc<Workload>,
    per_second: f64,
    waiting_max: usize,
    window: Window,
) -> Result<Sample> {
    let connections = waiting_max / CALLS_PER_CONNECTION + CONNECTIONS;
    let span = window.begin();
    thread::scope(|scope| {
        let driver = scope.spawn(move || {
            runtime()?.block_on(send_on_time(
                target.address,
                work,
                connections,
                per_second,
                span,
            ))
        });
        let mut sample = span.watch(target.pid)?;
        sample.add(
            driver
                .join()
                .map_err(|_| "the thread of the load panicked")??,
        );
        Ok(sample)
    })
}

/// The runtime of one thread of the load.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

async fn open(address: SocketAddr, count: usize) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::open(address).await?);
    }
    Ok(connections)
}

async fn keep_in_flight(
    address: SocketAddr,
    work: &Arc<Workload>,
    in_flight: usize,
    span: Span,
) -> Result<Sample> {
    let connections = open(address, CONNECTIONS.min(in_flight)).await?;
    let mut callers = JoinSet::new();
    for connection in connections.into_iter().cycle().take(in_flight) {
        callers.spawn(call_until_the_end(connection, Arc::clone(work), span));
    }
    let mut sample = Sample::default();
    while let Some(seen) = callers.join_next().await {
        sample.add(seen??);
    }
    Ok(sample)
}

async fn call_until_the_end(
    connection: Connection,
    work: Arc<Workload>,
    span: Span,
) -> Result<Sample> {
    let mut sample = Sample::default();
    while Instant::now() < span.until {
        let answer = connection.call(work.rpc, work.next()).await?;
        sample.record(answer, span);
    }
    Ok(sample)
}

/// Sends in bursts, one a millisecond: the resolution of tokio's timer. Latencies count from the
/// sending; its delay is recorded beside them.
async fn send_on_time(
    address: SocketAddr,
    work: &Arc<Workload>,
    connections: usize,
    per_second: f64,
    span: Span,
) -> Result<Sample> {
    let mut connections = open(address, connections).await?.into_iter().cycle();
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut calls = JoinSet::new();
    let mut sample = Sample::default();
    let mut sent = 0;
    while Instant::now() < span.until {
        ticks.tick().await;
        let due = (span.start.elapsed().as_secs_f64() * per_second) as u64;
        for (number, connection) in iter::zip(sent..due, &mut connections) {
            let planned = span.start + Duration::from_secs_f64(number as f64 / per_second);
            if span.contains(planned) {
                sample.late.push(planned.elapsed());
            }
            let work = Arc::clone(work);
            calls.spawn(async move { connection.call(work.rpc, work.next()).await });
        }
        sent = due.max(sent);
        while let Some(answer) = calls.try_join_next() {
            sample.record(answer??, span);
        }
    }
    while let Some(answer) = calls.join_next().await {
        sample.record(answer??, span);
    }
    Ok(sample)
}

impl Sample {
    fn record(&mut self, (answer, latency): (Answer, Duration), span: Span) {
        if span.contains(Instant::now()) {
            match answer {
                Answer::Good => self.good.push(latency),
                Answer::Refused => self.refused.push(latency),
            }
        }
    }
}
