//! Writes a run of many appends of one tick each, without syncs, to measure reads of it.
//!
//! ```sh
//! cargo run --release -p crv-io --example long_run -- ROOT RUN 100000 200
//! ```
//!
//! The store writes as usual, but `fsync` does nothing: the run does not survive power loss.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use crv_io::store::files::{FileSystem, Lock, NewFile, OpenFile, OsFiles, Stat};
use crv_io::store::{EntryKind, LocalStore};
use crv_io::{AppendOptions, Dataset, IoSettings, TableName};

/// Local files without `fsync`.
#[derive(Debug)]
struct Hasty(OsFiles);

#[derive(Debug)]
struct HastyFile(Box<dyn NewFile>);

impl NewFile for HastyFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn stat(&self) -> io::Result<Stat> {
        self.0.stat()
    }
}

impl FileSystem for Hasty {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        self.0.create_new(path).map(|file| Box::new(HastyFile(file)) as Box<dyn NewFile>)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.0.open(path)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.0.stat(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        self.0.read_dir(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.remove_file(path)
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        self.0.try_lock(path)
    }
}

/// Edges of one tick.
fn edges(tick: i64, rows: usize) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let place = |row: usize, among: usize| (tick as usize * 31 + row * 17) % among;
    let named = |prefix: &str, among: usize| {
        StringArray::from_iter_values((0..rows).map(|row| format!("{prefix}{}", place(row, among))))
    };
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![tick; rows])) as ArrayRef),
        ("observer_agent_id", Arc::new(named("A", 499))),
        ("edge_kind", Arc::new(StringArray::from(vec!["self_to_object"; rows]))),
        ("subject_id", Arc::new(named("S", 487))),
        ("token_id", Arc::new(named("T", 47))),
        (
            "edge_weight",
            Arc::new(Float64Array::from_iter_values((0..rows).map(|row| (row as f64).sqrt() + tick as f64))),
        ),
    ])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, run, appends, rows] = arguments.as_slice() else {
        return Err("usage: long_run ROOT RUN APPENDS ROWS_PER_APPEND".into());
    };
    let settings = IoSettings::default().with_root_dir(root.as_str())?;
    let store = LocalStore::on(root, Arc::new(Hasty(OsFiles)));
    let dataset = Dataset::with_store(settings, run, Arc::new(store))?;
    let rows = rows.parse()?;
    for tick in 0..appends.parse()? {
        dataset.append(TableName::IdentityEdges, edges(tick, rows)?, AppendOptions::default())?;
    }
    dataset.close()?;
    Ok(())
}
