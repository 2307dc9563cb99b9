//! What the tests share: runs in a temporary directory, and frames.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use crv_io::store::{LocalStore, Store};
use crv_io::{AppendOptions, Dataset, IoSettings, Result, TableId, TickRange};
use tempfile::TempDir;

pub(crate) const RUN: &str = "20250101-000000";
pub(crate) const EDGES: TableId = TableId::IDENTITY_EDGES;

/// A root directory that is removed at the end of the test.
pub(crate) struct Root {
    dir: TempDir,
}

impl Root {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Creates one in `dir`.
    pub(crate) fn under(dir: &Path) -> Self {
        Self { dir: tempfile::tempdir_in(dir).unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn settings(&self) -> IoSettings {
        IoSettings::default().with_root_dir(self.path().to_str().unwrap()).unwrap()
    }

    pub(crate) fn open(&self) -> Dataset {
        Dataset::open(self.settings(), RUN).unwrap()
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(LocalStore::new(self.path().to_str().unwrap()))
    }

    pub(crate) fn run_dir(&self) -> PathBuf {
        self.path().join("runs").join(RUN)
    }

    pub(crate) fn table_dir(&self, table: TableId) -> PathBuf {
        self.run_dir().join("tables").join(table.as_str())
    }

    pub(crate) fn manifest(&self, table: TableId) -> PathBuf {
        self.table_dir(table).join("manifest.json")
    }

    pub(crate) fn commits(&self) -> Vec<String> {
        let mut names = names_in(&self.run_dir().join("_commits"));
        names.sort();
        names
    }

    /// Every file under the root, relative to it, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(self.path(), self.path(), &mut files);
        files.sort();
        files
    }
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<String>) {
    let Ok(entries) = fs_err::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

pub(crate) fn names_in(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(dir) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Edges at these ticks; the weight of a row is its tick, so that rows can be told apart.
pub(crate) fn edges(ticks: impl IntoIterator<Item = i64>) -> RecordBatch {
    let ticks: Vec<i64> = ticks.into_iter().collect();
    let weights: Vec<f64> = ticks.iter().map(|tick| *tick as f64).collect();
    let agents: Vec<String> = ticks.iter().map(|tick| format!("A{}", tick % 7)).collect();
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(ticks.clone())) as ArrayRef),
        ("observer_agent_id", Arc::new(StringArray::from(agents))),
        ("edge_kind", Arc::new(StringArray::from(vec!["self_to_object"; ticks.len()]))),
        ("edge_weight", Arc::new(Float64Array::from(weights))),
    ])
    .unwrap()
}

pub(crate) fn holdings(ticks: impl IntoIterator<Item = i64>) -> RecordBatch {
    let ticks: Vec<i64> = ticks.into_iter().collect();
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(ticks.clone())) as ArrayRef),
        ("agent_id", Arc::new(StringArray::from(vec!["A"; ticks.len()]))),
        ("token_id", Arc::new(StringArray::from(vec!["T"; ticks.len()]))),
        ("quantity", Arc::new(Int64Array::from(ticks))),
    ])
    .unwrap()
}

pub(crate) fn append(dataset: &Dataset, ticks: impl IntoIterator<Item = i64>) {
    dataset.append(EDGES, edges(ticks), AppendOptions::default()).unwrap();
}

/// Removes the checksums from the entries of the edges, as the earlier implementation wrote them.
pub(crate) fn forget_checksums(dataset: &Dataset) {
    let manifest = dataset.manifest(EDGES).unwrap();
    let mut empty = manifest.clone();
    empty.partitions.clear();
    dataset.replace_manifest(&empty).unwrap();
    dataset.replace_manifest(&manifest).unwrap();
}

/// The ticks of a table's rows, in the order of a scan.
pub(crate) fn ticks_of(dataset: &Dataset, table: TableId, range: TickRange) -> Result<Vec<i64>> {
    let mut ticks = Vec::new();
    for batch in dataset.scan(table)?.ticks(range).batches() {
        let batch = batch?;
        ticks.extend_from_slice(batch.column_by_name("tick").unwrap().as_primitive::<Int64Type>().values());
    }
    Ok(ticks)
}

pub(crate) fn all_ticks(dataset: &Dataset) -> Vec<i64> {
    ticks_of(dataset, EDGES, TickRange::ALL).unwrap()
}

/// Returns the text of a commit file with a checksum that fits it.
pub(crate) fn sealed(text: &str) -> String {
    let body = text.rsplit_once(",\"crc32c\"").unwrap().0;
    let sum = body.bytes().fold(!0_u32, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    });
    format!("{body},\"crc32c\":\"{:08x}\"}}\n", !sum)
}
