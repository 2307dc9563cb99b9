//! `files.parquet`: a row for each file of each run. Small files are in the row itself; parts and artifacts lie in other
//! files of the pack, and the row says where.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use crate::part::file::{PartFile, decoding};

/// Row groups of which the contents are kept in memory. Runs are read in order, so a few serve.
const GROUPS_KEPT: usize = 32;

/// Rows in a row group, at most: it is read at once, and a few bytes may claim very many.
const MOST_ROWS: i64 = 1 << 20;

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file of the pack, from this byte on.
    Slice { file: String, offset: u64 },
    /// In the row.
    Row(Vec<u8>),
}

/// A file of a run, to be written.
#[derive(Debug, Clone)]
pub(crate) struct FileRow {
    pub(crate) run: String,
    /// Its path in the directory of the run.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) place: Place,
}

impl FileRow {
    /// The bytes that are in the row.
    pub(crate) fn content(&self) -> Option<&[u8]> {
        match &self.place {
            Place::Row(bytes) => Some(bytes),
            Place::Slice { .. } => None,
        }
    }
}

/// The columns of `files.parquet`. Rows are sorted by `run_id` and `path`.
pub(crate) fn files_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("run_id", DataType::Utf8, false),
        Field::new("path", DataType::Utf8, false),
        Field::new("bytes", DataType::Int64, false),
        Field::new("file", DataType::Utf8, true),
        Field::new("offset", DataType::Int64, true),
        Field::new("content", DataType::Binary, true),
    ]))
}

/// The rows in the columns of [`files_schema`].
pub(crate) fn batch_of(rows: &[FileRow]) -> Result<RecordBatch, ArrowError> {
    let slice = |row: &FileRow| match &row.place {
        Place::Slice { file, offset } => Some((file.clone(), *offset as i64)),
        Place::Row(_) => None,
    };
    let (files, offsets): (Vec<_>, Vec<_>) = rows.iter().map(|row| slice(row).unzip()).unzip();
    RecordBatch::try_new(
        files_schema(),
        vec![
            Arc::new(rows.iter().map(|row| Some(row.run.as_str())).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| Some(row.path.as_str())).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| Some(row.bytes as i64)).collect::<Int64Array>()),
            Arc::new(files.into_iter().collect::<StringArray>()),
            Arc::new(offsets.into_iter().collect::<Int64Array>()),
            Arc::new(rows.iter().map(FileRow::content).collect::<BinaryArray>()),
        ],
    )
}

/// The files of all runs, as they were listed. Contents are read when they are asked for.
#[derive(Debug)]
pub(super) struct Files {
    source: PartFile,
    metadata: ArrowReaderMetadata,
    /// The runs, sorted, each with its range in `entries`.
    runs: Vec<(String, Range<usize>)>,
    entries: Vec<FileEntry>,
    /// The files that slices lie in.
    names: Vec<String>,
    contents: Mutex<VecDeque<(u32, Arc<BinaryArray>)>>,
}

/// A file of a run.
#[derive(Debug)]
pub(super) struct FileEntry {
    /// Its path in the directory of the run.
    pub(super) path: Box<str>,
    pub(super) bytes: u64,
    pub(super) at: At,
}

/// Where the bytes of an entry are.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    /// In the file of this number, from this byte on.
    Slice { file: u32, offset: u64 },
    /// In this row of this row group.
    Row { group: u32, row: u32 },
}

impl Files {
    /// Reads the list. The error says why it is no list of files.
    pub(super) fn read(source: PartFile) -> Result<Self, String> {
        let load = || ArrowReaderMetadata::load(&source, ArrowReaderOptions::new());
        let metadata = decoding(load)?.map_err(|error| error.to_string())?;
        if metadata.schema().fields() != files_schema().fields() {
            return Err("it has other columns than a list of files".to_owned());
        }
        let mut files = Self {
            source,
            metadata,
            runs: Vec::new(),
            entries: Vec::new(),
            names: Vec::new(),
            contents: Mutex::default(),
        };
        let groups = files.metadata.metadata().row_groups();
        if groups.iter().any(|group| group.num_rows() > MOST_ROWS) {
            return Err("a row group claims too many rows".to_owned());
        }
        for group in 0..groups.len() {
            let mut row = 0;
            for batch in files.rows_of(group, &["run_id", "path", "bytes", "file", "offset"])? {
                files.take(&batch, group as u32, &mut row)?;
            }
        }
        let sorted = |(_, range): &(String, Range<usize>)| {
            files.entries.get(range.clone()).is_some_and(|all| all.is_sorted_by(|a, b| a.path < b.path))
        };
        if !files.runs.is_sorted_by(|one, other| one.0 < other.0) || !files.runs.iter().all(sorted) {
            return Err("it is not sorted".to_owned());
        }
        Ok(files)
    }

    fn rows_of(&self, group: usize, columns: &[&str]) -> Result<Vec<RecordBatch>, String> {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.source.clone(), self.metadata.clone());
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        let builder = builder.with_row_groups(vec![group]).with_projection(mask);
        let read = || builder.build()?.collect::<Result<Vec<_>, _>>().map_err(Into::into);
        let read = decoding::<Result<Vec<RecordBatch>, parquet::errors::ParquetError>>(read);
        read?.map_err(|error| error.to_string())
    }

    fn take(&mut self, batch: &RecordBatch, group: u32, row: &mut u32) -> Result<(), String> {
        let (runs, paths) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        let (bytes, offsets) =
            (batch.column(2).as_primitive::<Int64Type>(), batch.column(4).as_primitive::<Int64Type>());
        let names = batch.column(3).as_string::<i32>();
        let number = |value: i64| u64::try_from(value).map_err(|_| "it has a negative number".to_owned());
        for place in 0..batch.num_rows() {
            let at = if names.is_null(place) {
                At::Row { group, row: *row }
            } else {
                if offsets.is_null(place) {
                    return Err("a file has no offset".to_owned());
                }
                At::Slice { file: self.name(names.value(place)), offset: number(offsets.value(place))? }
            };
            *row += 1;
            let run = runs.value(place);
            if self.runs.last().is_none_or(|(last, _)| last != run) {
                self.runs.push((run.to_owned(), self.entries.len()..self.entries.len()));
            }
            let path = paths.value(place).into();
            self.entries.push(FileEntry { path, bytes: number(bytes.value(place))?, at });
            if let Some((_, range)) = self.runs.last_mut() {
                range.end = self.entries.len();
            }
        }
        Ok(())
    }

    /// The number of a file of the pack. There is one for each table: few.
    fn name(&mut self, name: &str) -> u32 {
        let known = self.names.iter().position(|known| known == name);
        let place = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        place as u32
    }

    /// The files that slices lie in, by number.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The ids of all runs, sorted.
    pub(super) fn runs(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().map(|(run, _)| run.as_str())
    }

    /// The files of a run, sorted by path; none if there is no such run.
    pub(super) fn of_run(&self, run: &str) -> &[FileEntry] {
        let place = self.runs.binary_search_by(|(known, _)| known.as_str().cmp(run));
        let range = place.ok().and_then(|place| self.runs.get(place)).map(|(_, range)| range.clone());
        range.and_then(|range| self.entries.get(range)).unwrap_or_default()
    }

    /// The file at `path` in the directory of a run.
    pub(super) fn find(&self, run: &str, path: &str) -> Option<&FileEntry> {
        let files = self.of_run(run);
        let place = files.binary_search_by(|entry| (*entry.path).cmp(path)).ok()?;
        files.get(place)
    }

    /// The contents of a row group.
    fn contents_of(&self, group: u32) -> Result<Arc<BinaryArray>, String> {
        let kept = || self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut kept = kept();
            let place = kept.iter().position(|(known, _)| *known == group);
            // The one that was used last goes to the end.
            if let Some(found) = place.and_then(|place| kept.remove(place)) {
                kept.push_back(found.clone());
                return Ok(found.1);
            }
        }
        let batches = self.rows_of(group as usize, &["content"])?;
        let columns: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(0) as &dyn Array).collect();
        let column = concat(&columns).map_err(|error| error.to_string())?;
        let column = Arc::new(column.as_binary::<i32>().clone());
        let mut kept = kept();
        if kept.len() >= GROUPS_KEPT {
            kept.pop_front();
        }
        kept.push_back((group, Arc::clone(&column)));
        Ok(column)
    }

    /// The bytes in a row. The error says what is wrong with the list.
    pub(super) fn content(&self, group: u32, row: u32) -> Result<Bytes, String> {
        let column = self.contents_of(group)?;
        let row = row as usize;
        if row >= column.len() || column.is_null(row) {
            return Err("a file has neither bytes nor a place".to_owned());
        }
        Ok(Bytes::copy_from_slice(column.value(row)))
    }
}

/// Finds every file by its run and path, and reads those that are in the list.
#[cfg(feature = "fuzzing")]
pub(super) fn look_at_all(files: &Files) -> Result<(), String> {
    for run in files.runs() {
        for entry in files.of_run(run) {
            assert!(files.find(run, &entry.path).is_some(), "a file of the list is not found");
            if let At::Row { group, row } = entry.at {
                files.content(group, row)?;
            }
        }
    }
    Ok(())
}
