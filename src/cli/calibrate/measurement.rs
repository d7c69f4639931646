//! Measures one cost, unless that would take too much memory or time.

use std::time::Duration;

use thiserror::Error;

use crate::{
    hashing::{
        DoesNotFit,
        calibration::{
            Cost, MeasureError, Measurement, NotEnoughMemory, check_free_memory, measure,
        },
        fit, free_memory,
    },
    telemetry,
};

/// A measurement may take this many times the time that it was given, for the sake of a single hash.
const PATIENCE: u32 = 4;

/// Why a cost was not measured.
#[derive(Debug, Error)]
pub(super) enum Unmeasured {
    #[error(transparent)]
    DoesNotFit(#[from] DoesNotFit),
    #[error(transparent)]
    NotEnoughMemory(#[from] NotEnoughMemory),
    #[error("a hash takes about {} ms; give it more --seconds", .0.as_millis())]
    TooSlow(Duration),
    #[error("{}", telemetry::chain(.0))]
    Failed(#[from] MeasureError),
}

/// Measures with one thread and with as many as the machine bears; `known`, another cost, gives the
/// time to expect.
pub(super) fn measure_both(
    cost: Cost,
    time: Duration,
    limit: Option<u64>,
    known: Option<&Measurement>,
) -> Result<Measurement, Unmeasured> {
    let memory = cost.memory();
    fit(memory.workers, memory.memory_kib, limit)?;
    check_free_memory(memory, free_memory())?;
    let expected = known.map_or(Duration::ZERO, |known| known.estimate_time(cost));
    if expected > time * PATIENCE {
        return Err(Unmeasured::TooSlow(expected));
    }
    let alone = measure(cost, 1, time)?;
    let together = match memory.workers {
        1 => alone,
        workers => measure(cost, workers, time)?,
    };
    Ok(Measurement {
        cost,
        alone,
        together,
    })
}
