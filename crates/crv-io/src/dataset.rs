//! [`Dataset`]: a run, open for appends and scans.

use std::sync::Arc;
use std::time::Duration;

use arrow_schema::Schema;
use crv_core::ids::RunId;
use crv_core::tables::TableId;

use crate::commit::{LogReader, PruneReport, Publisher};
use crate::config::{FsProtocol, IoSettings};
use crate::error::{Error, ErrorKind, Result};
use crate::maintenance::compact::{Background, Bounds, Compaction, Which, together};
use crate::maintenance::{
    CheckOptions, CheckProgress, CheckReport, CompactOptions, CompactProgress, CompactReport, RebuildReport,
    RepairReport, TruncateReport, VacuumOptions, VacuumReport, check, rebuild, repair, replace, truncate,
    vacuum,
};
use crate::manifest::{TableManifest, TableState};
use crate::packed::{PackStore, is_pack_name};
use crate::parallel;
use crate::part::Dictionaries;
use crate::part::footer::ParquetFooters;
use crate::paths::{self, RunPaths};
use crate::read::{Scan, ScanPart, Verifier, decode_pinned};
use crate::store::{LocalStore, MemoryStore, Store};
use crate::write::{AppendOptions, AppendSummary, Transaction};
use crv_schema::Frame;
use crv_schema::schema::{DeclarationError, Descriptor, Field};

/// A handle on one run.
///
/// Opening touches nothing on disk: a run is created by its first append. A handle can be shared between
/// threads, and many handles and processes may append to one run at once. It caches the state of the run;
/// each call sees at least every commit that was acknowledged before it began.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
/// use crv_io::{AppendOptions, Dataset, IoSettings, TableName};
///
/// let batch = RecordBatch::try_from_iter([
///     ("tick", Arc::new(Int64Array::from(vec![0, 1, 2, 101])) as ArrayRef),
///     ("observer_agent_id", Arc::new(StringArray::from(vec!["A0", "A1", "A2", "A0"]))),
///     ("edge_kind", Arc::new(StringArray::from(vec!["self_to_object"; 4]))),
///     ("edge_weight", Arc::new(Float64Array::from(vec![0.0, 0.1, 0.2, 0.3]))),
/// ])?;
/// # let root = tempfile::tempdir()?;
/// # let root = root.path().to_string_lossy().into_owned();
/// let dataset = Dataset::open(IoSettings::default().with_root_dir(root)?, "20250101-000000")?;
/// let summary = dataset.append(TableName::IdentityEdges, batch, AppendOptions::default())?;
/// assert_eq!(summary.buckets, [0, 1]);
///
/// let mut rows = 0;
/// for batch in dataset.scan(TableName::IdentityEdges)?.ticks(1..=101).batches() {
///     rows += batch?.num_rows();
/// }
/// assert_eq!(rows, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dataset {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Arc<IoSettings>,
    log: Arc<LogReader>,
    publisher: Arc<Publisher>,
    background: Arc<Background>,
    dictionaries: Arc<Dictionaries>,
    verifier: Arc<Verifier>,
}

impl Dataset {
    /// Opens the run `run_id` under the settings' root.
    pub fn open(settings: IoSettings, run_id: &str) -> Result<Self> {
        let store = open_store(&settings)?;
        Self::with_store(settings, run_id, store)
    }

    /// Opens the run `run_id` in `store`, whatever root and protocol the settings name.
    pub fn with_store(settings: IoSettings, run_id: &str, store: Arc<dyn Store>) -> Result<Self> {
        let run = paths::validate_run_id(run_id)?;
        let (paths, footers) = (RunPaths::new(run), Arc::new(ParquetFooters));
        let log = Arc::new(LogReader::new(store, paths, footers, settings.tick_bucket_size()));
        let publisher = Arc::new(Publisher::new(Arc::clone(&log), settings.write_manifest_every_n()));
        let verifier = Arc::new(Verifier::new(settings.verify_reads()));
        let settings = Arc::new(settings);
        let background = Arc::new(Background::new(Arc::clone(&publisher), Arc::clone(&settings)));
        let dictionaries = Arc::default();
        let shared = Shared { settings, log, publisher, background, dictionaries, verifier };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The settings this handle was opened with.
    pub fn settings(&self) -> &IoSettings {
        &self.shared.settings
    }

    /// The run.
    pub fn run_id(&self) -> &RunId {
        self.shared.log.paths.run()
    }

    /// Appends rows to one table, as one commit. When this returns, they are visible and survive power loss.
    ///
    /// `bucket` is always computed from `tick`. A frame without rows is validated, unless it has no columns either,
    /// and nothing is written. After any error but
    /// [`UnknownOutcome`](ErrorKind::UnknownOutcome) the table is as it was, and the same call can be made
    /// again.
    pub fn append(
        &self,
        table: impl Into<TableId>,
        frame: impl Into<Frame>,
        options: AppendOptions,
    ) -> Result<AppendSummary> {
        let mut transaction = self.transaction();
        transaction.add(table.into(), &frame.into(), options, false)?;
        let mut tables = transaction.commit()?.tables;
        tables.pop().ok_or_else(|| Error::new(ErrorKind::Write, "the append has no summary"))
    }

    /// Refuses a schema that nests too deep for any table, as [`append`](Self::append) would with rows: for callers
    /// that have the schema before the rows, which may take long to produce.
    pub fn check_nesting(&self, table: impl Into<TableId>, schema: &Schema) -> Result<()> {
        self.transaction().check_nesting(table, schema)
    }

    /// Declares a table of the run: its columns, beside `bucket` and `tick`. One commit; when this returns, it is
    /// durable. Returns the table's whole declaration.
    ///
    /// A table that has all these columns already is left as it is. Nullable columns that are new are added to it; old
    /// rows have nulls there. Anything else is an error of kind [`Schema`](ErrorKind::Schema) that names the column and
    /// both types.
    ///
    /// ```
    /// use crv_io::schema::{Field, FieldType};
    /// use crv_io::{Dataset, Descriptor, IoSettings};
    ///
    /// # let root = tempfile::tempdir()?;
    /// # let root = root.path().to_string_lossy().into_owned();
    /// let dataset = Dataset::open(IoSettings::default().with_root_dir(root)?, "sir-1")?;
    /// let columns = vec![
    ///     Field::required("agent_id", FieldType::INT),
    ///     Field::nullable("wealth", FieldType::parse("f64", "wealth")?),
    /// ];
    /// let agents = dataset.declare(&Descriptor::declared("agents".parse()?, columns)?)?;
    /// assert_eq!(agents.columns().len(), 4);
    /// assert_eq!(dataset.scan(agents.id())?.schema().fields().len(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn declare(&self, table: &Descriptor) -> Result<Descriptor> {
        self.shared.publisher.declare(table).map_err(Error::while_writing)
    }

    /// Declares a table with these columns after `bucket` and `tick`; those in `required` are never null, the others may
    /// be. Otherwise as [`declare`](Self::declare).
    pub fn declare_columns<N: AsRef<str>>(
        &self,
        table: TableId,
        columns: Vec<Field>,
        required: &[N],
    ) -> Result<Descriptor> {
        self.declare_made(table, Descriptor::requiring(table, columns, required))
    }

    /// Declares a table with the columns of an Arrow schema. Otherwise as [`declare_columns`](Self::declare_columns).
    pub fn declare_like<N: AsRef<str>>(
        &self,
        table: TableId,
        schema: &Schema,
        required: &[N],
    ) -> Result<Descriptor> {
        self.declare_made(table, Descriptor::from_arrow(table, schema, required))
    }

    /// Declares those columns of an Arrow schema that `table` lacks, as nullable ones; all of them if it is not declared
    /// yet. For frames that come before their declaration.
    pub fn declare_missing(&self, table: TableId, schema: &Schema) -> Result<Descriptor> {
        loop {
            let known = self.declared(table)?;
            let made = match &known {
                Some(known) => known.with_missing(schema),
                None => Descriptor::from_arrow::<&str>(table, schema, &[]),
            };
            match self.declare_made(table, made) {
                // Another writer declared other columns meanwhile. They are few: this ends.
                Err(error) if error.kind() == ErrorKind::Schema && self.declared(table)? != known => {}
                done => return done,
            }
        }
    }

    /// The declaration of `table` as of now; `None` if it has none.
    fn declared(&self, table: TableId) -> Result<Option<Descriptor>> {
        let log = &self.shared.log;
        match log.definition(table) {
            Ok(known) => {
                let newer = log.newer_definition(&known.descriptor).map_err(Error::while_writing)?;
                Ok(Some(newer.unwrap_or(known).descriptor))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.while_writing()),
        }
    }

    fn declare_made(&self, table: TableId, made: Result<Descriptor, DeclarationError>) -> Result<Descriptor> {
        self.declare(&made.map_err(|error| Error::from(error).in_context(self.shared.log.name(table)))?)
    }

    /// The columns that `table` is defined to have. An error of kind [`NotFound`](ErrorKind::NotFound) if it is neither
    /// canonical nor declared.
    pub fn descriptor(&self, table: impl Into<TableId>) -> Result<Descriptor> {
        let table = table.into();
        match table.canonical() {
            Some(table) => Ok(Descriptor::canonical(table)),
            None => Ok(self.shared.log.snapshot(table)?.descriptor()),
        }
    }

    /// Begins a transaction: appends to several tables that become visible as one commit.
    pub fn transaction(&self) -> Transaction {
        let Shared { settings, publisher, background, dictionaries, .. } = &*self.shared;
        Transaction::new(
            Arc::clone(publisher),
            Arc::clone(settings),
            Arc::clone(background),
            Arc::clone(dictionaries),
        )
    }

    /// A scan of `table` as of now. An error if the table was never written, or its manifest is lost.
    ///
    /// Parts are compared with their entries, as [`IoSettings::verify_reads`] says, when they are read.
    pub fn scan(&self, table: impl Into<TableId>) -> Result<Scan> {
        Ok(self.scan_of(self.shared.log.snapshot(table.into())?))
    }

    /// The same, whatever the bucket size of the settings is.
    pub(crate) fn scan_in_any_size(&self, table: TableId) -> Result<Scan> {
        let scan = self.scan(table);
        let Some(size) = scan.as_ref().err().and_then(Error::tick_bucket_size) else { return scan };
        let settings = self.settings().clone().with_tick_bucket_size(size)?;
        Self::with_store(settings, self.run_id().as_str(), Arc::clone(self.storage().0))?.scan(table)
    }

    /// Scans of tables as of one commit.
    pub(crate) fn scans_at_once(&self, tables: &[TableId]) -> Result<Vec<Scan>> {
        const TRIES: usize = 16;
        let scans = || tables.iter().map(|table| self.scan_in_any_size(*table)).collect::<Result<Vec<_>>>();
        for _ in 0..TRIES {
            let before = self.log().head()?;
            let found = scans()?;
            if self.log().head()? == before {
                return Ok(found);
            }
        }
        // A writer that commits all the time.
        let now = self.log().head()?.get();
        tables.iter().map(|table| self.scan_at(*table, now)).collect()
    }

    pub(crate) fn scan_of(&self, state: Arc<TableState>) -> Scan {
        Scan::new(Arc::clone(&self.shared.log), state, Arc::clone(&self.shared.verifier))
    }

    /// The scan of `table` whose [`Scan::pinned`] returned `bytes`: of the same parts, whatever was committed since.
    pub fn scan_pinned(&self, table: impl Into<TableId>, bytes: &[u8]) -> Result<Scan> {
        let state = decode_pinned(table.into(), bytes)?;
        Ok(self.scan_of(Arc::new(state)))
    }

    /// The parts and totals of `table` as of now.
    pub fn manifest(&self, table: impl Into<TableId>) -> Result<TableManifest> {
        Ok(TableManifest::from(&*self.shared.log.snapshot(table.into())?))
    }

    /// Makes `manifest` the state of its table, as one commit. Every part it names must be on disk.
    pub fn replace_manifest(&self, manifest: &TableManifest) -> Result<()> {
        replace::replace(&self.shared.publisher, manifest)
    }

    /// Rebuilds the manifest of `table` from the footers of the parts on disk. Leaves out parts that were never
    /// committed, if the log or the old manifest can tell.
    pub fn rebuild_manifest(&self, table: impl Into<TableId>) -> Result<RebuildReport> {
        rebuild::rebuild(&self.shared.publisher, table.into())
    }

    /// Merges the parts of `table`, bucket by bucket, so that it reads as if it had been written at once: rows stay
    /// as they are, in the order they are in. The parts that were merged stay on disk until a vacuum removes them.
    ///
    /// Other readers and writers may go on meanwhile. Every byte of the parts is checked. Parts of a bucket are left as
    /// they are where one of them is damaged or missing: everything else is merged, and then the error names those
    /// parts. Parts merged before an error stay merged, and the same call does not merge them again.
    pub fn compact(&self, table: impl Into<TableId>, options: CompactOptions) -> Result<CompactReport> {
        self.compact_watched(table, options, |_| {})
    }

    /// [`compact`](Self::compact) with a progress callback, called for every part that was read, from several threads.
    pub fn compact_watched(
        &self,
        table: impl Into<TableId>,
        options: CompactOptions,
        progress: impl Fn(CompactProgress) + Sync,
    ) -> Result<CompactReport> {
        options.check()?;
        let bounds = Bounds { threads: parallel::computing(), max_bytes: options.max_bytes };
        let Shared { settings, publisher, .. } = &*self.shared;
        let (table, which) = (table.into(), Which::Ticks(options.ticks));
        Compaction { publisher, settings, table, which, bounds }
            .run(Vec::new(), || true, &progress)
            .into_result()
    }

    /// The parts that `table` consists of now, in the order of a scan: for tools that read the files themselves.
    /// Other files in its directory do not belong to it. An error for a run in a pack: its parts are no files of their own.
    pub fn files(&self, table: impl Into<TableId>) -> Result<Vec<ScanPart>> {
        self.scan(table)?.files()
    }

    /// Removes files that no table needs: parts that were merged into others or removed from their table, and leftovers
    /// of processes that died. Parts that a scan or a list of files from within
    /// [`older_than`](VacuumOptions::older_than) names are kept; older ones may name parts that no longer exist. Other
    /// readers and writers may go on meanwhile.
    pub fn vacuum(&self, options: VacuumOptions) -> Result<VacuumReport> {
        vacuum::vacuum(&self.shared.publisher, options)
    }

    /// Removes the rows of ticks greater than `after_tick` from every table of this run, as one commit: to continue a
    /// simulation from an earlier tick. -1 removes every row. Readers of earlier snapshots find their rows until a
    /// vacuum removes the files.
    ///
    /// An error of kind [`Conflict`](ErrorKind::Conflict) if another process appends to the run meanwhile; nothing is
    /// removed then. Every byte of a part with ticks on both sides is checked before it is replaced.
    pub fn truncate(&self, after_tick: i64) -> Result<TruncateReport> {
        if after_tick < -1 {
            return Err(Error::argument(format!("tick {after_tick} is negative"))
                .with_hint("pass the last tick to keep, or -1 to remove every row"));
        }
        let Shared { settings, publisher, .. } = &*self.shared;
        truncate::truncate(publisher, settings, after_tick)
    }

    /// The newest tick of any table; `None` without rows. Reads manifests and the log, and no part.
    pub fn last_tick(&self) -> Result<Option<i64>> {
        let states = self.shared.log.table_index()?;
        Ok(states.iter().filter_map(|state| state.ticks()).map(|ticks| ticks.max).max())
    }

    /// Removes commit files that are older than `retention`; one base file replaces them. The tables do not change, and
    /// other readers and writers may go on meanwhile.
    pub fn prune(&self, retention: Duration) -> Result<PruneReport> {
        self.shared.publisher.prune(retention)
    }

    /// Checks the log, the manifests, the parts and every name: all but what the room `run` knows.
    pub(crate) fn check_tables(
        &self,
        options: CheckOptions,
        progress: &(dyn Fn(CheckProgress) + Sync),
    ) -> Result<CheckReport> {
        check::check(&self.shared.log, options, progress)
    }

    /// Repairs what a check found, as far as no acknowledged commit is lost by it: writes manifests from the log, the
    /// base of the log from manifests, and sets a damaged newest commit aside if it cannot have been acknowledged.
    /// Files that are replaced are kept under another name. Missing and damaged parts are never touched.
    ///
    /// To be called while no process writes to the run. On a run that needs no repair it does nothing.
    pub fn repair(&self) -> Result<RepairReport> {
        repair::repair(&self.shared.publisher)
    }

    /// The tables that were written or declared in this run: canonical ones in the order of the registry, then others by
    /// name.
    pub fn tables(&self) -> Result<Vec<TableId>> {
        self.shared.log.list_tables()
    }

    pub(crate) fn log(&self) -> &LogReader {
        &self.shared.log
    }

    pub(crate) fn publisher(&self) -> &Publisher {
        &self.shared.publisher
    }

    /// Merges in the background.
    pub(crate) fn background(&self) -> &Background {
        &self.shared.background
    }

    /// The store and the paths of this run, for files that belong to no table.
    pub(crate) fn storage(&self) -> (&Arc<dyn Store>, &RunPaths) {
        (&self.shared.log.store, &self.shared.log.paths)
    }

    /// Waits for merges of sealed buckets, if the settings ask for them, and rewrites the `manifest.json` of every
    /// table that this handle changed. Nothing is lost without it: the commits are durable. Dropping the last clone of
    /// a handle rewrites manifests, too, but starts no further merges and ignores errors.
    pub fn close(&self) -> Result<()> {
        let merged = self.shared.background.finish();
        let closed = self.shared.publisher.close();
        let errors = [merged, closed].into_iter().filter_map(Result::err);
        together("errors while closing", errors.collect()).map_or(Ok(()), Err)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Errors ignored: this is maintenance, which the next handle does.
        self.background.stop();
        let _ = self.publisher.close();
    }
}

/// The store of the settings' root; a root whose name is that of a pack is one.
pub(crate) fn open_store(settings: &IoSettings) -> Result<Arc<dyn Store>> {
    settings.check_root()?;
    Ok(match settings.fs_protocol() {
        FsProtocol::File if is_pack_name(settings.root_dir()) => PackStore::open(settings.root_dir())?,
        FsProtocol::File => Arc::new(LocalStore::new(settings.root_dir())),
        FsProtocol::Memory => MemoryStore::of_root(settings.root_dir()),
    })
}
