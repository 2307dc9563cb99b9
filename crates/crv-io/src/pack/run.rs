//! One run of a pack: what is read of it, and what it consists of in the pack.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::ids::RunId;
use crv_core::tables::TableId;

use super::PackOptions;
use super::part::{Bucket, PackedPart, PartLayout};
use super::table::Output;
use super::unfinished::write_failed;
use crate::catalog::Catalog;
use crate::commit::Base;
use crate::commit::decoders::encode_base;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{self, Part, TableState};
use crate::packed::{ARTIFACTS, FileRow, Place};
use crate::paths::{BucketId, CommitNumber, StorePath};
use crate::read::Scan;
use crate::schema::TableSchema;
use crate::store::{EntryKind, StoreError};

/// A run that is open, as of one commit.
#[derive(Debug)]
pub(super) struct OpenRun {
    dataset: Dataset,
    head: CommitNumber,
    /// Its tables, by name.
    pub(super) scans: Vec<Scan>,
}

/// The parts of a table in the pack.
pub(super) type Places = Vec<Placed>;

/// A part in the pack.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) bucket: BucketId,
    pub(super) part: Part,
    /// The file of the pack that it lies in, and where it begins.
    pub(super) file: String,
    pub(super) offset: u64,
}

impl OpenRun {
    pub(super) fn open(catalog: &Catalog, run: &RunId, options: &PackOptions) -> Result<Self> {
        let dataset =
            Dataset::with_store(catalog.settings().clone(), run.as_str(), Arc::clone(catalog.store()))?;
        let mut tables = dataset.tables()?;
        if let Some(wanted) = &options.tables {
            tables.retain(|table| wanted.contains(table));
        }
        tables.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        let scans = dataset.scans_at_once(&tables)?;
        let head = scans.iter().map(|scan| scan.state().commit).max();
        let head = head.map_or_else(|| dataset.log().head(), Ok)?;
        Ok(Self { dataset, head, scans })
    }

    pub(super) fn id(&self) -> &RunId {
        self.dataset.run_id()
    }

    /// The error for a table that is new, or has other columns, since the pack was begun.
    pub(super) fn has_changed(&self, table: TableId) -> Error {
        let text = format!("run `{}`: table `{table}` has changed while it was packed", self.id());
        Error::new(ErrorKind::Conflict, text).with_hint("pack again when nothing writes to the run")
    }

    /// The buckets of all tables: the place of the table's scan, the bucket and its parts.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (usize, BucketId, Vec<Part>)> {
        self.scans.iter().enumerate().flat_map(|(place, scan)| {
            let buckets = scan.state().partitions().iter();
            buckets.map(move |(bucket, partition)| (place, *bucket, partition.parts().to_vec()))
        })
    }

    /// Makes the part of a bucket.
    pub(super) fn pack<'a>(
        &self,
        scan: usize,
        id: BucketId,
        parts: &[Part],
        layout: impl Fn(TableId) -> Option<&'a PartLayout>,
    ) -> Result<PackedPart> {
        let missing = || Error::argument("a table was left out");
        let scan = self.scans.get(scan).ok_or_else(missing)?;
        let layout = layout(scan.table()).ok_or_else(missing)?;
        if !layout.schema().covers(scan.table_schema()) {
            return Err(self.has_changed(scan.table()));
        }
        let descriptor = scan.state().descriptor();
        layout.pack(&Bucket { run: self.id(), scan, id, descriptor, parts: parts.to_vec() })
    }

    /// The files of the run in the pack, sorted by path. Artifacts are copied to `artifacts`. `tables` are those of the
    /// scans: the schema over all runs, and the parts.
    pub(super) fn files(
        &self,
        tables: &[(Arc<TableSchema>, Places)],
        artifacts: &mut Output,
    ) -> Result<Vec<FileRow>> {
        let (store, paths) = self.dataset.storage();
        let mut files: Vec<(StorePath, u64, Place)> = Vec::new();
        for path in [paths.facts(), paths.status()] {
            let read = store.read(&path).map_err(|error| read_failed(&error))?;
            files.extend(read.map(|(bytes, _)| (path, bytes.len() as u64, Place::Row(bytes.to_vec()))));
        }
        let mut states: BTreeMap<TableId, TableState> = BTreeMap::new();
        for (scan, (schema, places)) in self.scans.iter().zip(tables) {
            let table = scan.table();
            let state = self.state_of(scan, schema, places);
            for Placed { bucket, part, file, offset } in places {
                let place = Place::Slice { file: file.clone(), offset: *offset };
                files.push((paths.part(table, *bucket, part.id), part.bytes, place));
            }
            let manifest = manifest::encode(&state).map_err(|error| cannot_list(self.id(), &error))?;
            files.push((paths.manifest(table), manifest.len() as u64, Place::Row(manifest)));
            states.insert(table, state);
        }
        if self.head > CommitNumber::ZERO {
            let base = Base { through: self.head, tables: states, ids: Vec::new() };
            let base = encode_base(&base).map_err(|error| cannot_list(self.id(), &error))?;
            files.push((paths.base(), base.len() as u64, Place::Row(base)));
        }
        self.copy_artifacts(&paths.artifacts(), artifacts, &mut files)?;
        let rows = files.into_iter().filter_map(|(path, bytes, place)| {
            let path = path.relative_to(paths.root())?.to_owned();
            Some(FileRow { run: self.id().to_string(), path, bytes, place })
        });
        let mut rows: Vec<FileRow> = rows.collect();
        rows.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(rows)
    }

    /// The table's state in the pack: its columns in this run, with the fields and types that they have over all runs.
    fn state_of(&self, scan: &Scan, all: &TableSchema, places: &Places) -> TableState {
        let known = scan.state();
        let mut state = TableState::new(known.table, known.tick_bucket_size, self.head, known.created_at);
        state.updated_at = known.updated_at;
        state.declared.clone_from(&known.declared);
        state.schema = known.schema.as_ref().map(|own| {
            let fields = own.fields.iter().map(|field| {
                let mut united = all.field(&field.name).unwrap_or(field).clone();
                united.required = field.required;
                united
            });
            Arc::new(TableSchema { fields: fields.collect() })
        });
        for Placed { bucket, part, .. } in places {
            state.add(*bucket, part.clone());
        }
        state
    }

    fn copy_artifacts(
        &self,
        dir: &StorePath,
        to: &mut Output,
        files: &mut Vec<(StorePath, u64, Place)>,
    ) -> Result<()> {
        const AT_ONCE: u64 = 1 << 20;
        let (store, _) = self.dataset.storage();
        for entry in store.list(dir, None).map_err(|error| read_failed(&error))? {
            let refused = || {
                let text = format!(
                    "run `{}`: artifact `{}/{}` is no plain file",
                    self.id(),
                    store.locate(dir),
                    entry.name
                );
                Error::argument(text).with_hint(
                    "a pack has files with plain names: no links, no `\\` in a name; rename or remove it",
                )
            };
            let path = dir.entry(&entry.name).ok_or_else(refused)?;
            match entry.kind {
                EntryKind::Directory => self.copy_artifacts(&path, to, files)?,
                // There may be no other artifact, and no file for them.
                EntryKind::Object(0) => files.push((path, 0, Place::Row(Vec::new()))),
                EntryKind::Object(_) => {
                    let Some(blob) = store.open(&path).map_err(|error| read_failed(&error))? else {
                        continue;
                    };
                    let offset = to.bytes();
                    let mut at = 0;
                    while at < blob.size() {
                        let length = AT_ONCE.min(blob.size() - at);
                        let bytes = blob.read_at(at, length as usize);
                        let failed =
                            |error| read_failed(&StoreError::new("read", store.locate(&path), error));
                        let shown = to.path().to_owned();
                        to.write(&bytes.map_err(failed)?).map_err(|error| write_failed(&shown, error))?;
                        at += length;
                    }
                    files.push((path, at, Place::Slice { file: ARTIFACTS.to_owned(), offset }));
                }
                EntryKind::Other => return Err(refused()),
            }
        }
        Ok(())
    }
}

fn read_failed(error: &StoreError) -> Error {
    Error::new(ErrorKind::Read, error.to_string())
}

fn cannot_list(run: &RunId, why: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Write, format!("run `{run}` cannot be packed: {why}"))
}
