//! The index of a run's artifacts.

use parquet::file::metadata::ParquetMetaDataReader;
use serde::Serialize;

use super::write::hinted;
use crate::config::IoSettings;
use crate::dataset::open_store;
use crate::error::{ErrorKind, Result};
use crate::part::file::{PartFile, decoding};
use crate::paths::{self, LabDir, RunPaths, StorePath, TMP_SUFFIX};
use crate::store::{EntryKind, Store};

/// Directories below this depth are ignored: artifacts are not nested this deeply, but a loop of mounts may be.
const MAX_DEPTH: usize = 32;

/// A run's artifacts, by the component that wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ArtifactsIndex {
    /// The lab's.
    pub lab: LabIndex,
    /// The world's: none yet.
    pub world: OtherIndex,
    /// The mind's: none yet.
    pub mind: OtherIndex,
}

/// The lab's artifacts, by directory, each sorted by path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LabIndex {
    /// Tidy tables.
    pub tidy: Vec<ArtifactEntry>,
    /// Results of probes of agents.
    pub probes: Vec<ArtifactEntry>,
    /// Policies.
    pub policy: Vec<ArtifactEntry>,
    /// Records for audits.
    pub audit: Vec<ArtifactEntry>,
}

/// A placeholder for future artifacts: an empty object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct OtherIndex {}

/// One artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArtifactEntry {
    /// Relative to the run's directory.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its rows, from its footer; only for Parquet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl LabIndex {
    /// The artifacts of one directory.
    pub fn get(&self, dir: LabDir) -> &[ArtifactEntry] {
        match dir {
            LabDir::Tidy => &self.tidy,
            LabDir::Probes => &self.probes,
            LabDir::Policy => &self.policy,
            LabDir::Audit => &self.audit,
        }
    }
}

/// Returns the artifacts of a run; empty if the run has none or does not exist.
///
/// Files at any depth below the lab's directories are included, except unfinished files (`.tmp`), links and devices. A
/// `.parquet` file that is not readable as Parquet is listed without rows.
pub fn collect_artifacts_index(settings: &IoSettings, run_id: &str) -> Result<ArtifactsIndex> {
    let run = RunPaths::new(paths::validate_run_id(run_id)?);
    collect(&*open_store(settings)?, &run)
}

pub(crate) fn collect(store: &dyn Store, run: &RunPaths) -> Result<ArtifactsIndex> {
    let [tidy, probes, policy, audit] = LabDir::ALL.map(|dir| {
        let mut entries = Vec::new();
        let walked = walk(store, run.root(), &run.lab(dir), 0, &mut entries);
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        walked.map(|()| entries)
    });
    let lab = LabIndex { tidy: tidy?, probes: probes?, policy: policy?, audit: audit? };
    Ok(ArtifactsIndex { lab, ..ArtifactsIndex::default() })
}

fn walk(
    store: &dyn Store,
    run: &StorePath,
    dir: &StorePath,
    depth: usize,
    entries: &mut Vec<ArtifactEntry>,
) -> Result<()> {
    let listed = store.list(dir, None).map_err(|error| hinted(ErrorKind::Read, error))?;
    for entry in listed {
        let Some(path) = dir.entry(&entry.name) else { continue };
        match entry.kind {
            EntryKind::Directory if depth < MAX_DEPTH => walk(store, run, &path, depth + 1, entries)?,
            EntryKind::Object(bytes) if !entry.name.ends_with(TMP_SUFFIX) => {
                let Some(relative) = path.relative_to(run) else { continue };
                let rows = entry.name.ends_with(".parquet").then(|| rows(store, &path)).flatten();
                entries.push(ArtifactEntry { path: relative.to_owned(), bytes, rows });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Rows of a Parquet file, from its footer; `None` if the footer cannot be read.
fn rows(store: &dyn Store, path: &StorePath) -> Option<u64> {
    let file = PartFile::open(store, path, None).ok()?;
    let metadata = decoding(|| ParquetMetaDataReader::new().parse_and_finish(&file)).ok()?.ok()?;
    u64::try_from(metadata.file_metadata().num_rows()).ok()
}
