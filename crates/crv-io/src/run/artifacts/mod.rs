//! Artifacts: files that the analysis of a run writes beside its tables, and other files written as parts are.
//!
//! - [`write_parquet_atomic`], [`write_text_atomic`], [`file_stat`]: any local file, by its full path, written as parts
//!   are: temporary file, `fsync`, `rename`, `fsync` of the directory.
//! - [`artifacts_root`], [`lab_dir`]: the directories of a run's artifacts. [`Dataset::write_lab_parquet`] and
//!   [`Dataset::write_lab_text`] write them through the run's store, which may be in memory.
//! - [`collect_artifacts_index`]: lists them.
//!
//! What this module does not do: it does not interpret artifacts, and the log does not name them.

mod index;
mod parquet;
mod write;

pub use index::{ArtifactEntry, ArtifactsIndex, LabIndex, OtherIndex, collect_artifacts_index};
pub use write::{FileStat, WrittenParquet, WrittenText, file_stat, write_parquet_atomic, write_text_atomic};

pub(crate) use index::collect;
pub(crate) use write::{hinted, replace};

use bytes::Bytes;

use crate::config::IoSettings;
use crate::dataset::{Dataset, open_store};
use crate::error::{Error, ErrorKind, Result};
use crate::paths::{self, LabDir, RunPaths};
use crate::stamp;
use crv_schema::Frame;

/// Returns the path of the directory of a run's artifacts. Does not create it.
pub fn artifacts_root(settings: &IoSettings, run_id: &str) -> Result<String> {
    let run = RunPaths::new(paths::validate_run_id(run_id)?);
    Ok(settings.locate(&run.artifacts()))
}

/// Returns the path of the lab's directory `subdir`: `tidy`, `probes`, `policy` or `audit`. Creates it.
pub fn lab_dir(settings: &IoSettings, run_id: &str, subdir: &str) -> Result<String> {
    let run = RunPaths::new(paths::validate_run_id(run_id)?);
    let dir = run.lab(LabDir::parse(subdir)?);
    let made = open_store(settings)?.make_dir(&dir);
    made.map_err(|error| hinted(ErrorKind::Write, error).in_context(format_args!("run `{}`", run.run())))?;
    Ok(settings.locate(&dir))
}

impl Dataset {
    /// Writes rows as the artifact `name` in a directory of the lab, and replaces an existing one.
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

    /// Writes text as the artifact `name` in a directory of the lab, and replaces an existing one.
    pub fn write_lab_text(&self, dir: LabDir, name: &str, text: &str) -> Result<WrittenText> {
        let (store, run) = self.storage();
        let path = run.lab_artifact(dir, name)?;
        let created_at = stamp::text(stamp::now());
        replace(&**store, &path, text.as_bytes())?;
        Ok(WrittenText { path: store.locate(&path), bytes: text.len() as u64, created_at, wrote_text: true })
    }

    /// The bytes of the artifact at `path`, `/` between its names, in the directory of the run's artifacts: also of a run in a
    /// pack, where it is no file of its own.
    ///
    /// An error of kind [`NotFound`](ErrorKind::NotFound) if there is none.
    pub fn read_artifact(&self, path: &str) -> Result<Bytes> {
        let (store, run) = self.storage();
        let place = path.split('/').try_fold(run.artifacts(), |dir, name| dir.entry(name));
        let place = place.ok_or_else(|| {
            Error::argument(format!("run `{}`: {path:?} is no path of an artifact", run.run()))
                .with_hint("write it like `lab/tidy/prices.parquet`")
        })?;
        let read = store.read(&place);
        let read = read.map_err(|error| {
            hinted(ErrorKind::Read, error).in_context(format_args!("run `{}`", run.run()))
        })?;
        read.map(|(bytes, _)| bytes).ok_or_else(|| {
            Error::argument(format!("run `{}` has no artifact `{path}`", run.run()))
                .not_found()
                .with_hint("`crv artifacts RUN` lists them")
        })
    }

    /// The artifacts of this run.
    pub fn artifacts_index(&self) -> Result<ArtifactsIndex> {
        let (store, run) = self.storage();
        collect(&**store, run)
    }
}
