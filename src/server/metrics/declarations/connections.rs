//! Connections, and the memory of their calls.

use std::fmt;

use super::Exposition;
use crate::{hashing::Memory, server::connection_limit::ConnectionLimit};

pub(super) fn connections(
    exposition: &mut Exposition<'_>,
    memory: Memory,
    connections: &ConnectionLimit,
) -> fmt::Result {
    exposition.gauge(
        "vestibule_connections_open",
        "Open connections of callers, gRPC and REST together.",
        connections.open(),
    )?;
    exposition.gauge(
        "vestibule_connections_limit",
        "The most open connections of callers.",
        connections.most(),
    )?;
    exposition.gauge(
        "vestibule_call_memory_bytes",
        "What open calls hold, from the header list to the last unsent byte of the answer.",
        connections.held(),
    )?;
    exposition.gauge(
        "vestibule_memory_bound_bytes",
        "What the process needs at most: the workers' memory + 208 MiB + 20 KiB a connection.",
        memory.bytes() + connections.bytes(),
    )
}
