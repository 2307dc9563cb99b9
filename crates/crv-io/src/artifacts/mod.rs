//! Artifacts: files that a run's analysis leaves beside its tables, and files written as parts are.
//!
//! - [`write_parquet_atomic`], [`write_text_atomic`], [`file_stat`]: any file of this machine, by its full path,
//!   with the discipline of parts - temporary file, `fsync`, `rename`, `fsync` of the directory.
//! - [`artifacts_root`], [`lab_dir`]: where a run's artifacts lie. [`Dataset::write_lab_parquet`] and
//!   [`Dataset::write_lab_text`] write them through the run's store, and so in memory as well.
//! - [`collect_artifacts_index`]: which there are.
//!
//! What this module does not do: it gives no artifact a meaning, and the commit log says nothing about any.

mod index;
mod parquet;
mod write;

pub use index::{ArtifactEntry, ArtifactsIndex, LabIndex, OtherIndex, collect_artifacts_index};
pub use write::{FileStat, WrittenParquet, WrittenText, file_stat, write_parquet_atomic, write_text_atomic};

pub(crate) use index::collect;
pub(crate) use write::{hinted, replace};

use crate::config::IoSettings;
use crate::dataset::{Dataset, open_store};
use crate::error::{ErrorKind, Result};
use crate::frame::Frame;
use crate::paths::{self, LabDir, RunPaths};
use crate::stamp;

/// The directory of a run's artifacts. Nothing is made.
pub fn artifacts_root(settings: &IoSettings, run_id: &str) -> Result<String> {
    let run = RunPaths::new(paths::validate_run_id(run_id)?);
    Ok(paths::full_path(settings, &run.artifacts()))
}

/// The directory of the lab's artifacts called `subdir`: `tidy`, `probes`, `policy` or `audit`. It is made.
pub fn lab_dir(settings: &IoSettings, run_id: &str, subdir: &str) -> Result<String> {
    let run = RunPaths::new(paths::validate_run_id(run_id)?);
    let dir = run.lab(LabDir::parse(subdir)?);
    let made = open_store(settings)?.make_dir(&dir);
    made.map_err(|error| hinted(ErrorKind::Write, error).in_context(format_args!("run `{}`", run.run())))?;
    Ok(paths::full_path(settings, &dir))
}

impl Dataset {
    /// Writes rows as the artifact `name` in a directory of the lab, in place of what was there.
    pub fn write_lab_parquet(
        &self,
        dir: LabDir,
        name: &str,
        frame: impl Into<Frame>,
    ) -> Result<WrittenParquet> {
        let (store, run) = self.storage();
        let path = run.lab_artifact(dir, name)?;
        let created_at = stamp::text(stamp::now());
        let frame = frame.into();
        let shown = store.locate(&path);
        let bytes = parquet::encode(&shown, &frame)?;
        replace(&**store, &path, &bytes)?;
        Ok(WrittenParquet {
            path: shown,
            bytes: bytes.len() as u64,
            created_at,
            rows: frame.num_rows() as u64,
        })
    }

    /// Writes text as the artifact `name` in a directory of the lab, in place of what was there.
    pub fn write_lab_text(&self, dir: LabDir, name: &str, text: &str) -> Result<WrittenText> {
        let (store, run) = self.storage();
        let path = run.lab_artifact(dir, name)?;
        let created_at = stamp::text(stamp::now());
        replace(&**store, &path, text.as_bytes())?;
        Ok(WrittenText { path: store.locate(&path), bytes: text.len() as u64, created_at, wrote_text: true })
    }

    /// The artifacts of this run.
    pub fn artifacts_index(&self) -> Result<ArtifactsIndex> {
        let (store, run) = self.storage();
        collect(&**store, run)
    }
}
