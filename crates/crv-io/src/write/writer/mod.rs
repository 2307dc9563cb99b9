//! A buffered writer: rows gather in memory and go out as a few large commits.
//!
//! [`Writer`] decides when. [`gathered`] are the rows of several tables, [`rows`] those of one: checked, copied, and
//! joined so that they take little more room than they need. [`doubt`] is a commit of unknown outcome.
//!
//! What this module does not do: it writes nothing itself. What goes out is a [`Transaction`](super::Transaction).

mod doubt;
mod gathered;
mod options;
mod rows;

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use arrow_schema::Schema;
use crv_core::grammar::TableName;
use crv_core::tables::get_table;

use self::doubt::Doubt;
use self::gathered::{Gathered, Size};
use self::rows::Taken;
use super::{AppendOptions, TransactionSummary, refused};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::paths::{BucketId, CommitNumber};
use crate::schema::TableSchema;
use crate::validate::{ValidationError, check_empty, check_nesting, prepare};

pub use self::doubt::CommitOutcome;
pub use self::options::WriterOptions;

/// Rows were checked when they came in; what is left is to fit them to what others have written since.
const CHECKED: AppendOptions = AppendOptions { validate_schema: false, validate_rows: false };

/// Gathers rows of any tables in memory and writes them as few commits, each as good as one bulk append: one part for
/// each bucket it touches.
///
/// **Rows are durable, and visible to readers, when they were flushed, not before.** Until then they are lost with the
/// process. Use [`Dataset::append`] or a [`Transaction`](super::Transaction) where every tick has to be safe when its
/// call returns.
///
/// What was gathered goes out, as one commit over all tables,
///
/// - when a bucket closes: before rows of a later bucket than any so far are taken in;
/// - at the bound of [`WriterOptions`]: before rows are taken in that it does not hold beside what is there;
/// - with [`flush`](Self::flush) and [`close`](Self::close).
///
/// **A tick goes out whole**, if the ticks come one after the other: all tables' rows of one before any of the next. Rows
/// of the newest tick wait until a later one begins, or until `flush` or `close` says that there are no more of it.
/// There is one exception: a tick that the bound does not hold goes out in several commits, each of whole appends.
///
/// Memory: what is gathered is at most the bound or one append, whichever is larger. Beside it there is the append that
/// is coming in, and what encoding takes. Rows are copied: the caller may use the frame's buffers again.
///
/// After any error the writer is as it was before the call, so that the call can be made again, except that a commit may be
/// [in doubt](Self::in_doubt). A write that failed completes no tick: the newest can still be
/// [abandoned](Self::abandon_tick), and the tick be done again. A writer that is dropped abandons the newest tick, writes
/// the complete ones, and reports no error: close it.
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
/// assert_eq!(writer.buffered_rows(), 50, "buckets 0 and 1 are closed, and written");
/// writer.close()?;
/// assert_eq!(dataset.scan(TableName::Holdings)?.parts().len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    dataset: Dataset,
    options: WriterOptions,
    /// Rows of ticks that are complete.
    complete: Gathered,
    /// Rows of the newest tick, and all that came after it had begun.
    current: Gathered,
    /// The schema of each table with what is gathered for it: what appends are checked against.
    schemas: BTreeMap<TableName, Arc<TableSchema>>,
    doubt: Option<Doubt>,
    /// Commits that were in doubt and turned out to be there, until a call has returned them.
    found: Vec<TransactionSummary>,
    closed: bool,
}

/// Which rows a commit takes.
#[derive(Debug, Clone, Copy)]
enum Extent {
    /// Those of complete ticks.
    Complete,
    /// Those of the newest tick too.
    All,
}

impl Writer {
    pub(crate) fn new(dataset: Dataset, options: WriterOptions) -> Self {
        Self {
            dataset,
            options,
            complete: Gathered::default(),
            current: Gathered::default(),
            schemas: BTreeMap::new(),
            doubt: None,
            found: Vec::new(),
            closed: false,
        }
    }

    /// Takes in rows of `table`, checked as [`Dataset::append`] checks them. If rows had to go out first, what that came
    /// to.
    ///
    /// After an error the rows of this call are not in the writer: those that do not fit the table are refused here, and
    /// an error of storage is about what was gathered before.
    pub fn append(
        &mut self,
        table: TableName,
        frame: impl Into<Frame>,
        options: AppendOptions,
    ) -> Result<Option<TransactionSummary>> {
        self.check_open()?;
        let frame = frame.into();
        let checks = options.checks(self.dataset.settings());
        let refused = |error| refused(self.dataset.log(), table, error);
        if frame.is_empty() {
            check_empty(get_table(table), &frame, checks).map_err(refused)?;
            return Ok(None);
        }
        let known = self.known(table)?;
        let prepared = prepare(get_table(table), &frame, &checks, &known).map_err(refused)?;
        let schema = prepared.grown().map_or(known, |grown| Arc::new(grown.clone()));
        let Some(taken) = Taken::of(&prepared, table, &schema).map_err(refused)? else { return Ok(None) };
        let begins_tick = self.begins_tick(taken.ticks.min);
        let summary = self.make_room(&taken, begins_tick)?;
        if begins_tick {
            self.end_tick();
        }
        self.current.take(table, taken);
        self.schemas.insert(table, schema);
        Ok(summary)
    }

    /// Refuses a schema that nests too deep for any table, as [`append`](Self::append) would with rows.
    pub fn check_nesting(&self, table: TableName, schema: &Schema) -> Result<()> {
        check_nesting(schema).map_err(|error| refused(self.dataset.log(), table, error))
    }

    /// Writes all that was gathered as one commit. When this returns, it is visible and survives power loss.
    ///
    /// If a commit is [in doubt](Self::in_doubt), looks first whether it is there, and writes its rows again only if it is
    /// not. What it came to is then part of the summary: each table says in which commit it is.
    ///
    /// After an error everything is still in the writer, and the newest tick can still be abandoned. A payload field that another writer has given another type since
    /// is an error of kind [`Schema`](crate::ErrorKind::Schema) here, and stays one: [`discard`](Self::discard) lets go.
    pub fn flush(&mut self) -> Result<TransactionSummary> {
        self.check_open()?;
        self.write(Extent::All)
    }

    /// [Flushes](Self::flush), and takes in no more. After an error the writer is still open, and can be closed again.
    /// Closing what is closed does nothing.
    pub fn close(&mut self) -> Result<TransactionSummary> {
        if self.closed {
            return Ok(TransactionSummary { commit: None, tables: Vec::new() });
        }
        let summary = self.flush()?;
        self.closed = true;
        Ok(summary)
    }

    /// Drops the rows of the newest tick that are in the writer, so that the tick can be done again, or be left out when a
    /// simulation fails in the middle of it. Returns how many they were.
    ///
    /// A write that failed has taken none of them. Two things have:
    ///
    /// - A write that succeeded: a [`flush`](Self::flush) in the middle of the tick, or the bound, where
    ///   [`append`](Self::append) returned a summary with ticks up to this one. Those rows are in the store and stay
    ///   there. A tick that is done again as a whole then has them twice.
    /// - A commit [in doubt](Self::in_doubt). Its rows of the newest tick are dropped too, and counted: they are not
    ///   written again. If the commit took effect, they are in the store. To know, flush first: when that has returned,
    ///   every row is in the store, once, and the tick need not be done again.
    pub fn abandon_tick(&mut self) -> u64 {
        // The table may have had fields for them only.
        self.schemas.clear();
        let in_doubt = self.doubt.as_mut().map(|doubt| mem::take(&mut doubt.newest));
        (mem::take(&mut self.current).size() + in_doubt.unwrap_or_default().size()).rows
    }

    /// Lets go of all rows that wait, those of a commit in doubt as well. How many they were.
    pub fn discard(&mut self) -> u64 {
        let rows = self.buffered_rows();
        self.complete = Gathered::default();
        self.current = Gathered::default();
        self.schemas.clear();
        self.doubt = None;
        rows
    }

    /// The number and id of a commit of which storage could not say whether it took effect.
    ///
    /// Its rows are kept. The next [`flush`](Self::flush), or append that needs room, looks whether the commit is there,
    /// and fails as long as it cannot tell. It never will once the log was pruned beyond that commit: look for the rows,
    /// and [say](Self::resolve) what you found.
    pub fn in_doubt(&self) -> Option<(u64, &str)> {
        self.doubt.as_ref().map(|doubt| (doubt.number.get(), doubt.id.as_str()))
    }

    /// Says what came of the commit [in doubt](Self::in_doubt). Does nothing if none is.
    pub fn resolve(&mut self, outcome: CommitOutcome) {
        self.settle(outcome);
    }

    /// How many rows wait to be written, over all tables.
    pub fn buffered_rows(&self) -> u64 {
        self.size().rows
    }

    /// How many bytes of memory they take.
    pub fn buffered_bytes(&self) -> u64 {
        self.size().bytes
    }

    /// Has it been closed?
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

    /// The newest tick of the rows that wait, but for those in doubt.
    fn newest(&self) -> Option<i64> {
        self.complete.newest().max(self.current.newest())
    }

    /// Do rows from this tick on begin a later one? Rows in doubt may still be part of the newest tick.
    fn begins_tick(&self, first: i64) -> bool {
        let newest = self.waiting().filter_map(Gathered::newest).max();
        newest.is_none_or(|newest| newest < first)
    }

    /// The schema of a table with what is gathered for it.
    fn known(&self, table: TableName) -> Result<Arc<TableSchema>> {
        if let Some(schema) = self.schemas.get(&table) {
            return Ok(Arc::clone(schema));
        }
        let (mut known, _) = self.dataset.log().schema(table).map_err(Error::while_writing)?;
        for rows in self.waiting().filter_map(|gathered| gathered.table(table)) {
            let union =
                rows.schema().and_then(|schema| known.union(&schema).map_err(ValidationError::Conflict));
            known = Arc::new(union.map_err(|error| refused(self.dataset.log(), table, error))?);
        }
        Ok(known)
    }

    /// Sends out what has to go before these rows are taken in.
    fn make_room(&mut self, taken: &Taken, begins_tick: bool) -> Result<Option<TransactionSummary>> {
        let size = taken.rows.size();
        let waiting = self.size();
        if waiting.rows == 0 || (self.options.hold(waiting + size) && !self.closes_bucket(taken)?) {
            return Ok(None);
        }
        // First: rows that were in doubt may be part of the newest tick again.
        self.look()?;
        // Rows of the newest tick stay, so that the rest of it can join them - if that makes room enough.
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

    /// Are there rows of a later bucket than any that wait?
    fn closes_bucket(&self, taken: &Taken) -> Result<bool> {
        let Some(newest) = self.newest() else { return Ok(false) };
        let size = self.dataset.settings().tick_bucket_size();
        Ok(BucketId::of_tick(newest, size)? < BucketId::of_tick(taken.ticks.max, size)?)
    }

    /// A later tick has begun: the newest is complete, wherever its rows are.
    fn end_tick(&mut self) {
        if let Some(doubt) = &mut self.doubt {
            doubt.end_tick();
        }
        self.complete.extend(mem::take(&mut self.current));
    }

    /// The rows that a commit would take.
    fn to_write(&self, extent: Extent) -> Gathered {
        match extent {
            Extent::Complete => self.complete.clone(),
            Extent::All => self.complete.and(&self.current),
        }
    }

    /// Takes those rows out.
    fn take(&mut self, extent: Extent) -> (Gathered, Gathered) {
        let newest = match extent {
            Extent::Complete => Gathered::default(),
            Extent::All => mem::take(&mut self.current),
        };
        (mem::take(&mut self.complete), newest)
    }

    /// Writes rows as one commit, when the outcome of the one before is known.
    fn write(&mut self, extent: Extent) -> Result<TransactionSummary> {
        self.look()?;
        let mut summary = self.commit(extent)?;
        for earlier in mem::take(&mut self.found).into_iter().rev() {
            summary.commit = summary.commit.or(earlier.commit);
            summary.tables.splice(0..0, earlier.tables);
        }
        Ok(summary)
    }

    /// Looks whether the commit in doubt is there.
    fn look(&mut self) -> Result<()> {
        let Some(doubt) = &self.doubt else { return Ok(()) };
        let took_effect = self.dataset.log().took_effect(doubt.number, &doubt.id).map_err(|error| {
            error.with_hint(
                "the rows are kept: flush again when storage answers; or look for them, and tell the writer with \
                 `resolve` what you found",
            )
        })?;
        let outcome = if took_effect { CommitOutcome::TookEffect } else { CommitOutcome::DidNot };
        let found = self.settle(outcome);
        self.found.extend(found);
        Ok(())
    }

    /// The commit in doubt is not any more: its summary, if it took effect.
    fn settle(&mut self, outcome: CommitOutcome) -> Option<TransactionSummary> {
        let doubt = self.doubt.take()?;
        match outcome {
            CommitOutcome::TookEffect => Some(doubt.summary),
            CommitOutcome::DidNot => {
                // They came first, and go first. What is left of the newest tick is part of it again.
                let complete = mem::replace(&mut self.complete, doubt.complete);
                self.complete.extend(complete);
                let current = mem::replace(&mut self.current, doubt.newest);
                self.current.extend(current);
                None
            }
        }
    }

    /// Nothing is taken out of the writer before it has succeeded, or is in doubt.
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
                    // What others have written since is looked at again.
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
                    "the rows are kept: flush again when storage answers; the writer looks first whether the commit \
                     is there, and writes nothing twice",
                ))
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.closed {
            // Nobody said that the newest tick is complete.
            self.abandon_tick();
            let _ = self.close();
        }
    }
}
