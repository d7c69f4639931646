//! What proc(5) tells of a running service: its ports, its memory, its time.

use std::{fs, time::Duration};

use super::ServerProcess;

impl ServerProcess {
    /// The ports of every socket of the process that listens, in order.
    pub(crate) fn listening_ports(&self) -> Vec<u16> {
        const LISTEN: &str = "0A";
        let inodes: Vec<String> = fs::read_dir(format!("/proc/{}/fd", self.id()))
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .filter_map(|to| {
                let to = to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                Some(to.to_owned())
            })
            .collect();
        let tables = ["tcp", "tcp6"].map(|name| {
            let table = format!("/proc/{}/net/{name}", self.id());
            fs::read_to_string(table).unwrap_or_default()
        });
        let mut ports: Vec<u16> = tables
            .iter()
            .flat_map(|table| table.lines().skip(1))
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|fields| fields[3] == LISTEN && inodes.iter().any(|inode| inode == fields[9]))
            .map(|fields| {
                let (_, port) = fields[1].rsplit_once(':').unwrap();
                u16::from_str_radix(port, 16).unwrap()
            })
            .collect();
        ports.sort_unstable();
        ports
    }

    /// The time that it has spent on the processors.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // The name, field 2, may hold anything, but ends with the last parenthesis.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split(' ').collect();
        // utime and stime, fields 14 and 15, in hundredths of a second.
        let ticks = |field: usize| fields[field - 2].parse::<u64>().unwrap();
        Duration::from_millis((ticks(14) + ticks(15)) * 10)
    }

    /// The memory that it holds, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most memory that it held, in KiB.
    pub(crate) fn peak_resident_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    /// A line of proc(5)'s `status`.
    fn status_kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name));
        line.unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap()
    }
}
