//! The report of a run, in the form of its JSON, and where its files go.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    Result,
    arguments::RunOptions,
    figures::{CallFigures, Growth, Hashes, Overload, Process, Storm},
    goal::Goal,
    hashes::Cost,
    machine::Machine,
    server, store,
};

#[derive(Serialize)]
pub(crate) struct Report {
    /// Seconds since 1970.
    pub(crate) made_at: u64,
    pub(crate) machine: Machine,
    pub(crate) hashing: Cost,
    /// The variables that were passed to the server.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) postgres: Option<String>,
    /// The time of each measurement.
    pub(crate) seconds: f64,
    /// Whether everything was measured, at full length.
    pub(crate) complete: bool,
    pub(crate) hashes: Vec<Hashes>,
    pub(crate) calls: Vec<CallFigures>,
    pub(crate) storms: Vec<Storm>,
    pub(crate) overloads: Vec<Overload>,
    pub(crate) growth: Vec<Growth>,
    pub(crate) processes: Vec<Process>,
    pub(crate) goals: Vec<Goal>,
    /// What could not be measured, and why.
    pub(crate) failures: Vec<String>,
}

impl Report {
    /// A report without figures.
    pub(crate) fn begin(options: &RunOptions) -> Result<Self> {
        Ok(Self {
            made_at: (store::unix_micros() / 1_000_000) as u64,
            machine: Machine::read()?,
            hashing: Cost::configured()?,
            settings: server::inherited_variables().collect(),
            postgres: None,
            seconds: options.window().measured.as_secs_f64(),
            complete: options.is_complete(),
            hashes: Vec::new(),
            calls: Vec::new(),
            storms: Vec::new(),
            overloads: Vec::new(),
            growth: Vec::new(),
            processes: Vec::new(),
            goals: Vec::new(),
            failures: Vec::new(),
        })
    }

    /// The folder of the page and its plots: in the documentation after a complete run, else beside
    /// the JSON, so that a trial run does not replace quoted figures.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        if !self.complete || !self.failures.is_empty() {
            return scratch_folder();
        }
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = own.parent().unwrap_or(own).join("docs/performance");
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Writes the JSON, named by the time of the run.
    pub(crate) fn write_json(&self) -> Result<PathBuf> {
        let file = scratch_folder()?.join(format!("{}.json", self.made_at));
        fs::write(&file, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(file)
    }
}

/// `bench` in cargo's target folder.
fn scratch_folder() -> Result<PathBuf> {
    let binary = server::find_binary()?;
    let target = binary
        .ancestors()
        .nth(2)
        .ok_or("there is no target folder")?;
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
