//! A simulated machine: a disk, the processes that write to it, and the model of what they were told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crv_core::grammar::TableName;
use crv_io::config::Compression;
use crv_io::store::files::FileSystem as _;
use crv_io::{AppendOptions, Dataset, Error, ErrorKind, IoSettings, Writer, WriterOptions};

use crate::disk::{Disk, Sim};
use crate::model::{Model, Row, TABLES, Told};
use crate::plant::{self, Bug};
use crate::rows;

/// The root on the simulated disk: its parent is not there at first either.
pub const ROOT: &str = "/data/out";
/// The run.
pub const RUN: &str = "run-1";
/// Ticks in a bucket.
pub const BUCKET: u64 = 4;

/// A machine. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its disk.
    pub sim: Sim,
    bug: Option<Bug>,
    every_n: Option<u64>,
    seals: bool,
    model: Arc<Mutex<Model>>,
    /// Manifests as another implementation last read them.
    views: Arc<Mutex<BTreeMap<TableName, Vec<u8>>>>,
    next_id: Arc<AtomicI64>,
}

impl Machine {
    /// A machine with an empty disk.
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

    /// The same machine, where the parts of sealed buckets are merged, or not.
    #[must_use]
    pub fn sealing(mut self, seals: bool) -> Self {
        self.seals = seals;
        self
    }

    /// The same machine after a crash at `moment` that left `disk`.
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

    /// What its writers did.
    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run, opened as by a process of its own.
    pub fn open(&self) -> Result<Dataset, String> {
        let settings = IoSettings::default().with_root_dir(ROOT);
        let settings = settings.and_then(|settings| settings.with_tick_bucket_size(BUCKET));
        let settings = settings.and_then(|settings| match self.every_n {
            Some(every_n) => settings.with_write_manifest_every_n(Some(every_n)),
            None => Ok(settings),
        });
        // How parts are compressed is not what is tried here, and this is quicker.
        let settings = settings.map_err(|error| error.to_string())?.with_compression(Compression::Snappy);
        let settings = settings.with_compact_sealed_buckets(self.seals);
        Dataset::with_store(settings, RUN, plant::open_store(&self.sim, ROOT, self.bug))
            .map_err(|error| error.to_string())
    }

    /// The moment: how many disks are remembered after the first.
    pub fn moment(&self) -> usize {
        self.sim.moment().saturating_sub(1)
    }

    /// Writes rows of these ticks to each of these tables, as one transaction, and notes what came of it.
    pub fn write(&self, dataset: &Dataset, tables: &[TableName], ticks: &[i64]) -> Result<(), Error> {
        let rows = self.rows(tables, ticks);
        let entry = self.model().begin(rows.clone(), self.moment());
        let outcome = commit(dataset, &rows);
        self.model().tell(entry, self.moment(), Told::of(&outcome));
        outcome
    }

    /// The same through a buffered writer, one flush for each bucket.
    pub fn gather(&self, dataset: &Dataset, tables: &[TableName], ticks: &[i64]) -> Result<(), Error> {
        let mut writer = dataset.writer(WriterOptions::default());
        let bucket = |tick: &i64| tick / BUCKET.cast_signed();
        for ticks in ticks.chunk_by(|tick, next| bucket(tick) == bucket(next)) {
            let rows = self.rows(tables, ticks);
            let entry = self.model().begin(rows.clone(), self.moment());
            let outcome = flush(&mut writer, &rows);
            if outcome.is_err() {
                // Else they would go out with the next ones, or when the writer goes.
                writer.discard();
            }
            self.model().tell(entry, self.moment(), Told::of(&outcome));
            outcome?;
        }
        Ok(())
    }

    /// Another implementation reads the manifest of `table`, and puts back what it read the time before: an older
    /// manifest, with the contract's keys alone, as durably as it can.
    pub fn put_back(&self, dataset: &Dataset, table: TableName) -> Result<(), String> {
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
        // A full disk, or a call that fails: it leaves the manifest as it is.
        let _ = written;
        Ok(())
    }

    /// New rows: one for each of these ticks, in each of these tables.
    pub fn rows(&self, tables: &[TableName], ticks: &[i64]) -> BTreeMap<TableName, Vec<Row>> {
        let row = |tick: &i64| Row { tick: *tick, id: self.next_id.fetch_add(1, Ordering::Relaxed) };
        tables.iter().map(|table| (*table, ticks.iter().map(row).collect())).collect()
    }

    /// Reads everything, and compares it with what must be there now. What is open still is settled by it if
    /// nothing is under way.
    pub fn look(&self, dataset: &Dataset, settle: bool) -> Result<(), String> {
        let found = rows::read_all(dataset)?;
        let moment = self.moment();
        let mut model = self.model();
        for table in TABLES.into_iter().filter(|table| !found.contains_key(table)) {
            if model.must_have(table, moment) {
                return Err(format!("`{table}` is gone, and rows of it were acknowledged"));
            }
        }
        model.compare(&found, moment)?;
        if settle {
            model.settle(&found);
        }
        Ok(())
    }
}

fn flush(writer: &mut Writer, rows: &BTreeMap<TableName, Vec<Row>>) -> Result<(), Error> {
    for (table, rows) in rows {
        let frame = rows::frame(*table, rows)
            .map_err(|error| Error::new(ErrorKind::Argument, format!("the harness: {error}")))?;
        writer.append(*table, frame, AppendOptions::default())?;
    }
    writer.flush().map(drop)
}

fn commit(dataset: &Dataset, rows: &BTreeMap<TableName, Vec<Row>>) -> Result<(), Error> {
    let mut transaction = dataset.transaction();
    for (table, rows) in rows {
        let frame = rows::frame(*table, rows)
            .map_err(|error| Error::new(ErrorKind::Argument, format!("the harness: {error}")))?;
        transaction.append(*table, frame, AppendOptions::default())?;
    }
    transaction.commit().map(drop)
}
