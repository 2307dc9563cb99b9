//! What must be found again: each writer records its transactions and their outcomes in a file outside the run.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::model::{Model, Row, Told, tables};

/// The distance between the first ids of two successive writers.
pub const APART: i64 = 1_000_000;

/// The file of one writer. Each line is a single write, so a kill leaves whole lines.
#[derive(Debug)]
pub struct Expected {
    file: fs::File,
}

/// The directory of the files for a run.
pub fn dir(root: &Path, run: &str) -> PathBuf {
    root.join("expected").join(run)
}

impl Expected {
    /// Opens the file of the writer whose ids begin at `first`.
    pub fn open(root: &Path, run: &str, first: i64) -> Result<Self, String> {
        let dir = dir(root, run);
        fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        let mut options = fs::OpenOptions::new();
        let file = options.create(true).append(true).open(dir.join(format!("{first}")));
        Ok(Self { file: file.map_err(|error| error.to_string())? })
    }

    /// Appends one line: `begin 17`, `committed 17`, `failed 17`.
    pub fn note(&mut self, word: &str, id: i64) -> Result<(), String> {
        self.file.write_all(format!("{word} {id}\n").as_bytes()).map_err(|error| error.to_string())
    }
}

/// The rows of the transaction `id`: one in each table.
pub fn rows(id: i64) -> BTreeMap<crv_core::tables::TableId, Vec<Row>> {
    tables().into_iter().map(|table| (table, vec![Row { tick: id % APART, id }])).collect()
}

/// Reads the model from all files of a run.
pub fn model(root: &Path, run: &str) -> Result<Model, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut model = Model::default();
    for entry in fs::read_dir(dir(root, run)).map_err(failed)? {
        let text = fs::read_to_string(entry.map_err(failed)?.path()).map_err(failed)?;
        let mut newest = None;
        for line in text.lines() {
            let (word, id) = line.split_once(' ').ok_or_else(|| format!("unrecognized line `{line}`"))?;
            let id: i64 = id.parse().map_err(|_| format!("unrecognized line `{line}`"))?;
            match (word, newest) {
                ("begin", _) => {
                    let entry = model.begin(rows(id), 0);
                    model.tell(entry, 0, Told::Unknown);
                    newest = Some(entry);
                }
                ("committed", Some(entry)) => model.tell(entry, 0, Told::Committed),
                ("failed", Some(entry)) => model.tell(entry, 0, Told::Failed),
                _ => return Err(format!("unrecognized line `{line}`")),
            }
        }
    }
    Ok(model)
}
