//! Real processes on a real file system: many writers at once, writers that are killed, many runs that come
//! and go, a disk that fills up.
//!
//! The child processes run the harness's own program: [`child`] is what they do.

pub mod child;
pub mod expected;
pub mod full;
pub mod kills;
pub mod sweeps;
pub mod writers;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crv_io::config::Compression;
use crv_io::run::{IfExists, Run, RunOptions, start_run};
use crv_io::{Dataset, IoSettings};

/// The harness's program, and where it works.
#[derive(Debug, Clone)]
pub struct Place {
    /// The program `crv-soak`.
    pub program: PathBuf,
    /// The root of the runs.
    pub root: PathBuf,
}

impl Place {
    /// The command-line arguments of a child that works on a run.
    fn words(&self, verb: &str, run: &str, flags: &[(&str, i64)]) -> Vec<String> {
        let root = self.root.display().to_string();
        let mut words: Vec<String> = [verb, "--root", &root, "--run", run].map(str::to_owned).into();
        words.extend(flags.iter().flat_map(|(name, value)| [format!("--{name}"), value.to_string()]));
        words
    }

    /// Starts a child with these arguments.
    fn spawn(&self, words: &[String]) -> io::Result<Child> {
        Command::new(&self.program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).spawn()
    }
}

/// Opens a run as every process here does.
pub(crate) fn open(root: &Path, run: &str) -> Result<Dataset, String> {
    Dataset::open(settings(root)?, run).map_err(|error| error.to_string())
}

/// Starts a run beside the other processes that write to it.
pub(crate) fn start(root: &Path, run: &str) -> Result<Run, String> {
    let options =
        RunOptions { run_id: Some(run.to_owned()), if_exists: IfExists::Append, ..RunOptions::default() };
    start_run(&settings(root)?, &options).map_err(|error| error.to_string())
}

pub(crate) fn settings(root: &Path) -> Result<IoSettings, String> {
    let root = root.to_str().ok_or("the root is not valid UTF-8")?;
    let settings = IoSettings::default().with_root_dir(root).map_err(|error| error.to_string())?;
    Ok(settings.with_compression(Compression::Lz4).with_compact_sealed_buckets(true))
}

/// Kills its children when it is dropped.
#[derive(Debug, Default)]
struct Children(Vec<Child>);

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
