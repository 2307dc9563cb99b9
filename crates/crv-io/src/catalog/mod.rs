//! The runs under a root as one dataset: [`Catalog`].
//!
//! [`listing`] finds the runs, [`row`] says what the catalogue knows of each, [`index`] keeps that between listings,
//! [`frame`] makes a table of it, [`selection`] picks runs, [`scan`] reads one table of many runs.

mod frame;
mod index;
mod listing;
mod row;
mod scan;
mod selection;
mod union;

use std::sync::Arc;

use arrow_array::RecordBatch;
use crv_core::ids::RunId;
use crv_core::tables::TableId;
use serde::Serialize;

pub use listing::{RunEntry, RunSummary, list_runs, summarize_runs};
pub use row::{RunCondition, RunRow};
pub use scan::CatalogScan;
pub use selection::Selection;

pub(crate) use union::SchemaUnion;

use index::{Entry, Index};

use crate::config::IoSettings;
use crate::dataset::open_store;
use crate::error::{Error, Result};
use crate::parallel;
use crate::store::Store;

/// The runs under a root. Reads them when it is asked, and remembers nothing in memory.
///
/// ```
/// use crv_io::catalog::{Catalog, Selection};
/// # use crv_io::{IoSettings, config::FsProtocol, run::{Outcome, RunOptions, start_run}};
/// # let settings = IoSettings::default().with_root_dir("catalog-example")?.with_fs_protocol(FsProtocol::Memory);
/// # for density in [0.2, 0.7] {
/// #     let params = serde_json::json!({"density": density});
/// #     let params = params.as_object().cloned().unwrap_or_default();
/// #     let run_id = Some(format!("w-{density}"));
/// #     start_run(&settings, &RunOptions { run_id, params, ..RunOptions::default() })?.finish(Outcome::Succeeded)?;
/// # }
/// let catalog = Catalog::open(settings)?;
/// let dense = Selection::all().filter("density > 0.5 and state = \"succeeded\"".parse()?);
/// let runs = catalog.runs(&dense)?;
/// assert_eq!(runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["w-0.7"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Catalog {
    settings: IoSettings,
    store: Arc<dyn Store>,
}

/// An entry, and whether its run was read.
type Listed = (Box<Entry>, bool);

/// What a listing did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ListingStats {
    /// Runs that were found.
    pub runs: usize,
    /// Runs that were read; the others were known from the index.
    pub read: usize,
}

impl Catalog {
    /// The catalogue of the settings' root. Reads nothing yet.
    pub fn open(settings: IoSettings) -> Result<Self> {
        let store = open_store(&settings)?;
        Ok(Self { settings, store })
    }

    /// The settings.
    pub fn settings(&self) -> &IoSettings {
        &self.settings
    }

    /// The ids of the runs that a selection by pattern and ids has, sorted, whether or not they can be read. A filter is not
    /// applied.
    pub fn ids(&self, selection: &Selection) -> Result<Vec<RunId>> {
        selection.wanted(&listing::run_ids(&self.settings, &*self.store)?)
    }

    /// The selected runs, sorted by id.
    ///
    /// What is known of each comes from the index beside the runs, if the tags of the run's files are those of then;
    /// else it is read from the run. Many runs that were read are put into the index, unless the root is read-only.
    /// A run that is damaged does not hide the others. Errors are those of [`list_runs`] and [`Selection`].
    pub fn runs(&self, selection: &Selection) -> Result<Vec<RunRow>> {
        self.runs_with_stats(selection).map(|(rows, _)| rows)
    }

    /// The same, and how many runs were read.
    pub fn runs_with_stats(&self, selection: &Selection) -> Result<(Vec<RunRow>, ListingStats)> {
        let ids = listing::run_ids(&self.settings, &*self.store)?;
        let wanted = selection.wanted(&ids)?;
        let known = index::load(&*self.store);
        // What the index knows is compared on few threads: that computes. Runs are read on many: that waits.
        let threads = if known.is_empty() { parallel::WAITING } else { parallel::computing() };
        // What never changes in a run can be asked of an entry that is not current otherwise.
        let facts_only = selection.asks_for_facts_only() && !known.is_empty();
        let (entries, others) = if facts_only {
            self.with_facts(selection, &known, &wanted)?
        } else {
            let entries = parallel::map(&wanted, threads, |run| self.entry(run, known.find(run)))?;
            (entries.into_iter().flatten().collect(), Vec::new())
        };
        let all = || entries.iter().chain(&others);
        let read = all().filter(|(_, was_read)| *was_read).count();
        let stats = ListingStats { runs: wanted.len(), read };
        index::save(&*self.store, &known, &ids, all());
        let rows: Vec<RunRow> = entries.into_iter().map(|(entry, _)| entry.into_row()).collect();
        if facts_only {
            return Ok((rows, stats));
        }
        let mut passes = selection.passes(&rows.iter().collect::<Vec<_>>())?.into_iter();
        Ok((rows.into_iter().filter(|_| passes.next().unwrap_or(false)).collect(), stats))
    }

    /// The entries of those of `wanted` that a selection has by their facts alone; and of the others those that were read,
    /// because the index does not say their facts.
    fn with_facts(
        &self,
        selection: &Selection,
        known: &Index,
        wanted: &[RunId],
    ) -> Result<(Vec<Listed>, Vec<Listed>)> {
        let facts = parallel::map(wanted, parallel::computing(), |run| {
            Ok::<_, Error>(match known.facts(&*self.store, run) {
                Some(row) => Some((row, None)),
                None => {
                    self.entry(run, known.find(run))?.map(|listed| (listed.0.row().clone(), Some(listed)))
                }
            })
        })?;
        let facts: Vec<(RunRow, Option<Listed>)> = facts.into_iter().flatten().collect();
        let mut passes = selection.passes(&facts.iter().map(|(row, _)| row).collect::<Vec<_>>())?.into_iter();
        let (facts, others): (Vec<_>, Vec<_>) =
            facts.into_iter().partition(|_| passes.next().unwrap_or(false));
        let entries = parallel::map(&facts, parallel::WAITING, |(row, listed)| match listed {
            Some(listed) => Ok(Some(listed.clone())),
            None => self.entry(&row.run_id, known.find(&row.run_id)),
        })?;
        let others = others.into_iter().filter_map(|(_, listed)| listed).collect();
        Ok((entries.into_iter().flatten().collect(), others))
    }

    /// The entry of a run, and whether the run was read: `known` does unless what it says may have changed. `None` for a
    /// run that is not there any more.
    fn entry(&self, run: &RunId, known: Option<Box<Entry>>) -> Result<Option<Listed>> {
        let store = &*self.store;
        match known.filter(|entry| entry.is_current(store)) {
            Some(entry) => Ok(Some((entry, false))),
            None => Ok(Entry::read(&self.settings, &self.store, run)?.map(|entry| (Box::new(entry), true))),
        }
    }

    /// Runs as a table: one row each, their parameters as columns.
    ///
    /// | column | type | |
    /// |---|---|---|
    /// | `run_id` | text | |
    /// | `state` | text | `running`, `succeeded`, `failed`, `aborted`, `stale`, `damaged`, `unreadable`, `newer`; null for a run that was not begun by [`start_run`](crate::run::start_run) |
    /// | `created_at`, `ended_at` | instant | |
    /// | `duration_s` | float | seconds from the one to the other |
    /// | `seed` | integer; text if one does not fit 64 bits | |
    /// | `sweep` | text | |
    /// | `tags` | list of texts | |
    /// | `params.…` | as the values are; JSON text if they are of several types | |
    /// | `tables` | list of texts | those that were written |
    /// | `rows`, `bytes` | integer | of all tables |
    /// | `tick_min`, `tick_max` | integer | the first and the last tick |
    /// | `commit` | integer | the newest commit |
    /// | `model`, `model_version`, `model_commit` | text | |
    /// | `problem` | text | why the run, or some of its facts, cannot be read |
    pub fn frame(rows: &[RunRow]) -> Result<RecordBatch> {
        frame::of(&rows.iter().collect::<Vec<_>>())
    }

    /// Rows of `table` in the selected runs. Runs without the table are left out.
    ///
    /// An error of kind [`NotFound`](crate::ErrorKind::NotFound) if no selected run has the table; of kind
    /// [`Schema`](crate::ErrorKind::Schema), naming both runs, if two runs have the table with columns that do not fit;
    /// that of the run if one cannot be read: see [`CatalogScan::skip_damaged`].
    pub fn scan(&self, table: impl Into<TableId>, selection: &Selection) -> Result<CatalogScan> {
        CatalogScan::new(self, table.into(), self.runs(selection)?)
    }

    /// The rows sorted by columns of [`frame`](Self::frame), the first one first; `true` for descending. Nulls come last.
    /// Names are resolved as in [`Selection::filter`].
    pub fn sorted(rows: Vec<RunRow>, by: &[(&str, bool)]) -> Result<Vec<RunRow>> {
        frame::sorted(rows, by)
    }

    /// Some columns of [`frame`](Self::frame), in this order. Names are resolved as in [`Selection::filter`].
    pub fn project<N: AsRef<str>>(frame: &RecordBatch, columns: &[N]) -> Result<RecordBatch> {
        let fields = frame.schema_ref().fields();
        let place = |name: &N| {
            let column = frame::resolve(fields, name.as_ref());
            let place = column.and_then(|column| fields.iter().position(|field| *field.name() == column));
            place.ok_or_else(|| frame::unknown(fields, name.as_ref()))
        };
        let places = columns.iter().map(place).collect::<Result<Vec<_>>>()?;
        frame.project(&places).map_err(|error| Error::argument(format!("runs cannot be shown so: {error}")))
    }

    /// The same as [`frame`](Self::frame), but for parameters that Parquet cannot hold, structs without fields: they are
    /// JSON text.
    pub(crate) fn parquet_frame(rows: &[RunRow]) -> Result<RecordBatch> {
        frame::for_parquet(&rows.iter().collect::<Vec<_>>())
    }

    /// The index of these runs, for a store that never changes.
    pub(crate) fn whole_index(
        settings: &IoSettings,
        store: &Arc<dyn Store>,
        runs: &[RunId],
    ) -> Result<Vec<u8>> {
        index::whole(settings, store, runs)
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}
