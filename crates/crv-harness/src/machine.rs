//! A simulated machine: a disk, the processes that write to it, and the model of what they wrote.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crv_core::tables::TableId;
use crv_io::config::Compression;
use crv_io::store::Store;
use crv_io::store::files::FileSystem as _;
use crv_io::{
    AppendOptions, CheckpointOptions, Dataset, Error, ErrorKind, IoSettings, Transaction, Writer,
    WriterOptions,
};

use crate::disk::{Disk, Sim};
use crate::model::{Model, Row, Told, tables};
use crate::plant::{self, Bug};
use crate::rows;

/// The root on the simulated disk. Its parent does not exist at first either.
pub const ROOT: &str = "/data/out";
/// The run.
pub const RUN: &str = "run-1";
/// Ticks in a bucket.
pub const BUCKET: u64 = 4;

/// A machine. Clones share its state.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its disk.
    pub sim: Sim,
    bug: Option<Bug>,
    every_n: Option<u64>,
    seals: bool,
    model: Arc<Mutex<Model>>,
    /// Manifests as another implementation last read them.
    views: Arc<Mutex<BTreeMap<TableId, Vec<u8>>>>,
    next_id: Arc<AtomicI64>,
}

impl Machine {
    /// Creates a machine with an empty disk.
    pub fn new(bug: Option<Bug>, every_n: Option<u64>) -> Self {
        Self {
            sim: Sim::default(),
            bug,
            every_n,
            seals: false,
            model: Arc::default(),
            views: Arc::default(),
            next_id: Arc::new(AtomicI64::new(1)),
        }
    }

    /// Sets whether the parts of sealed buckets are merged.
    #[must_use]
    pub fn sealing(mut self, seals: bool) -> Self {
        self.seals = seals;
        self
    }

    /// Returns the machine after a crash at `moment` that left `disk`.
    #[must_use]
    pub fn after(&self, disk: Disk, moment: usize) -> Self {
        Self {
            sim: Sim::new(disk),
            bug: self.bug,
            every_n: self.every_n,
            seals: self.seals,
            model: Arc::new(Mutex::new(self.model().stopped_at(moment))),
            views: Arc::default(),
            next_id: Arc::new(AtomicI64::new(self.next_id.load(Ordering::Relaxed))),
        }
    }

    /// The model of what its writers did.
    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The settings that every process has.
    pub fn settings(&self) -> Result<IoSettings, String> {
        let settings = IoSettings::default().with_root_dir(ROOT);
        let settings = settings.and_then(|settings| settings.with_tick_bucket_size(BUCKET));
        let settings = settings.and_then(|settings| match self.every_n {
            Some(every_n) => settings.with_write_manifest_every_n(Some(every_n)),
            None => Ok(settings),
        });
        // Compression is not under test, and this one is faster.
        let settings = settings.map_err(|error| error.to_string())?.with_compression(Compression::Snappy);
        Ok(settings.with_compact_sealed_buckets(self.seals))
    }

    /// Opens the store as a separate process does.
    pub fn store(&self) -> Arc<dyn Store> {
        plant::open_store(&self.sim, ROOT, self.bug)
    }

    /// Opens the run as a separate process does.
    pub fn open(&self) -> Result<Dataset, String> {
        Dataset::with_store(self.settings()?, RUN, self.store()).map_err(|error| error.to_string())
    }

    /// The current moment: the number of recorded disks after the first.
    pub fn moment(&self) -> usize {
        self.sim.moment().saturating_sub(1)
    }

    /// Writes rows of these ticks to each of these tables, as one transaction, and records the outcome.
    pub fn write(&self, dataset: &Dataset, tables: &[TableId], ticks: &[i64]) -> Result<(), Error> {
        let rows = self.rows(tables, ticks);
        let entry = self.model().begin(rows.clone(), self.moment());
        let outcome = commit(dataset, &rows, None);
        self.model().tell(entry, self.moment(), Told::of(&outcome));
        outcome
    }

    /// Writes a row and the state of the simulation, of which that many are kept, as one transaction.
    pub fn checkpoint(&self, dataset: &Dataset, tick: i64, keep: NonZeroU64) -> Result<(), Error> {
        let rows = self.rows(&[TableId::EXCHANGE], &[tick]);
        let entry = self.model().begin_checkpoint(rows.clone(), self.moment());
        let outcome = commit(dataset, &rows, Some(keep));
        self.model().tell(entry, self.moment(), Told::of(&outcome));
        outcome
    }

    /// Writes a transaction of each of `groups`, tables and ticks, as threads of a process do that wait for each other:
    /// as one commit. Records the outcome of each.
    pub fn together(&self, dataset: &Dataset, groups: &[(Vec<TableId>, Vec<i64>)]) -> Result<(), Error> {
        let mut entries = Vec::new();
        let mut begun = Vec::new();
        for (tables, ticks) in groups {
            let rows = self.rows(tables, ticks);
            entries.push(self.model().begin(rows.clone(), self.moment()));
            begun.push(begin(dataset, &rows));
        }
        // The bug: all but the first are acknowledged before the commit is durable.
        let (machine, followers) = (self.clone(), entries.get(1..).unwrap_or_default().to_vec());
        plant::before_log_sync(self.bug, move || {
            let moment = machine.moment();
            for entry in &followers {
                machine.model().tell(*entry, moment, Told::Committed);
            }
        });
        let (ready, failed): (Vec<_>, Vec<_>) =
            entries.into_iter().zip(begun).partition(|(_, begun)| begun.is_ok());
        let (entries, transactions): (Vec<_>, Vec<_>) =
            ready.into_iter().filter_map(|(entry, begun)| Some((entry, begun.ok()?))).unzip();
        let outcomes = Transaction::commit_together(transactions);
        plant::before_log_sync(None, || {});
        let failed = failed.into_iter().map(|(entry, begun)| (entry, begun.map(drop)));
        let outcomes = entries.into_iter().zip(outcomes.into_iter().map(|outcome| outcome.map(drop)));
        let mut last = Ok(());
        for (entry, outcome) in outcomes.chain(failed) {
            self.model().tell_first(entry, self.moment(), Told::of(&outcome));
            last = last.and(outcome);
        }
        last
    }

    /// The same through a buffered writer, one flush for each bucket.
    pub fn gather(&self, dataset: &Dataset, tables: &[TableId], ticks: &[i64]) -> Result<(), Error> {
        let mut writer = dataset.writer(WriterOptions::default());
        let bucket = |tick: &i64| tick / BUCKET.cast_signed();
        for ticks in ticks.chunk_by(|tick, next| bucket(tick) == bucket(next)) {
            let rows = self.rows(tables, ticks);
            let entry = self.model().begin(rows.clone(), self.moment());
            let outcome = flush(dataset, &mut writer, &rows);
            if outcome.is_err() {
                // Else they would be written with the next ones, or when the writer is dropped.
                writer.discard();
            }
            self.model().tell(entry, self.moment(), Told::of(&outcome));
            outcome?;
        }
        Ok(())
    }

    /// Removes the rows beyond a tick, and records the outcome.
    pub fn truncate(&self, dataset: &Dataset, after: i64) -> Result<(), Error> {
        let truncation = self.model().begin_truncation(after, self.moment());
        let outcome = dataset.truncate(after).map(drop);
        self.model().tell_truncation(truncation, self.moment(), Told::of(&outcome));
        outcome
    }

    /// Declares `more` further columns, and records it when it is acknowledged.
    pub fn grow(&self, dataset: &Dataset, more: usize) -> Result<(), Error> {
        rows::declare(dataset, more)?;
        let moment = self.moment();
        self.model().grown.push((more, moment));
        Ok(())
    }

    /// Acts as another implementation: reads the manifest of `table`, and writes back, durably, what it read the last
    /// time, an older manifest with the contract's keys alone.
    pub fn put_back(&self, dataset: &Dataset, table: TableId) -> Result<(), String> {
        let Ok(now) = dataset.manifest(table) else { return Ok(()) };
        let now = serde_json::to_vec_pretty(&now).map_err(|error| error.to_string())?;
        let earlier = self.views.lock().unwrap_or_else(PoisonError::into_inner).insert(table, now);
        let Some(earlier) = earlier else { return Ok(()) };
        let dir = Path::new(ROOT).join("runs").join(RUN).join("tables").join(table.as_str());
        let temp = dir.join("manifest.json.theirs.tmp");
        let written = (|| {
            let _left = self.sim.remove_file(&temp);
            let mut file = self.sim.create_new(&temp)?;
            file.write_all(&earlier)?;
            file.sync()?;
            self.sim.rename(&temp, &dir.join("manifest.json"))?;
            self.sim.sync_dir(&dir)
        })();
        // On a full disk, or after a failed call, the manifest stays as it is.
        let _ = written;
        Ok(())
    }

    /// Creates new rows: one for each of these ticks, in each of these tables.
    pub fn rows(&self, tables: &[TableId], ticks: &[i64]) -> BTreeMap<TableId, Vec<Row>> {
        let row = |tick: &i64| Row { tick: *tick, id: self.next_id.fetch_add(1, Ordering::Relaxed) };
        tables.iter().map(|table| (*table, ticks.iter().map(row).collect())).collect()
    }

    /// Reads every table, and compares the rows with those that must be there now. With `resolve`, unknown outcomes
    /// are resolved to what was found, which is right only while no writer is active.
    pub fn look(&self, dataset: &Dataset, resolve: bool) -> Result<(), String> {
        let found = rows::read_all(dataset)?;
        let checkpoints = rows::checkpoints(dataset)?;
        let moment = self.moment();
        let mut model = self.model();
        for table in tables().into_iter().filter(|table| !found.contains_key(table)) {
            if model.must_have(table, moment) {
                return Err(format!("`{table}` is missing, and rows of it were acknowledged"));
            }
        }
        model.compare(&found, moment)?;
        model.compare_checkpoints(&found, &checkpoints, moment)?;
        let must = model.columns_at(moment);
        if let Some(missing) = rows::missing_column(dataset, must)? {
            return Err(format!("column `{missing}` is not declared, and its declaration was acknowledged"));
        }
        if resolve {
            model.resolve(&found);
        }
        Ok(())
    }
}

/// Declares the table that is not canonical, if rows of it come and it is not declared.
pub(crate) fn ready(dataset: &Dataset, rows: &BTreeMap<TableId, Vec<Row>>) -> Result<(), Error> {
    if !rows.contains_key(&*rows::AGENTS) {
        return Ok(());
    }
    match dataset.descriptor(*rows::AGENTS) {
        Err(error) if error.kind() == ErrorKind::NotFound => rows::declare(dataset, 0),
        Err(error) => Err(error.while_writing()),
        Ok(_) => Ok(()),
    }
}

fn flush(dataset: &Dataset, writer: &mut Writer, rows: &BTreeMap<TableId, Vec<Row>>) -> Result<(), Error> {
    ready(dataset, rows)?;
    for (table, rows) in rows {
        let frame = rows::frame(*table, rows)
            .map_err(|error| Error::new(ErrorKind::Argument, format!("the harness: {error}")))?;
        writer.append(*table, frame, AppendOptions::default())?;
    }
    writer.flush().map(drop)
}

/// Begins a transaction with these rows.
fn begin(dataset: &Dataset, rows: &BTreeMap<TableId, Vec<Row>>) -> Result<Transaction, Error> {
    ready(dataset, rows)?;
    let mut transaction = dataset.transaction();
    for (table, rows) in rows {
        let frame = rows::frame(*table, rows)
            .map_err(|error| Error::new(ErrorKind::Argument, format!("the harness: {error}")))?;
        transaction.append(*table, frame, AppendOptions::default())?;
    }
    Ok(transaction)
}

/// Commits the rows, and with `keep` the state of the simulation, made from the number of the first row.
fn commit(
    dataset: &Dataset,
    rows: &BTreeMap<TableId, Vec<Row>>,
    keep: Option<NonZeroU64>,
) -> Result<(), Error> {
    let mut transaction = begin(dataset, rows)?;
    if let Some((keep, row)) = keep.zip(rows.values().flatten().next()) {
        let options = CheckpointOptions { tick: None, keep: Some(keep) };
        transaction.checkpoint(&rows::state(row.id), options)?;
    }
    transaction.commit().map(drop)
}
