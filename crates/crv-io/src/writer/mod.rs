//! A buffered writer: rows are buffered in memory and written as a few large commits.
//!
//! [`Writer`] decides when to write. [`gathered`] holds the rows of several tables, [`rows`] those of one table:
//! checked, copied, and joined into larger batches to save memory. [`doubt`] is a commit of unknown outcome.
//!
//! This module writes no files itself: it uses a [`Transaction`](super::Transaction).

mod doubt;
mod gathered;
mod options;
mod rows;

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use arrow_schema::Schema;
use crv_core::tables::TableId;
use jiff::Timestamp;

use self::doubt::Doubt;
use self::gathered::{Gathered, Size};
use self::rows::Taken;
use crate::commit::{Definition, LogReader};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::paths::{BucketId, CommitNumber};
use crate::stamp;
use crate::validate::{ValidationError, check_empty, check_nesting};
use crate::write::{AppendOptions, TransactionSummary, descriptor, prepared, refused};
use crv_schema::Frame;

pub use self::doubt::CommitOutcome;
pub use self::options::WriterOptions;

/// Rows were checked on append; only the schema may have changed since, by other writers.
const CHECKED: AppendOptions = AppendOptions { validate_schema: false, validate_rows: false };

/// Buffers rows of any tables in memory and writes them as a few large commits, with one part for each bucket of a
/// commit, as a bulk append does.
///
/// **Rows become durable, and visible to readers, only when they are flushed.** Until then they are lost if the process
/// ends. Use [`Dataset::append`] or a [`Transaction`](super::Transaction) where every tick must be durable when the
/// call returns.
///
/// The buffered rows are written, as one commit over all tables,
///
/// - when a bucket is complete: before an append with rows of a later bucket than any so far;
/// - at the bound of [`WriterOptions`]: before an append that would exceed it;
/// - by [`flush`](Self::flush) and [`close`](Self::close).
///
/// **All rows of a tick go into one commit**, if the caller appends in tick order: all tables' rows of one tick before
/// any of the next. Rows of the newest tick stay buffered until a later tick begins, or until `flush` or `close`.
/// There is one exception: a tick larger than the bound is written in several commits, each of whole appends.
///
/// Memory: the buffer takes at most the bound or one append, whichever is larger. The append in progress and encoding
/// take memory in addition. Rows are copied: the caller may reuse the frame's buffers.
///
/// After an error the writer is unchanged, so that the call can be retried, except that a commit may have an
/// [unknown outcome](Self::in_doubt). A failed write completes no tick: the newest can still be
/// [abandoned](Self::abandon_tick) and simulated again. Dropping a writer abandons the newest tick, writes the complete
/// ones, and ignores errors: call [`close`](Self::close) instead.
///
/// ```
/// # use std::sync::Arc;
/// # use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
/// # use crv_io::config::FsProtocol;
/// use crv_io::{AppendOptions, Dataset, IoSettings, TableName, WriterOptions};
/// # fn holdings(tick: i64) -> RecordBatch {
/// #     RecordBatch::try_from_iter([
/// #         ("tick", Arc::new(Int64Array::from(vec![tick])) as ArrayRef),
/// #         ("agent_id", Arc::new(StringArray::from(vec!["A0"]))),
/// #         ("token_id", Arc::new(StringArray::from(vec!["Alpha"]))),
/// #         ("quantity", Arc::new(Int64Array::from(vec![3]))),
/// #     ])
/// #     .unwrap_or_else(|_| unreachable!())
/// # }
/// # let settings = IoSettings::default().with_root_dir("writer")?.with_fs_protocol(FsProtocol::Memory);
/// let dataset = Dataset::open(settings, "sweep-7")?;
/// let mut writer = dataset.writer(WriterOptions::default());
/// for tick in 0..250 {
///     writer.append(TableName::Holdings, holdings(tick), AppendOptions::default())?;
/// }
/// assert_eq!(writer.buffered_rows(), 50, "buckets 0 and 1 are complete and written");
/// writer.close()?;
/// assert_eq!(dataset.scan(TableName::Holdings)?.parts().len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    dataset: Dataset,
    options: WriterOptions,
    /// Rows of complete ticks.
    complete: Gathered,
    /// Rows of the newest tick, and all rows appended since it began.
    current: Gathered,
    /// The schema of each table, with its buffered rows included: appends are checked against it.
    schemas: BTreeMap<TableId, Definition>,
    doubt: Option<Doubt>,
    /// Commits of unknown outcome that were found to have taken effect, until a call returns them.
    found: Vec<TransactionSummary>,
    closed: bool,
    /// Since when rows are buffered.
    since: Timestamp,
}

/// Which rows a commit contains.
#[derive(Debug, Clone, Copy)]
enum Extent {
    /// Rows of complete ticks.
    Complete,
    /// Rows of the newest tick too.
    All,
}

impl Dataset {
    /// Begins a buffered writer: rows are gathered in memory, and written as few large commits. They are durable once
    /// they were flushed.
    pub fn writer(&self, options: WriterOptions) -> Writer {
        Writer::new(self.clone(), options)
    }
}

impl Writer {
    fn new(dataset: Dataset, options: WriterOptions) -> Self {
        Self {
            dataset,
            options,
            complete: Gathered::default(),
            current: Gathered::default(),
            schemas: BTreeMap::new(),
            doubt: None,
            found: Vec::new(),
            closed: false,
            since: stamp::now(),
        }
    }

    /// Buffers rows of `table`, checked as [`Dataset::append`] checks them. Returns the summary of the commit, if
    /// earlier rows had to be written first.
    ///
    /// After an error the rows of this call are not in the writer: rows that do not fit the table are refused here, and
    /// a storage error concerns the rows buffered before.
    pub fn append(
        &mut self,
        table: impl Into<TableId>,
        frame: impl Into<Frame>,
        options: AppendOptions,
    ) -> Result<Option<TransactionSummary>> {
        self.check_open()?;
        let (table, frame) = (table.into(), frame.into());
        let checks = options.checks(self.dataset.settings());
        let refused = |error| refused(self.dataset.log(), table, error);
        if frame.is_empty() {
            let descriptor = descriptor(self.dataset.log(), table)?;
            check_empty(&descriptor, &frame, checks).map_err(refused)?;
            return Ok(None);
        }
        let mut known = self.known(table)?;
        let prepared = prepared(self.dataset.log(), &mut known, &frame, checks)?;
        if let Some(grown) = prepared.grown() {
            known.schema = Arc::new(grown.clone());
        }
        let taken = Taken::of(&prepared, &known.descriptor, &known.schema).map_err(refused)?;
        let Some(taken) = taken else { return Ok(None) };
        let begins_tick = self.begins_tick(taken.ticks.min);
        let summary = self.make_room(&taken, begins_tick)?;
        if begins_tick {
            self.end_tick();
        }
        self.current.take(table, taken);
        self.schemas.insert(table, known);
        Ok(summary)
    }

    pub(crate) fn log(&self) -> &LogReader {
        self.dataset.log()
    }

    /// Refuses a schema that is nested too deeply, as [`append`](Self::append) does, but without rows.
    pub fn check_nesting(&self, table: impl Into<TableId>, schema: &Schema) -> Result<()> {
        check_nesting(schema).map_err(|error| refused(self.dataset.log(), table.into(), error))
    }

    /// Writes all buffered rows as one commit. When this returns, it is visible and durable.
    ///
    /// If the outcome of an earlier commit is [unknown](Self::in_doubt), first reads back whether it took effect, and
    /// writes its rows again only if it did not. If it did, its tables are part of the summary, each with its commit.
    ///
    /// After an error all rows are still in the writer, and the newest tick can still be abandoned. If another writer
    /// has since given a payload field another type, every flush fails with an error of kind
    /// [`Schema`](crate::ErrorKind::Schema): [`discard`](Self::discard) drops the rows.
    pub fn flush(&mut self) -> Result<TransactionSummary> {
        self.check_open()?;
        self.write(Extent::All)
    }

    /// [Flushes](Self::flush) and closes the writer. After an error the writer is still open, and can be closed again.
    /// Does nothing if the writer is closed.
    pub fn close(&mut self) -> Result<TransactionSummary> {
        if self.closed {
            return Ok(TransactionSummary { commit: None, tables: Vec::new() });
        }
        let summary = self.flush()?;
        self.closed = true;
        Ok(summary)
    }

    /// Drops the buffered rows of the newest tick, so that the tick can be simulated again, or be left out when a
    /// simulation fails in the middle of it. Returns the number of dropped rows.
    ///
    /// A failed write leaves all rows of the tick in the buffer. Rows of the tick may already be in the store after
    ///
    /// - a write that succeeded: a [`flush`](Self::flush) in the middle of the tick, or an [`append`](Self::append) at
    ///   the bound that returned a summary with ticks up to this one. Those rows stay in the store. If the whole tick
    ///   is simulated again, the store has them twice.
    /// - a commit of [unknown outcome](Self::in_doubt). Its rows of the newest tick are dropped and counted too: they
    ///   are not written again. If the commit took effect, they are in the store. To learn the outcome, flush first:
    ///   when that returns, every row is in the store, once, and the tick need not be simulated again.
    pub fn abandon_tick(&mut self) -> u64 {
        // The dropped rows may have added fields.
        self.schemas.clear();
        let in_doubt = self.doubt.as_mut().map(|doubt| mem::take(&mut doubt.newest));
        (mem::take(&mut self.current).size() + in_doubt.unwrap_or_default().size()).rows
    }

    /// Drops all buffered rows, including those of a commit of unknown outcome. Returns their number.
    pub fn discard(&mut self) -> u64 {
        let rows = self.buffered_rows();
        self.complete = Gathered::default();
        self.current = Gathered::default();
        self.schemas.clear();
        self.doubt = None;
        rows
    }

    /// The number and id of a commit of unknown outcome.
    ///
    /// Its rows are kept. The next [`flush`](Self::flush), or append that needs room, reads back whether the commit
    /// took effect, and fails as long as this is unknown. Once the log was pruned beyond that commit it stays unknown:
    /// search for the rows, and pass the outcome to [`resolve`](Self::resolve).
    pub fn in_doubt(&self) -> Option<(u64, &str)> {
        self.doubt.as_ref().map(|doubt| (doubt.number.get(), doubt.id.as_str()))
    }

    /// Sets the outcome of the commit of [unknown outcome](Self::in_doubt). Does nothing if there is none.
    pub fn resolve(&mut self, outcome: CommitOutcome) {
        self.conclude(outcome);
    }

    /// The number of buffered rows, over all tables.
    pub fn buffered_rows(&self) -> u64 {
        self.size().rows
    }

    /// The bytes of memory that the buffered rows take.
    pub fn buffered_bytes(&self) -> u64 {
        self.size().bytes
    }

    /// Returns whether the writer is closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn check_open(&self) -> Result<()> {
        if self.closed {
            let run = self.dataset.run_id();
            return Err(
                Error::argument(format!("run `{run}`: the writer is closed")).with_hint("begin another one")
            );
        }
        Ok(())
    }

    fn waiting(&self) -> impl Iterator<Item = &Gathered> {
        let in_doubt = self.doubt.iter().flat_map(|doubt| [&doubt.complete, &doubt.newest]);
        in_doubt.chain([&self.complete, &self.current])
    }

    fn size(&self) -> Size {
        self.waiting().map(Gathered::size).sum()
    }

    /// The newest tick of the buffered rows, without those of a commit of unknown outcome.
    fn newest(&self) -> Option<i64> {
        self.complete.newest().max(self.current.newest())
    }

    /// Returns whether rows that start at this tick begin a new one. Rows of a commit of unknown outcome may still
    /// belong to the newest tick.
    fn begins_tick(&self, first: i64) -> bool {
        let newest = self.waiting().filter_map(Gathered::newest).max();
        newest.is_none_or(|newest| newest < first)
    }

    /// The definition of a table, with its buffered rows included.
    fn known(&self, table: TableId) -> Result<Definition> {
        if let Some(known) = self.schemas.get(&table) {
            return Ok(known.clone());
        }
        let mut known = self.dataset.log().definition(table).map_err(Error::while_writing)?;
        for rows in self.waiting().filter_map(|gathered| gathered.table(table)) {
            let union = rows
                .schema()
                .and_then(|schema| known.schema.union(&schema).map_err(ValidationError::Conflict));
            known.schema = Arc::new(union.map_err(|error| refused(self.dataset.log(), table, error))?);
        }
        Ok(known)
    }

    /// Writes the rows that must be written before `taken` is buffered.
    fn make_room(&mut self, taken: &Taken, begins_tick: bool) -> Result<Option<TransactionSummary>> {
        let size = taken.rows.size();
        let waiting = self.size();
        if waiting.rows == 0 {
            self.since = stamp::now();
            return Ok(None);
        }
        let is_due = begins_tick && self.is_due();
        if !is_due && self.options.hold(waiting + size) && !self.closes_bucket(taken)? {
            return Ok(None);
        }
        // First: rows of a commit of unknown outcome may return to the newest tick.
        self.look()?;
        // Rows of the newest tick stay buffered until the tick is complete, if that leaves enough room.
        let extent = if begins_tick || !self.options.hold(self.current.size() + size) {
            Extent::All
        } else {
            Extent::Complete
        };
        if self.to_write(extent).is_empty() && self.found.is_empty() {
            return Ok(None);
        }
        self.write(extent).map(Some)
    }

    /// Returns whether rows have been buffered for as long as they may be.
    fn is_due(&self) -> bool {
        let Some(every) = self.options.flush_every() else { return false };
        let waited = stamp::now().duration_since(self.since);
        // A clock that was set back: the rows are written rather than kept for long.
        waited.is_negative() || waited.unsigned_abs() >= every
    }

    /// Returns whether there are rows of a later bucket than any buffered ones.
    fn closes_bucket(&self, taken: &Taken) -> Result<bool> {
        let Some(newest) = self.newest() else { return Ok(false) };
        let size = self.dataset.settings().tick_bucket_size();
        Ok(BucketId::of_tick(newest, size)? < BucketId::of_tick(taken.ticks.max, size)?)
    }

    /// Marks the newest tick as complete: a later one has begun.
    fn end_tick(&mut self) {
        if let Some(doubt) = &mut self.doubt {
            doubt.end_tick();
        }
        self.complete.extend(mem::take(&mut self.current));
    }

    /// Returns the rows of a commit.
    fn to_write(&self, extent: Extent) -> Gathered {
        match extent {
            Extent::Complete => self.complete.clone(),
            Extent::All => self.complete.and(&self.current),
        }
    }

    /// Removes those rows from the buffer.
    fn take(&mut self, extent: Extent) -> (Gathered, Gathered) {
        let newest = match extent {
            Extent::Complete => Gathered::default(),
            Extent::All => mem::take(&mut self.current),
        };
        (mem::take(&mut self.complete), newest)
    }

    /// Writes rows as one commit, once the outcome of the previous one is known.
    fn write(&mut self, extent: Extent) -> Result<TransactionSummary> {
        self.look()?;
        let mut summary = self.commit(extent)?;
        self.since = stamp::now();
        for earlier in mem::take(&mut self.found).into_iter().rev() {
            summary.commit = summary.commit.or(earlier.commit);
            summary.tables.splice(0..0, earlier.tables);
        }
        Ok(summary)
    }

    /// Reads back whether the commit of unknown outcome took effect.
    fn look(&mut self) -> Result<()> {
        let Some(doubt) = &self.doubt else { return Ok(()) };
        let took_effect = self.dataset.publisher().took_effect(doubt.number, &doubt.id).map_err(|error| {
            error.with_hint(
                "the rows are kept: flush again when storage answers; or search for the rows yourself, and pass the \
                 outcome to `resolve`",
            )
        })?;
        let outcome = if took_effect { CommitOutcome::TookEffect } else { CommitOutcome::DidNot };
        let found = self.conclude(outcome);
        self.found.extend(found);
        Ok(())
    }

    /// Applies the outcome of the commit of unknown outcome. Returns its summary, if it took effect.
    fn conclude(&mut self, outcome: CommitOutcome) -> Option<TransactionSummary> {
        let doubt = self.doubt.take()?;
        match outcome {
            CommitOutcome::TookEffect => Some(doubt.summary),
            CommitOutcome::DidNot => {
                // The commit's rows are older: they go before the buffered ones.
                let complete = mem::replace(&mut self.complete, doubt.complete);
                self.complete.extend(complete);
                let current = mem::replace(&mut self.current, doubt.newest);
                self.current.extend(current);
                None
            }
        }
    }

    /// Writes rows as one commit. Removes them from the buffer only if it succeeds or its outcome is unknown.
    fn commit(&mut self, extent: Extent) -> Result<TransactionSummary> {
        let log = self.dataset.log();
        let mut transaction = self.dataset.transaction();
        for (table, rows) in self.to_write(extent).tables() {
            let frame = rows.frame().map_err(|error| refused(log, table, error))?;
            transaction.add(table, &frame, CHECKED, false)?;
        }
        match transaction.publish() {
            Ok(number) => {
                self.take(extent);
                if self.current.is_empty() {
                    // Load the schemas again: other writers may have changed them.
                    self.schemas.clear();
                }
                Ok(transaction.into_summary(number))
            }
            Err(error) => {
                let Some((number, id)) = error.commit() else { return Err(error) };
                let (number, id) = (CommitNumber::new(number), id.to_owned());
                let summary = transaction.into_summary(Some(number.get()));
                let (complete, newest) = self.take(extent);
                self.doubt = Some(Doubt { number, id, complete, newest, summary });
                Err(error.with_hint(
                    "the rows are kept: flush again when storage answers; the writer first reads back whether the \
                     commit took effect, and writes nothing twice",
                ))
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.closed {
            // The newest tick may be incomplete.
            self.abandon_tick();
            let _ = self.close();
        }
    }
}
