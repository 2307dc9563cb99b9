//! Rebuilds a table's manifest from the parts on disk.
//!
//! Entries are made from the parts' footers. The log and the old manifest, if it is readable, determine which parts are
//! live: a part that neither names was never committed and is left out. Only if both are missing is every part on disk
//! taken as live.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crv_core::tables::TableId;

use crate::commit::{Change, Known, LogReader, Operation, Plan, Publisher, TableChange};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Part, TableManifest, TableState, check_part};
use crate::parallel;
use crate::part::footer::{self, PartFooter, Undecided};
use crate::paths::{BucketId, PartId, StorePath};
use crate::schema::TableSchema;
use crate::stamp;
use crate::store::EntryKind;

/// The report of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildReport {
    /// The manifest that was written.
    pub manifest: TableManifest,
    /// Parts that it names.
    pub parts: u64,
    /// Rows of these parts.
    pub rows: u64,
    /// Parts on disk that are left out: not live, or their rows are in merged parts. They are harmless.
    pub left_out: Vec<String>,
    /// Live parts that are not on disk: their rows are lost.
    pub missing: Vec<String>,
}

/// A part's place: its bucket and its id.
type Place = (BucketId, PartId);

/// Rebuilds the manifest of `table`, and publishes what differs from the log.
pub(crate) fn rebuild(publisher: &Publisher, table: TableId) -> Result<RebuildReport> {
    publisher.with_table_lost(table, |known| plan(publisher.log(), table, known))
}

fn plan(log: &LogReader, table: TableId, known: &Known) -> Result<Plan<RebuildReport>> {
    let on_disk = parts_on_disk(log, table)?;
    let entries: HashMap<Place, &Part> = known
        .state
        .partitions()
        .iter()
        .flat_map(|(bucket, partition)| partition.parts().iter().map(|part| ((*bucket, part.id), part)))
        .collect();
    let counts = |place: &Place| {
        if known.tells {
            entries.contains_key(place)
        } else {
            known.logged.get(place).copied().unwrap_or(true)
        }
    };
    let (live, left_out): (Vec<Place>, Vec<Place>) = on_disk.iter().copied().partition(counts);
    let mut missing: Vec<Place> = entries.keys().filter(|place| !on_disk.contains(place)).copied().collect();
    missing.sort_unstable();

    let footers = parallel::map(&live, parallel::WAITING, |(bucket, id)| {
        footer::read(&*log.store, &log.paths.part(table, *bucket, *id), table, Undecided::Read)
            .map_err(|error| error.in_context(log.name(table)))
    })?;
    let mut footers: HashMap<Place, PartFooter> = live.into_iter().zip(footers).collect();
    let mut left_out = left_out;
    // No row may occur twice: parts whose rows are in a merged part are left out. They are found here if it is unknown
    // which parts are live, or if an earlier version added them beside the merged part.
    let doubled = superseded(log, table, &footers)?;
    footers.retain(|place, _| !doubled.contains(place));
    left_out.extend(doubled.iter().copied());
    left_out.sort_unstable();

    let mut rebuilt = Rebuilt::new(log, table, known, footers.values());
    // Known parts come in their order, unknown ones by tick.
    for (bucket, partition) in known.state.partitions() {
        for part in partition.parts() {
            if let Some(found) = footers.get(&(*bucket, part.id)) {
                rebuilt.add((*bucket, part.id), Some(part), found)?;
            }
        }
    }
    let mut unknown: Vec<_> = footers.iter().filter(|(place, _)| !entries.contains_key(place)).collect();
    unknown.sort_by_key(|((bucket, id), found)| (*bucket, found.ticks.map(|ticks| ticks.min), *id));
    for (place, found) in unknown {
        rebuilt.add(*place, None, found)?;
    }
    rebuilt.finish(known, &left_out, &missing, &doubled)
}

/// The parts whose rows are also in another part of their bucket.
fn superseded(
    log: &LogReader,
    table: TableId,
    footers: &HashMap<Place, PartFooter>,
) -> Result<HashSet<Place>> {
    let mut by_bucket: BTreeMap<BucketId, Vec<(PartId, &[PartId])>> = BTreeMap::new();
    for ((bucket, id), footer) in footers {
        by_bucket.entry(*bucket).or_default().push((*id, &footer.columns.merged_from));
    }
    log.superseded(table, &by_bucket)
}

/// Builds a table's new state.
struct Rebuilt<'a> {
    log: &'a LogReader,
    table: TableId,
    size: u64,
    schema: TableSchema,
    state: TableState,
}

impl<'a> Rebuilt<'a> {
    fn new<'b>(
        log: &'a LogReader,
        table: TableId,
        known: &Known,
        footers: impl Iterator<Item = &'b PartFooter>,
    ) -> Self {
        let size = known.state.tick_bucket_size.unwrap_or(log.tick_bucket_size());
        let mut state = TableState::new(table, Some(size), known.state.commit, known.state.created_at);
        state.updated_at = stamp::now();
        state.copy_notes(&known.state);
        state.declared.clone_from(&known.state.declared);
        footers.for_each(|footer| state.learn_declaration(footer.columns.declared.as_ref()));
        let schema = match &known.state.schema {
            Some(schema) => TableSchema::clone(schema),
            None => TableSchema::clone(state.descriptor().schema()),
        };
        Self { log, table, size, schema, state }
    }

    fn add(&mut self, (bucket, id): Place, entry: Option<&Part>, found: &PartFooter) -> Result<()> {
        let path = self.log.paths.part(self.table, bucket, id);
        let bad = |why: &str| {
            let path = self.log.store.locate(&path);
            Error::manifest(format!("{}: part `{path}` cannot be added: {why}", self.log.name(self.table)))
                .with_hint("move the file out of the table's directory, then rebuild again")
        };
        // A part without rows has no ticks.
        let Some(ticks) = found.ticks else { return Ok(()) };
        let unchanged = entry.filter(|entry| entry.bytes == found.bytes);
        let part = Part {
            id,
            rows: found.rows,
            bytes: found.bytes,
            ticks,
            created_at: entry.map_or_else(stamp::now, |entry| entry.created_at),
            crc32c: unchanged.and_then(|entry| entry.crc32c),
            provisional: found.columns.provisional,
        };
        check_part(bucket, &part, Some(self.size)).map_err(|why| bad(&why))?;
        self.schema = self
            .schema
            .union_with_part(&found.columns.schema)
            .map_err(|conflict| bad(&conflict.to_string()))?;
        self.state.add(bucket, part);
        Ok(())
    }

    fn finish(
        mut self,
        known: &Known,
        left_out: &[Place],
        missing: &[Place],
        doubled: &HashSet<Place>,
    ) -> Result<Plan<RebuildReport>> {
        if self.state.part_count() == 0 && known.state.is_unwritten() {
            self.log.check_exists()?;
            if !known.state.is_defined() {
                return Err(self.log.undeclared(self.table));
            }
            let text = format!("{} has no parts on disk", self.log.name(self.table));
            return Err(Error::new(ErrorKind::NotFound, text).with_hint("check the run id and root_dir"));
        }
        let add: Vec<(BucketId, Part)> = self
            .state
            .partitions()
            .iter()
            .flat_map(|(bucket, partition)| partition.parts().iter().map(|part| (*bucket, part.clone())))
            .filter(|(bucket, part)| !known.logged.contains_key(&(*bucket, part.id)))
            .collect();
        let logged = |place: &&Place| known.logged.get(*place) == Some(&true);
        let mut remove: Vec<Place> = missing.iter().chain(doubled).filter(logged).copied().collect();
        remove.sort_unstable();
        self.state.note_removed(&remove, stamp::now());
        let schema = Arc::new(self.schema);
        let change = (!add.is_empty() || !remove.is_empty()).then(|| {
            let change = TableChange {
                add,
                remove,
                declared: self.state.declared.clone(),
                schema: Some(Arc::clone(&schema)),
                tick_bucket_size: Some(self.size),
            };
            Change { operation: Operation::Rebuild, tables: BTreeMap::from([(self.table, change)]) }
        });
        self.state.schema = Some(schema);
        let name =
            |(bucket, id): &Place| self.log.store.locate(&self.log.paths.part(self.table, *bucket, *id));
        let report = RebuildReport {
            manifest: TableManifest::from(&self.state),
            parts: self.state.part_count(),
            rows: self.state.rows(),
            left_out: left_out.iter().map(name).collect(),
            missing: missing.iter().map(name).collect(),
        };
        Ok(Plan { state: self.state, change, report })
    }
}

/// Every part of the table on disk, committed or not. Unrecognized names are ignored.
fn parts_on_disk(log: &LogReader, table: TableId) -> Result<Vec<Place>> {
    let list = |dir: &StorePath| log.store.list(dir, None).map_err(|error| log.read_failed(error));
    let mut buckets = Vec::new();
    for entry in list(&log.paths.table(table))? {
        if entry.kind == EntryKind::Directory {
            buckets.extend(BucketId::parse_dir_name(&entry.name));
        }
    }
    let found = parallel::map(&buckets, parallel::WAITING, |bucket| {
        let entries = list(&log.paths.bucket(table, *bucket))?;
        let files = entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Object(_)));
        let ids = files.filter_map(|entry| PartId::parse_file_name(&entry.name));
        Ok::<_, Error>(ids.map(|id| (*bucket, id)).collect::<Vec<_>>())
    })?;
    let mut found: Vec<Place> = found.into_iter().flatten().collect();
    found.sort_unstable();
    Ok(found)
}
