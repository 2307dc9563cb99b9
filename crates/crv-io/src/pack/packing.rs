//! The files of a pack while they are written.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use crv_core::ids::RunId;
use crv_core::tables::TableId;
use fs_err as fs;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::PackedTable;
use super::part::{PackedPart, PartLayout};
use super::run::{OpenRun, Placed, Places};
use super::table::{Failed, Output, TableFile};
use super::unfinished::{cannot_write, table_failed, write_failed};
use crate::catalog::{Catalog, RunRow, SchemaUnion};
use crate::config::IoSettings;
use crate::error::{Error, Result};
use crate::manifest::Part;
use crate::packed::{
    ARTIFACTS, DOCUMENT, FILES, FileRow, INDEX, PackDocument, PackStore, PackedFile, RUNS, batch_of,
    files_schema, numbered_table_file, table_file,
};
use crate::parallel;
use crate::paths::BucketId;
use crate::read::Scan;
use crate::stamp;
use crate::store::Store;

/// Small files of runs are written in row groups of about so many bytes: a reader of one of them reads its row group.
const GROUP_BYTES: u64 = 256 * 1024;
const GROUP_ROWS: usize = 64 * 1024;

/// The files of a pack that are being written.
pub(super) struct Packing<'a> {
    dir: &'a Path,
    tables: BTreeMap<TableId, PackingTable>,
    artifacts: Output,
    list: ArrowWriter<fs::File>,
    /// Rows of the list that are not written yet, and how many bytes they hold.
    listed: Vec<FileRow>,
    listed_bytes: u64,
    /// Runs without files.
    empty: Vec<RunId>,
    /// Row groups in a file, at most.
    most_groups: usize,
}

pub(super) struct PackingTable {
    file: TableFile,
    layout: PartLayout,
    runs: usize,
    /// The files that are complete: their names and their rows.
    done: Vec<(String, u64, PackedFile)>,
}

impl PackingTable {
    fn name(&self) -> String {
        numbered_table_file(self.file.table(), self.done.len() + 1)
    }

    /// Appends a part, to another file if this one has as many row groups as it may have.
    fn append(&mut self, dir: &Path, packed: PackedPart, bucket: BucketId, most: usize) -> Result<Placed> {
        if self.file.groups() > 0 && self.file.groups() + packed.footer.num_row_groups() > most {
            let next = numbered_table_file(self.file.table(), self.done.len() + 2);
            let file = TableFile::create(&dir.join(&next), self.file.table(), self.layout.schema());
            let file = file.map_err(|failed| table_failed(&dir.join(&next), failed))?;
            let full = std::mem::replace(&mut self.file, file);
            complete(dir, full, &mut self.done)?;
        }
        let name = self.name();
        let appended = self.file.append(&packed);
        let offset = appended.map_err(|failed| table_failed(&dir.join(&name), failed))?;
        Ok(Placed { bucket, part: packed.part, file: name, offset })
    }
}

/// Completes a file of a table, after those that are done.
fn complete(dir: &Path, file: TableFile, done: &mut Vec<(String, u64, PackedFile)>) -> Result<()> {
    let (name, rows) = (numbered_table_file(file.table(), done.len() + 1), file.rows());
    let file = file.finish().map_err(|failed| table_failed(&dir.join(&name), failed))?;
    done.push((name, rows, file));
    Ok(())
}

impl<'a> Packing<'a> {
    pub(super) fn begin(
        settings: &IoSettings,
        dir: &'a Path,
        schemas: BTreeMap<TableId, SchemaUnion>,
        most_groups: usize,
    ) -> Result<Self> {
        let mut tables = BTreeMap::new();
        for (table, union) in schemas {
            let schema = Arc::new(union.finish());
            let path = dir.join(table_file(table));
            let file =
                TableFile::create(&path, table, &schema).map_err(|failed| table_failed(&path, failed))?;
            let layout = PartLayout::new(settings.clone(), schema, file.part_columns());
            tables.insert(table, PackingTable { file, layout, runs: 0, done: Vec::new() });
        }
        let (artifacts, list) = (dir.join(ARTIFACTS), dir.join(FILES));
        let artifacts = Output::create(&artifacts).map_err(|error| write_failed(&artifacts, error))?;
        let writer = || -> std::result::Result<_, Failed> {
            let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(&list)?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .set_column_dictionary_enabled("content".into(), false);
            Ok(ArrowWriter::try_new(file, files_schema(), Some(properties.build()))?)
        };
        let list = writer().map_err(|failed| table_failed(&list, failed))?;
        Ok(Self {
            dir,
            tables,
            artifacts,
            list,
            listed: Vec::new(),
            listed_bytes: 0,
            empty: Vec::new(),
            most_groups,
        })
    }

    /// The runs that were added and have no files.
    pub(super) fn empty(&self) -> &[RunId] {
        &self.empty
    }

    /// Adds runs, in the order of their ids.
    pub(super) fn add(&mut self, runs: &[OpenRun], done: impl Fn(usize)) -> Result<()> {
        for run in runs {
            if let Some(scan) = run.scans.iter().find(|scan| !self.tables.contains_key(&scan.table())) {
                return Err(run.has_changed(scan.table()));
            }
        }
        // The parts of several runs are made side by side, a few at a time, which bounds memory.
        let buckets: Vec<(usize, usize, BucketId, Vec<Part>)> = runs
            .iter()
            .enumerate()
            .flat_map(|(run, open)| {
                open.buckets().map(move |(scan, bucket, parts)| (run, scan, bucket, parts))
            })
            .collect();
        let mut places: BTreeMap<(usize, usize), Places> = BTreeMap::new();
        let mut listed = 0;
        for some in buckets.chunks(parallel::computing() * 4) {
            // Every run before the first of these has all its parts.
            let first = some.first().map_or(listed, |(run, ..)| *run);
            self.list_runs(runs, listed..first, &mut places, &done)?;
            listed = first;
            let tables = &self.tables;
            let made = parallel::map(some, parallel::computing(), |(run, scan, bucket, parts)| {
                let run = runs.get(*run).ok_or_else(|| Error::argument("a run was left out"))?;
                run.pack(*scan, *bucket, parts, |table| tables.get(&table).map(|table| &table.layout))
            })?;
            for ((run, scan, bucket, _), packed) in some.iter().zip(made) {
                let part = self.append(runs, *run, *scan, packed, *bucket)?;
                places.entry((*run, *scan)).or_default().push(part);
            }
        }
        self.list_runs(runs, listed..runs.len(), &mut places, &done)
    }

    fn append(
        &mut self,
        runs: &[OpenRun],
        run: usize,
        scan: usize,
        packed: PackedPart,
        bucket: BucketId,
    ) -> Result<Placed> {
        let table = runs.get(run).and_then(|run| run.scans.get(scan)).map(Scan::table);
        let table = table.and_then(|table| self.tables.get_mut(&table));
        let table = table.ok_or_else(|| Error::argument("a table was left out"))?;
        table.append(self.dir, packed, bucket, self.most_groups)
    }

    /// Lists the files of these runs, whose parts are all written.
    fn list_runs(
        &mut self,
        runs: &[OpenRun],
        which: Range<usize>,
        places: &mut BTreeMap<(usize, usize), Places>,
        done: &impl Fn(usize),
    ) -> Result<()> {
        for place in which {
            let Some(run) = runs.get(place) else { continue };
            let mut parts = Vec::with_capacity(run.scans.len());
            for (at, scan) in run.scans.iter().enumerate() {
                let Some(table) = self.tables.get_mut(&scan.table()) else { continue };
                table.runs += 1;
                let parts_of = places.remove(&(place, at)).unwrap_or_default();
                parts.push((Arc::clone(table.layout.schema()), parts_of));
            }
            let files = run.files(&parts, &mut self.artifacts)?;
            if files.is_empty() {
                self.empty.push(run.id().clone());
            }
            for row in files {
                self.listed_bytes += row.content().map_or(0, |content| content.len() as u64);
                self.listed.push(row);
                if self.listed_bytes >= GROUP_BYTES || self.listed.len() >= GROUP_ROWS {
                    self.write_list()?;
                }
            }
            done(place + 1);
        }
        Ok(())
    }

    /// Writes the listed files as a row group.
    fn write_list(&mut self) -> Result<()> {
        let path = self.dir.join(FILES);
        let rows = std::mem::take(&mut self.listed);
        self.listed_bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let batch = batch_of(&rows).map_err(|error| cannot_write(&path, &error))?;
        let mut write = || {
            self.list.write(&batch)?;
            self.list.flush()
        };
        write().map_err(|error| table_failed(&path, error.into()))
    }

    /// Completes all files.
    pub(super) fn finish(
        mut self,
        settings: &IoSettings,
        rows: &[RunRow],
    ) -> Result<(PackDocument, Vec<PackedTable>)> {
        self.write_list()?;
        let mut files: BTreeMap<String, PackedFile> = BTreeMap::new();
        let mut tables = Vec::with_capacity(self.tables.len());
        for (table, PackingTable { file, mut done, runs, .. }) in self.tables {
            complete(self.dir, file, &mut done)?;
            let rows = done.iter().map(|(_, rows, _)| rows).sum();
            let bytes = done.iter().map(|(_, _, file)| file.bytes).sum();
            tables.push(PackedTable { table, runs, rows, bytes });
            files.extend(done.into_iter().map(|(name, _, file)| (name, file)));
        }
        let path = self.artifacts.path().to_owned();
        if self.artifacts.bytes() > 0 {
            let file = self.artifacts.finish(None).map_err(|error| write_failed(&path, error))?;
            files.insert(ARTIFACTS.to_owned(), file);
        } else {
            drop(self.artifacts);
            fs::remove_file(&path).map_err(|error| write_failed(&path, error))?;
        }
        let path = self.dir.join(FILES);
        let mut list = self.list;
        let mut close = || -> std::result::Result<PackedFile, Failed> {
            let rows = list.finish()?.file_metadata().num_rows();
            list.inner().sync_all()?;
            whole_file(&path, u64::try_from(rows).ok()).map_err(Failed::Disk)
        };
        files.insert(FILES.to_owned(), close().map_err(|failed| table_failed(&path, failed))?);
        files.insert(RUNS.to_owned(), write_runs(&self.dir.join(RUNS), &Catalog::parquet_frame(rows)?)?);
        let mut document = PackDocument {
            format: PackDocument::FORMAT,
            created_at: stamp::text(stamp::now()),
            runs: rows.len() as u64,
            files,
        };
        let path = self.dir.join(DOCUMENT);
        write_document(&path, &document)?;
        // The pack reads itself, and so knows what a catalogue will find in it.
        let pack: Arc<dyn Store> = Arc::new(PackStore::open_alone(&self.dir.to_string_lossy())?);
        let ids: Vec<RunId> = rows.iter().map(|run| run.run_id.clone()).collect();
        let index = Catalog::whole_index(settings, &pack, &ids)?;
        document.files.insert(INDEX.to_owned(), write_file(&self.dir.join(INDEX), &index)?);
        fs::remove_file(&path).map_err(|error| write_failed(&path, error))?;
        write_document(&path, &document)?;
        Ok((document, tables))
    }
}

fn write_document(path: &Path, document: &PackDocument) -> Result<()> {
    let text = serde_json::to_vec_pretty(document).map_err(|error| cannot_write(path, &error))?;
    write_file(path, &text).map(drop)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<PackedFile> {
    let write = || {
        let mut output = Output::create(path)?;
        output.write(bytes)?;
        output.finish(None)
    };
    write().map_err(|error| write_failed(path, error))
}

/// The size and checksum of a file that was written.
fn whole_file(path: &Path, rows: Option<u64>) -> io::Result<PackedFile> {
    let bytes = fs::read(path)?;
    let crc32c = format!("{:08x}", crc32c::crc32c(&bytes));
    Ok(PackedFile { bytes: bytes.len() as u64, crc32c, rows })
}

/// Writes the runs as a table.
fn write_runs(path: &Path, runs: &RecordBatch) -> Result<PackedFile> {
    let write = || -> std::result::Result<PackedFile, Failed> {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
        let mut writer = ArrowWriter::try_new(Vec::new(), runs.schema(), Some(properties.build()))?;
        writer.write(runs)?;
        let bytes = writer.into_inner()?;
        let mut output = Output::create(path)?;
        output.write(&bytes)?;
        Ok(output.finish(Some(runs.num_rows() as u64))?)
    };
    write().map_err(|failed| table_failed(path, failed))
}
