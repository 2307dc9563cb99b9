//! Transactions: rows for several tables that become visible together or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::Schema;
use crv_core::ids::RunId;
use crv_core::tables::TableId;
use parquet::errors::ParquetError;

use super::checkpoint::{CheckpointOptions, older};
use super::options::AppendOptions;
use super::split::{BucketRows, split};
use super::stage::Staging;
use super::summary::{AppendSummary, PartSummary, TransactionSummary};
use crate::commit::{Append, Definition, Draft, LogReader, Publisher, TableChange};
use crate::config::IoSettings;
use crate::error::{Error, ErrorKind, Result};
use crate::maintenance::compact::Background;
use crate::manifest::Part;
use crate::parallel;
use crate::part::{Dictionaries, Encoder};
use crate::paths::{CommitNumber, StorePath};
use crate::schema::{Descriptor, TableSchema};
use crate::stamp;
use crate::validate::{PrepareOptions, Prepared, ValidationError, check_empty, check_nesting, prepare};
use crv_schema::Frame;

/// Up to this many rows are kept unencoded until the commit, so that the parts of a tick are encoded in parallel.
/// Beyond it, rows are encoded as they are appended.
const ROWS_KEPT: u64 = 16 * 1024;

/// Appends to several tables as one commit.
///
/// Rows are validated on append, and parts may be staged; nothing is visible before
/// [`commit`](Transaction::commit). Dropping a transaction removes its staged parts.
#[derive(Debug)]
#[must_use = "a transaction that is not committed writes nothing"]
pub struct Transaction {
    publisher: Arc<Publisher>,
    settings: Arc<IoSettings>,
    background: Arc<Background>,
    dictionaries: Arc<Dictionaries>,
    staging: Staging,
    schemas: BTreeMap<TableId, Pending>,
    kept: Vec<Kept>,
    /// How many rows are in `kept`.
    rows_kept: u64,
    summaries: Vec<AppendSummary>,
    /// The newest tick of all rows.
    newest: Option<i64>,
    /// The options of the checkpoint, if one was added.
    pub(super) checkpoint: Option<CheckpointOptions>,
    /// Whether storage failed during an append: then the transaction no longer holds all rows.
    broken: bool,
}

/// Rows that are validated but not yet encoded.
#[derive(Debug)]
struct Kept {
    table: Descriptor,
    prepared: Prepared,
    buckets: Vec<BucketRows>,
    /// The index of their summary.
    summary: usize,
}

/// A table's schema after this transaction.
#[derive(Debug)]
struct Pending {
    descriptor: Descriptor,
    schema: Arc<TableSchema>,
    /// Whether the commit must contain it.
    grown: bool,
}

impl Transaction {
    pub(crate) fn new(
        publisher: Arc<Publisher>,
        settings: Arc<IoSettings>,
        background: Arc<Background>,
        dictionaries: Arc<Dictionaries>,
    ) -> Self {
        Self {
            publisher,
            settings,
            background,
            dictionaries,
            staging: Staging::default(),
            schemas: BTreeMap::new(),
            kept: Vec::new(),
            rows_kept: 0,
            summaries: Vec::new(),
            newest: None,
            checkpoint: None,
            broken: false,
        }
    }

    /// Adds rows to `table`. The caller may reuse the frame's buffers when this returns. An error of kind
    /// [`Schema`](ErrorKind::Schema) leaves the transaction unchanged; after a storage error it can only be aborted.
    pub fn append(
        &mut self,
        table: impl Into<TableId>,
        frame: impl Into<Frame>,
        options: AppendOptions,
    ) -> Result<()> {
        self.add(table.into(), &frame.into(), options, true)
    }

    /// Refuses a schema that is nested too deeply, as [`append`](Self::append) does, but without rows.
    pub fn check_nesting(&self, table: impl Into<TableId>, schema: &Schema) -> Result<()> {
        check_nesting(schema).map_err(|error| refused(self.log(), table.into(), error))
    }

    /// As [`append`](Self::append). `copy: false` saves a copy of the rows: for the only append of a transaction, and
    /// if the caller does not change the buffers before the commit.
    pub(crate) fn add(
        &mut self,
        table: TableId,
        frame: &Frame,
        options: AppendOptions,
        copy: bool,
    ) -> Result<()> {
        self.check_whole()?;
        let summary = AppendSummary {
            table,
            run_id: self.log().paths.run().clone(),
            rows: frame.num_rows() as u64,
            buckets: Vec::new(),
            parts: Vec::new(),
            commit: None,
        };
        if frame.is_empty() {
            let descriptor = descriptor(self.log(), table)?;
            check_empty(&descriptor, frame, options.checks(&self.settings))
                .map_err(|error| refused(self.log(), table, error))?;
            self.summaries.push(summary);
            return Ok(());
        }
        let mut known = match self.schemas.get(&table) {
            Some(Pending { descriptor, schema, grown }) => {
                Definition { descriptor: descriptor.clone(), schema: Arc::clone(schema), is_new: *grown }
            }
            None => self.log().definition(table).map_err(Error::while_writing)?,
        };
        let checks = options.checks(&self.settings);
        let prepared = prepared(self.log(), &mut known, frame, checks)?;
        let Definition { descriptor, schema: known, is_new } = known;
        let batches = (0..prepared.batches()).map(|batch| prepared.ticks(batch).values().as_ref());
        let buckets = split(batches, self.settings.tick_bucket_size())?;
        self.publisher.check_table(table).map_err(Error::while_writing)?;
        let rows_kept = self.rows_kept.saturating_add(summary.rows);
        let prepared = if copy && rows_kept <= ROWS_KEPT {
            prepared.owned().map_err(|error| refused(self.log(), table, error))?
        } else {
            prepared
        };
        let pending = Pending {
            descriptor: descriptor.clone(),
            grown: is_new || prepared.grown().is_some(),
            schema: prepared.grown().map_or(known, |grown| Arc::new(grown.clone())),
        };
        self.newest = self.newest.max(buckets.iter().map(|bucket| bucket.ticks.max).max());
        self.schemas.insert(table, pending);
        self.rows_kept = rows_kept;
        self.kept.push(Kept { table: descriptor, prepared, buckets, summary: self.summaries.len() });
        self.summaries.push(summary);
        if self.rows_kept > ROWS_KEPT {
            self.encode_kept().inspect_err(|_| self.broken = true)?;
        }
        Ok(())
    }

    /// Encodes the kept rows, several tables in parallel.
    fn encode_kept(&mut self) -> Result<()> {
        self.rows_kept = 0;
        let all = std::mem::take(&mut self.kept);
        let encoded = parallel::map(&all, parallel::computing(), |kept| self.encode(kept))?;
        let log = self.publisher.log();
        for (kept, parts) in all.iter().zip(encoded) {
            let table = kept.table.id();
            if let Some(summary) = self.summaries.get_mut(kept.summary) {
                for (bucket, part) in kept.buckets.iter().zip(&parts) {
                    let path = log.paths.part(table, bucket.bucket, part.id);
                    summary.buckets.push(bucket.bucket.get());
                    summary.parts.push(PartSummary {
                        bucket_id: bucket.bucket.get(),
                        path: log.store.locate(&path),
                        rows: part.rows,
                        bytes: part.bytes,
                        tick_min: part.ticks.min,
                        tick_max: part.ticks.max,
                    });
                }
            }
            self.staging.note(table, kept.buckets.iter().map(|bucket| bucket.bucket).zip(parts).collect());
        }
        Ok(())
    }

    /// Encodes one part per bucket, in parallel.
    fn encode(&self, kept: &Kept) -> Result<Vec<Part>> {
        let Kept { table, prepared, buckets, .. } = kept;
        let (descriptor, table) = (table, table.id());
        let run = self.log().paths.run();
        let encoder = Encoder::new(
            &self.settings,
            run.as_ref(),
            descriptor,
            prepared.physical_schema(),
            prepared.needs_arrow_metadata(),
        );
        let rows = buckets.iter().map(|bucket| bucket.rows).max().unwrap_or(0);
        let encoder = encoder.with_dictionaries(&self.dictionaries, table, rows);
        let threads = if buckets.len() > 1 { parallel::WAITING.max(parallel::computing()) } else { 1 };
        parallel::map(buckets, threads, |rows| {
            let batches = rows.batches(prepared).map(|batch| batch.map_err(Failed::Validation));
            let bytes = encoder.encode(rows.rows, batches).map_err(|error| match error {
                Failed::Validation(error) => refused(self.log(), table, error),
                Failed::Parquet(error) => Error::new(
                    ErrorKind::Write,
                    format!("{}: could not encode bucket {}: {error}", self.log().name(table), rows.bucket),
                ),
            })?;
            let part = Part {
                id: stamp::part_id(),
                rows: rows.rows,
                bytes: bytes.len() as u64,
                ticks: rows.ticks,
                created_at: stamp::now(),
                crc32c: Some(crc32c::crc32c(&bytes)),
                provisional: prepared.provisional(),
            };
            self.staging.put(self.log(), self.log().paths.part(table, rows.bucket, part.id), bytes)?;
            Ok(part)
        })
    }

    /// The newest tick of all rows.
    pub(super) fn newest(&self) -> Option<i64> {
        self.newest
    }

    pub(super) fn run(&self) -> &RunId {
        self.log().paths.run()
    }

    pub(super) fn declare(&self, table: &Descriptor) -> Result<()> {
        self.publisher.declare(table).map(drop).map_err(Error::while_writing)
    }

    pub(crate) fn log(&self) -> &LogReader {
        self.publisher.log()
    }

    fn check_whole(&self) -> Result<()> {
        if self.broken {
            let run = self.log().paths.run();
            return Err(Error::new(
                ErrorKind::Write,
                format!("run `{run}`: an earlier append of this transaction failed; it cannot be committed"),
            )
            .with_hint("begin a new transaction"));
        }
        Ok(())
    }

    /// Makes all rows durable, then publishes them as one commit. When this returns, the commit is durable.
    pub fn commit(mut self) -> Result<TransactionSummary> {
        let number = self.publish()?;
        Ok(self.into_summary(number))
    }

    /// Commits several transactions of one dataset as the threads of a process do that wait for each other: as one
    /// commit. Returns the outcome of each.
    #[cfg(feature = "simulation")]
    pub fn commit_together(mut all: Vec<Self>) -> Vec<Result<TransactionSummary>> {
        let mut staged: Vec<_> = all.iter_mut().map(|one| one.stage().transpose()).collect();
        let appends: Vec<_> =
            staged.iter_mut().filter_map(|one| one.take_if(|one| one.is_ok())?.ok()).collect();
        let publisher = all.first().map(|one| Arc::clone(&one.publisher));
        let outcomes = publisher.map(|publisher| publisher.append_together(appends)).unwrap_or_default();
        let mut outcomes = outcomes.into_iter();
        let settle = |(mut one, staged): (Self, Option<Result<Append>>)| {
            let number = match staged {
                Some(failed) => Err(failed.err().unwrap_or_else(|| Error::argument("it was staged"))),
                None if one.staging.parts().is_empty() => Ok(None),
                None => outcomes.next().map_or(Ok(None), |outcome| one.settle(outcome).map(Some)),
            };
            Ok(one.into_summary(number?))
        };
        all.into_iter().zip(staged).map(settle).collect()
    }

    /// As [`commit`](Self::commit), but the summary is available afterwards, also after an error. Returns the number of
    /// the commit; `None` if there were no rows.
    pub(crate) fn publish(&mut self) -> Result<Option<u64>> {
        let _active = self.publisher.announce();
        let Some(append) = self.stage()? else { return Ok(None) };
        let outcome = self.publisher.append(append);
        self.settle(outcome).map(Some)
    }

    /// Stores all parts. Returns what is to be published; `None` if there are no rows. On an error, dropping the
    /// transaction removes the parts.
    fn stage(&mut self) -> Result<Option<Append>> {
        self.check_whole()?;
        self.encode_kept()?;
        if self.staging.parts().is_empty() {
            return Ok(None);
        }
        let mut changes = BTreeMap::new();
        let keep = self.checkpoint.and_then(|options| options.keep);
        for (table, parts) in self.staging.parts() {
            let pending = self.schemas.get(table).filter(|pending| pending.grown);
            let remove = match keep.filter(|_| *table == TableId::MODEL_STATE) {
                Some(keep) => older(&*self.log().snapshot(*table).map_err(Error::while_writing)?, keep),
                None => Vec::new(),
            };
            let change = TableChange {
                add: parts.clone(),
                remove,
                declared: None,
                schema: pending.map(|pending| Arc::clone(&pending.schema)),
                tick_bucket_size: pending.map(|_| self.settings.tick_bucket_size()),
            };
            changes.insert(*table, change);
        }
        let (names, draft) = self.store_parts(&changes)?;
        Ok(Some(Append::new(changes, names, draft)))
    }

    /// Takes note of the outcome of the commit.
    fn settle(&mut self, outcome: Result<CommitNumber>) -> Result<u64> {
        let number = outcome.map_err(Error::while_writing).inspect_err(|error| {
            if error.kind() == ErrorKind::UnknownOutcome {
                // The commit may be there: its parts must stay.
                self.staging.forget();
            }
        })?;
        // Checkpoints are not merged: they are taken out one by one.
        let parts = self.staging.parts().iter().filter(|(table, _)| **table != TableId::MODEL_STATE);
        self.background
            .appended(parts.flat_map(|(table, parts)| parts.iter().map(|(bucket, _)| (*table, *bucket))));
        self.staging.forget();
        Ok(number.get())
    }

    /// Stores every part under its name, and before that the manifests of tables that have none. Returns the names that are
    /// not durable yet; and if they all are, a draft of the commit, which is written beside the parts.
    fn store_parts(
        &mut self,
        changes: &BTreeMap<TableId, TableChange>,
    ) -> Result<(Vec<StorePath>, Option<Draft>)> {
        let (publisher, staging) = (&*self.publisher, &mut self.staging);
        let log = publisher.log();
        if publisher.is_idle(changes.keys()) {
            publisher.trust_names(changes).map_err(Error::while_writing)?;
            let store = || {
                let names = staging.write_named(log)?;
                log.store.sync(&names).map_err(|error| log.write_failed(error))
            };
            let (stored, draft) = parallel::both(store, || publisher.draft(changes));
            return stored.map(|()| (Vec::new(), draft));
        }
        let tables: Vec<TableId> = changes.keys().copied().collect();
        let (written, new) = parallel::both(|| staging.write(log), || publisher.begin_tables(&tables));
        written?;
        publisher.create_tables(&tables, new.map_err(Error::while_writing)?).map_err(Error::while_writing)?;
        Ok((staging.name(log)?, None))
    }

    /// The summary of the transaction as commit `commit`.
    pub(crate) fn into_summary(mut self, commit: Option<u64>) -> TransactionSummary {
        let mut tables = std::mem::take(&mut self.summaries);
        for summary in &mut tables {
            summary.commit = commit.filter(|_| !summary.parts.is_empty());
        }
        TransactionSummary { commit, tables }
    }

    /// Aborts the transaction: no row becomes visible, and staged parts are removed.
    pub fn abort(self) {
        drop(self);
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A commit may be there that names the parts.
            self.staging.forget();
        }
        self.staging.discard(self.publisher.log());
    }
}

/// The error for rows that do not fit their table.
pub(crate) fn refused(log: &LogReader, table: TableId, error: ValidationError) -> Error {
    let text = format!("{}: {error}", log.name(table));
    let hint = match &error {
        ValidationError::Columns { missing, unknown }
            if table.canonical().is_none() && missing.is_empty() =>
        {
            let them = if unknown.len() == 1 { "it" } else { "them" };
            Some(format!("declare {them} first: Dataset.declare, or append(…, declare=True); or drop {them}"))
        }
        _ => error.hint(),
    };
    Error::caused_by(ErrorKind::Schema, text, hint, error)
}

/// Prepares a frame for the table that `known` defines. A frame that does not fit is compared once more with the newest
/// declaration, which `known` then is: another handle may have declared further columns.
pub(crate) fn prepared(
    log: &LogReader,
    known: &mut Definition,
    frame: &Frame,
    checks: PrepareOptions,
) -> Result<Prepared> {
    let table = known.descriptor.id();
    match prepare(&known.descriptor, frame, &checks, &known.schema) {
        Ok(prepared) => Ok(prepared),
        Err(error) => {
            let newer = log.newer_definition(&known.descriptor).map_err(Error::while_writing)?;
            let Some(newer) = newer else { return Err(refused(log, table, error)) };
            // Rows that wait for the commit may have extended the schema.
            let schema = newer.schema.union(&known.schema).map_err(ValidationError::Conflict);
            let schema = schema.map_err(|error| refused(log, table, error))?;
            *known = Definition { schema: schema.into(), is_new: known.is_new, ..newer };
            prepare(&known.descriptor, frame, &checks, &known.schema)
                .map_err(|error| refused(log, table, error))
        }
    }
}

/// The columns that `table` is defined to have. Those of a canonical table are known without reading anything.
pub(crate) fn descriptor(log: &LogReader, table: TableId) -> Result<Descriptor> {
    match table.canonical() {
        Some(table) => Ok(Descriptor::canonical(table)),
        None => Ok(log.definition(table).map_err(Error::while_writing)?.descriptor),
    }
}

enum Failed {
    Validation(ValidationError),
    Parquet(ParquetError),
}

impl From<ParquetError> for Failed {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}
