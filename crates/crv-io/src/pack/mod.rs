//! Packs many runs into few files: [`Catalog::pack`].
//!
//! [`part`] makes one part of each bucket of a run, [`table`] puts the parts of all runs into one file for each table,
//! [`run`] lists what a run consists of, [`packing`] writes all of it. A pack is written beside its place and renamed when it is whole and durable.
//! [`packed`](crate::packed) reads it.

mod packing;
mod part;
mod run;
mod table;
mod unfinished;

use std::collections::BTreeMap;
use std::path::Path;

use crv_core::tables::TableId;
use serde::Serialize;

use packing::Packing;
use run::OpenRun;
use unfinished::Unfinished;

use crate::catalog::{Catalog, RunCondition, RunRow, SchemaUnion, Selection};
use crate::error::{Error, ErrorKind, Result};
use crate::packed::is_pack_name;
use crate::parallel;

/// The column with the id of a row's run.
const RUN_ID: &str = "run_id";
/// Runs that are open at a time.
const RUNS_AT_ONCE: usize = 64;

/// What is packed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PackOptions {
    /// Only these tables; `None` for all.
    pub tables: Option<Vec<TableId>>,
    /// Leaves out runs that cannot be read, in place of an error.
    pub skip_damaged: bool,
    /// Row groups in a file, at most: a table with more of them, one for each bucket of each run, has several files. Some
    /// readers refuse files with more than 32,767.
    pub row_groups: usize,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self { tables: None, skip_damaged: false, row_groups: 30_000 }
    }
}

/// How far a pack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackProgress {
    /// Runs that are packed.
    pub runs: usize,
    /// Runs to pack.
    pub of: usize,
}

/// What was packed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PackSummary {
    /// The pack, as it was given.
    pub path: String,
    /// How many runs it has.
    pub runs: usize,
    /// Rows of all tables.
    pub rows: u64,
    /// The size of its files.
    pub bytes: u64,
    /// Its tables: canonical ones in the order of the registry, then others by name.
    pub tables: Vec<PackedTable>,
    /// Runs that were left out, because they cannot be read or have nothing in them, with why.
    pub skipped: Vec<(String, String)>,
}

/// Why a run without files is left out.
const NOTHING: &str = "it has no facts, no tables and no artifacts";

/// A table of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackedTable {
    /// The table.
    pub table: TableId,
    /// How many runs have it.
    pub runs: usize,
    /// Rows of all runs.
    pub rows: u64,
    /// The size of its file.
    pub bytes: u64,
}

impl Catalog {
    /// Packs the selected runs into the directory `path`, whose name ends in `.crvpack`: one Parquet file for each table,
    /// sorted by run and tick, and the runs' facts, status and artifacts. A catalogue, or a dataset, whose root is the pack
    /// reads the runs as they are now; nothing in a pack can be changed.
    ///
    /// A pack is there whole, and durable, or not at all. Every byte of the parts is checked. The runs stay where they
    /// are. What a pack does not have: the history of commits, the bundle of a run, and parts that are not live.
    ///
    /// Errors: of kind [`Argument`](ErrorKind::Argument) if the name is not that of a pack, or something is there already; of kind
    /// [`NotFound`](ErrorKind::NotFound) without runs; of kind [`Conflict`](ErrorKind::Conflict) if a run is running; of
    /// kind [`Schema`](ErrorKind::Schema) if the tables of two runs do not fit; that of the run if one cannot be read.
    pub fn pack(
        &self,
        selection: &Selection,
        path: impl AsRef<Path>,
        options: &PackOptions,
    ) -> Result<PackSummary> {
        self.pack_watched(selection, path, options, |_| {})
    }

    /// [`pack`](Self::pack) with a progress callback, called after each run.
    pub fn pack_watched(
        &self,
        selection: &Selection,
        path: impl AsRef<Path>,
        options: &PackOptions,
        progress: impl Fn(PackProgress),
    ) -> Result<PackSummary> {
        let path = path.as_ref();
        check_name(path)?;
        let (mut rows, mut skipped) = self.packable(selection, options)?;
        let schemas = self.packed_schemas(&rows, options)?;
        let dir = Unfinished::create(path)?;
        let mut packing = Packing::begin(self.settings(), &dir.path, schemas, options.row_groups)?;
        for (place, runs) in rows.chunks(RUNS_AT_ONCE).enumerate() {
            let open = |run: &RunRow| OpenRun::open(self, &run.run_id, options);
            let runs = parallel::map(runs, parallel::WAITING, open)?;
            packing.add(&runs, |done| {
                progress(PackProgress { runs: place * RUNS_AT_ONCE + done, of: rows.len() });
            })?;
        }
        let empty = packing.empty().to_vec();
        rows.retain(|run| !empty.contains(&run.run_id));
        skipped.extend(empty.iter().map(|run| (run.to_string(), NOTHING.to_owned())));
        let (document, tables) = packing.finish(self.settings(), &rows)?;
        dir.publish(path)?;
        Ok(PackSummary {
            path: path.display().to_string(),
            runs: rows.len(),
            rows: tables.iter().map(|table| table.rows).sum(),
            bytes: document.files.values().map(|file| file.bytes).sum(),
            tables,
            skipped,
        })
    }

    /// The selected runs, and those that are left out.
    #[expect(clippy::type_complexity, reason = "two lists")]
    fn packable(
        &self,
        selection: &Selection,
        options: &PackOptions,
    ) -> Result<(Vec<RunRow>, Vec<(String, String)>)> {
        let (damaged, rows): (Vec<RunRow>, Vec<RunRow>) =
            self.runs(selection)?.into_iter().partition(RunRow::is_damaged);
        if let Some(run) = damaged.first().filter(|_| !options.skip_damaged) {
            return Err(run.cannot_be_read());
        }
        if let Some(run) = rows.iter().find(|run| run.state == Some(RunCondition::Running)) {
            let text = format!("run `{}` is running: a pack would have half of it", run.run_id);
            return Err(Error::new(ErrorKind::Conflict, text)
                .with_hint("wait for its end, or leave such runs out: `state != \"running\"`"));
        }
        if rows.is_empty() {
            return Err(Error::argument("there are no such runs to pack").not_found());
        }
        let why = |run: RunRow| (run.run_id.to_string(), run.problem.unwrap_or_default());
        Ok((rows, damaged.into_iter().map(why).collect()))
    }

    /// The tables of all runs, each with the schema that it has over all of them.
    fn packed_schemas(
        &self,
        rows: &[RunRow],
        options: &PackOptions,
    ) -> Result<BTreeMap<TableId, SchemaUnion>> {
        let mut schemas: BTreeMap<TableId, SchemaUnion> = BTreeMap::new();
        for runs in rows.chunks(RUNS_AT_ONCE) {
            let opened =
                parallel::map(runs, parallel::WAITING, |run| OpenRun::open(self, &run.run_id, options))?;
            for run in &opened {
                for scan in &run.scans {
                    let union = schemas.entry(scan.table());
                    let union = union.or_insert_with(|| SchemaUnion::new(scan.table()));
                    if scan.table_schema().field(RUN_ID).is_some() {
                        return Err(taken(scan.table()));
                    }
                    union.add(run.id(), scan.table_schema())?;
                }
            }
        }
        if let Some(missing) = options.tables.iter().flatten().find(|table| !schemas.contains_key(table)) {
            let error = Error::argument(format!("no selected run has a table `{missing}`")).not_found();
            return Err(error.with_hint("`crv tables RUN` lists the tables of a run"));
        }
        Ok(schemas)
    }
}

fn taken(table: TableId) -> Error {
    Error::argument(format!("table `{table}` has a column `{RUN_ID}` of its own"))
        .with_hint("leave it out: `tables`, or `--tables`; a pack adds the ids of the runs under this name")
}

fn check_name(path: &Path) -> Result<()> {
    let shown = path.display();
    if !path.file_name().and_then(|name| name.to_str()).is_some_and(is_pack_name) {
        return Err(Error::argument(format!("`{shown}` cannot name a pack"))
            .with_hint("end the name in `.crvpack`: that is how a pack is known"));
    }
    if path.symlink_metadata().is_ok() {
        return Err(Error::argument(format!("`{shown}` is there already"))
            .with_hint("remove it first, or choose another name"));
    }
    Ok(())
}
