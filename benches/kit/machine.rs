//! The machine that is measured on, and the memory and CPU time of processes, from `/proc`.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::Result;

/// The kernel counts the time of a process in ticks of this many microseconds, on every Linux.
const TICK_MICROS: f64 = 10_000.0;

/// How long other work is measured before a run.
const BUSY_WINDOW: Duration = Duration::from_secs(1);

#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) avx512: bool,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// The share of the cores that other work took before the run.
    pub(crate) busy_before: f64,
    pub(crate) commit: String,
}

impl Machine {
    pub(crate) fn read() -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let cpu_line = |name: &str| {
            cpuinfo
                .lines()
                .find(|line| line.starts_with(name))
                .and_then(|line| line.split_once(':'))
                .map_or("", |(_, value)| value.trim())
        };
        Ok(Self {
            cpu: cpu_line("model name").to_owned(),
            cores: cores(),
            avx512: cpu_line("flags").split(' ').any(|flag| flag == "avx512f"),
            memory_mib: read_kib("/proc/meminfo", "MemTotal:")? / 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            busy_before: measure_busy_share()?,
            commit: describe_commit(),
        })
    }
}

/// The cores that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn measure_busy_share() -> Result<f64> {
    let (start, before) = (Instant::now(), read_machine_micros()?);
    thread::sleep(BUSY_WINDOW);
    let spent = read_machine_micros()? - before;
    Ok(spent / 1e6 / start.elapsed().as_secs_f64() / cores() as f64)
}

fn describe_commit() -> String {
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output();
    match described {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    read_kib(&format!("/proc/{pid}/status"), "VmRSS:")
}

fn read_kib(file: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(file)?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    Ok(value.ok_or(format!("{file} has no {name}"))?.parse()?)
}

/// CPU time in microseconds since some start.
#[derive(Clone, Copy, Default)]
pub(crate) struct CpuTime {
    /// By the process under test.
    pub(crate) server: f64,
    /// By the load driver.
    pub(crate) client: f64,
    /// All time that was not idle: server, client, the database server, the kernel, other programs.
    pub(crate) machine: f64,
}

impl CpuTime {
    pub(crate) fn now(server: u32) -> Result<Self> {
        Ok(Self {
            server: read_process_micros(&server.to_string())?,
            client: read_process_micros("self")?,
            machine: read_machine_micros()?,
        })
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            server: self.server - earlier.server,
            client: self.client - earlier.client,
            machine: self.machine - earlier.machine,
        }
    }
}

/// `proc_pid_stat(5)`: fields 14 and 15 are the time in user and kernel mode; field 2 is a name in
/// brackets that may hold spaces.
fn read_process_micros(pid: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = text
        .rsplit_once(") ")
        .ok_or("/proc/pid/stat is unreadable")?;
    parse_ticks(fields.split(' ').skip(11).take(2))
}

/// `proc_stat(5)`: user, nice, system, idle, iowait, irq, softirq. The later field of stolen time is
/// not counted.
fn read_machine_micros() -> Result<f64> {
    let text = fs::read_to_string("/proc/stat")?;
    let fields = text.lines().next().unwrap_or_default().split_whitespace();
    let busy = fields
        .skip(1)
        .take(7)
        .enumerate()
        .filter(|(index, _)| ![3, 4].contains(index));
    parse_ticks(busy.map(|(_, field)| field))
}

fn parse_ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Result<f64> {
    let mut sum = 0.0;
    for field in fields {
        sum += field.parse::<f64>()?;
    }
    Ok(sum * TICK_MICROS)
}
