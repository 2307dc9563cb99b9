//! [`CatalogScan`]: one table of many runs.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow_cast::cast;
use arrow_schema::{Field, Fields, Schema, SchemaRef};
use arrow_select::take::take;
use crv_core::ids::RunId;
use crv_core::tables::TableId;
use crv_schema::filter::Filter;

use super::row::{RunRow, is_of_run};
use super::union::SchemaUnion;
use super::{Catalog, selection};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;
use crate::read::{self, Bound, OriginColumn, Origins, PartReader, Scan, ScanBatches, Target, Texts};
use crate::schema::{TableSchema, steps};
use crate::ticks::{TickRange, TickSpan};

/// The column with the id of a row's run.
const RUN_ID: &str = "run_id";

/// A lazy read of one table of many runs, each as of when the scan was made.
///
/// Every row has the id of its run in the column `run_id`, then the parameters that were asked for, then the table's
/// columns: those of all runs, null where a run does not have them. Rows come run by run, sorted by id, and within a run
/// in the order of [`Scan`].
#[derive(Debug, Clone)]
pub struct CatalogScan {
    table: TableId,
    runs: Vec<RunRow>,
    scans: Vec<Scan>,
    schema: Arc<TableSchema>,
    damaged: Vec<RunRow>,
    params: Vec<(String, ArrayRef)>,
    range: TickRange,
    columns: Option<Vec<String>>,
    filter: Option<Bound>,
    limit: Option<u64>,
    texts: Texts,
}

/// A column that a scan returns.
enum Shown<'a> {
    RunId,
    Param(&'a ArrayRef),
    Table(&'a str),
}

impl CatalogScan {
    pub(super) fn new(catalog: &Catalog, table: TableId, rows: Vec<RunRow>) -> Result<Self> {
        let (damaged, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(RunRow::is_damaged);
        let has_it = |row: &RunRow| row.tables.iter().any(|info| info.table == table);
        let mut runs: Vec<RunRow> = rows.into_iter().filter(has_it).collect();
        let open = |run: &RunId| {
            let settings = catalog.settings().clone();
            Dataset::with_store(settings, run.as_ref(), Arc::clone(catalog.store()))?.scan_in_any_size(table)
        };
        let opened = parallel::map(&runs, parallel::WAITING, |run| match open(&run.run_id) {
            Ok(scan) => Ok(Some(Ok(scan))),
            // It was removed since it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if is_of_run(&error) => Ok(Some(Err(error))),
            Err(error) => Err(error),
        })?;
        let (mut scans, mut unreadable) = (Vec::with_capacity(runs.len()), damaged);
        let mut opened = opened.into_iter();
        runs.retain(|run| match opened.next() {
            Some(Some(Ok(scan))) => {
                scans.push(scan);
                true
            }
            Some(Some(Err(error))) => {
                unreadable.push(RunRow::unreadable(run.run_id.clone(), &error, false));
                false
            }
            Some(None) | None => false,
        });
        if runs.is_empty() && unreadable.is_empty() {
            let error = Error::argument(format!("no selected run has a table `{table}`")).not_found();
            return Err(error.with_hint("`crv tables RUN` lists the tables of a run"));
        }
        let mut union = SchemaUnion::new(table);
        runs.iter().zip(&scans).try_for_each(|(run, scan)| union.add(&run.run_id, scan.table_schema()))?;
        let schema = Arc::new(union.finish());
        if schema.field(RUN_ID).is_some() {
            let error = Error::argument(format!("table `{table}` has a column `{RUN_ID}` of its own"));
            return Err(error.with_hint(
                "read its runs one by one; a scan of many adds the ids of the runs under this name",
            ));
        }
        Ok(Self {
            table,
            runs,
            scans,
            schema,
            damaged: unreadable,
            params: Vec::new(),
            range: TickRange::ALL,
            columns: None,
            filter: None,
            limit: None,
            texts: Texts::Plain,
        })
    }

    /// The runs whose rows are read, in order.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = &RunRow> {
        self.runs.iter()
    }

    /// Selected runs that cannot be read.
    pub fn damaged(&self) -> &[RunRow] {
        &self.damaged
    }

    /// Leaves out the runs that cannot be read. Returns them; the caller is to name them.
    pub fn skip_damaged(mut self) -> (Self, Vec<RunRow>) {
        let skipped = std::mem::take(&mut self.damaged);
        (self, skipped)
    }

    /// The same scan; an error if a selected run cannot be read.
    pub fn checked(self) -> Result<Self> {
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        self.damaged.first().map_or(Ok(()), |run| Err(run.cannot_be_read()))
    }

    /// Restricts the scan to some of its [`runs`](Self::runs), by place. The schema stays.
    #[must_use]
    pub fn only(mut self, places: &[usize]) -> Self {
        let kept = |place: &usize| Some((self.runs.get(*place)?.clone(), self.scans.get(*place)?.clone()));
        let kept: Vec<(RunRow, Scan)> = places.iter().filter_map(kept).collect();
        let indices: UInt32Array = places.iter().map(|place| *place as u32).collect();
        for (_, values) in &mut self.params {
            if let Ok(taken) = take(&**values, &indices, None) {
                *values = taken;
            }
        }
        (self.runs, self.scans) = kept.into_iter().unzip();
        self
    }

    /// Restricts the scan to rows of these ticks. Parts outside the range are never opened.
    #[must_use]
    pub fn ticks(mut self, range: impl Into<TickRange>) -> Self {
        self.range = range.into();
        self
    }

    /// Restricts the scan to those of its ticks that are also in `range`.
    #[must_use]
    pub fn and_ticks(mut self, range: TickRange) -> Self {
        self.range = self.range.and(range);
        self
    }

    /// Adds columns with these parameters of the runs, null where a run does not have one. The column is named as it is
    /// asked for: `density` or `params.density`.
    pub fn params<N: AsRef<str>>(mut self, names: &[N]) -> Result<Self> {
        for name in names.iter().map(AsRef::as_ref) {
            let taken = self.schema.field(name).is_some() || name == RUN_ID;
            if taken || self.params.iter().any(|(known, _)| known == name) {
                let error = Error::argument(format!("table `{}` has a column `{name}` already", self.table));
                return Err(error.with_hint(format!("ask for `params.{name}`")));
            }
            let values = selection::param(&self.runs, name)?;
            self.params.push((name.to_owned(), values));
        }
        Ok(self)
    }

    /// Restricts the scan to these columns, in this order: `run_id`, parameters that were asked for, columns of the table
    /// and fields within them.
    pub fn columns<C: AsRef<str>>(mut self, names: &[C]) -> Result<Self> {
        let names: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
        read::check_names(&names)?;
        for name in &names {
            if let Shown::Table(name) = self.shown(name)
                && self.schema.select(&[name]).is_err()
            {
                let known = self.all_columns().join(", ");
                let error = Error::argument(format!("table `{}` has no column `{name}`", self.table));
                return Err(error.with_hint(format!("its columns are {known}")));
            }
        }
        self.columns = Some(names);
        Ok(self)
    }

    /// Restricts the scan to rows for which the filter on columns of the table is true. Runs are selected by a
    /// [`Selection`](super::Selection).
    pub fn filter(mut self, filter: Filter) -> Result<Self> {
        let bound = read::bound(self.filter.take(), filter, &self.schema);
        self.filter = Some(bound.map_err(|error| error.in_context(format_args!("table `{}`", self.table)))?);
        Ok(self)
    }

    /// Restricts the scan to the first `rows` rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// As [`Scan::string_views`].
    #[must_use]
    pub fn string_views(mut self) -> Self {
        self.texts = Texts::Views;
        self
    }

    /// The table.
    pub fn table(&self) -> TableId {
        self.table
    }

    /// The parts that are read: each with its run.
    pub fn parts(&self) -> impl Iterator<Item = (&RunId, read::ScanPart)> {
        let scans = self.runs.iter().zip(&self.scans);
        scans.flat_map(|(run, scan)| {
            self.narrowed(scan).parts().into_iter().map(move |part| (&run.run_id, part))
        })
    }

    /// The parts that are read, for programs that read the files, run by run. An error if they lie in a pack.
    pub fn files(&self) -> Result<Vec<read::ScanPart>> {
        let files = self.scans.iter().map(|scan| self.narrowed(scan).files());
        Ok(files.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The first and the last tick of the table in these runs; `None` without rows.
    pub fn tick_span(&self) -> Option<TickSpan> {
        self.scans.iter().filter_map(Scan::table_ticks).reduce(TickSpan::union)
    }

    /// The runs as rows: their ids, and the parameters that were asked for.
    pub fn facts(&self) -> Result<RecordBatch> {
        let ids = self.runs.iter().map(|run| Some(run.run_id.as_str()));
        let mut columns = vec![(RUN_ID, Arc::new(ids.collect::<StringArray>()) as ArrayRef, true)];
        columns.extend(self.params.iter().map(|(name, values)| (name.as_str(), Arc::clone(values), true)));
        RecordBatch::try_from_iter_with_nullable(columns)
            .map_err(|error| Error::new(ErrorKind::Read, format!("the runs are no table: {error}")))
    }

    /// Verifies the parts of every run, for callers that cannot pass on an error of a batch: see [`Scan::verify`].
    pub fn verify(&self) -> Result<()> {
        self.check()?;
        parallel::for_each(&self.scans, parallel::WAITING, |scan| self.narrowed(scan).verify())
    }

    /// The requested ticks.
    pub fn range(&self) -> TickRange {
        self.range
    }

    /// The row limit.
    pub fn row_limit(&self) -> Option<u64> {
        self.limit
    }

    /// The requested columns; `None` for all.
    pub fn projection(&self) -> Option<Vec<&str>> {
        self.columns.as_ref().map(|names| names.iter().map(String::as_str).collect())
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        let (fields, _) = self.layout();
        Arc::new(Schema::new(fields))
    }

    fn all_columns(&self) -> Vec<&str> {
        let params = self.params.iter().map(|(name, _)| name.as_str());
        let table = self.schema.fields.iter().map(|field| field.name.as_str());
        std::iter::once(RUN_ID).chain(params).chain(table).collect()
    }

    /// What the name stands for.
    fn shown<'a>(&'a self, name: &'a str) -> Shown<'a> {
        match self.params.iter().find(|(known, _)| known == name) {
            Some((_, values)) => Shown::Param(values),
            None if name == RUN_ID => Shown::RunId,
            None => Shown::Table(name),
        }
    }

    /// The columns in order, and the part of the table's schema that is read.
    fn layout(&self) -> (Fields, (TableSchema, Vec<OriginColumn>)) {
        let names = match &self.columns {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => self.all_columns(),
        };
        let asked: Vec<&str> =
            names.iter().copied().filter(|name| matches!(self.shown(name), Shown::Table(_))).collect();
        let table = self.schema.select(&asked).unwrap_or_else(|_| (*self.schema).clone());
        let arrow = self.texts.of(table.to_arrow().fields());
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        let mut taken = vec![false; arrow.len()];
        for name in names {
            let values = match self.shown(name) {
                Shown::RunId => {
                    let ids = self.runs.iter().map(|run| Some(run.run_id.as_str()));
                    Arc::new(ids.collect::<StringArray>()) as ArrayRef
                }
                Shown::Param(values) => Arc::clone(values),
                Shown::Table(name) => {
                    // Several fields of a column make one column.
                    let place = steps(name, arrow.iter().map(|field| field.name().as_str())).first().copied();
                    if let Some((place, field)) =
                        place.and_then(|(place, _)| Some((place, arrow.get(place)?)))
                        && !std::mem::replace(&mut taken[place], true)
                    {
                        fields.push(Arc::clone(field));
                        columns.push(OriginColumn::Table(place));
                    }
                    continue;
                }
            };
            let field = Field::new(name, values.data_type().clone(), name != RUN_ID);
            let fields_of = self.texts.of(&Fields::from(vec![field]));
            let packed = fields_of.first().and_then(|field| cast(&values, field.data_type()).ok());
            let values = packed.unwrap_or(values);
            fields.push(Arc::new(Field::new(name, values.data_type().clone(), name != RUN_ID)));
            columns.push(OriginColumn::Runs(values));
        }
        (fields.into(), (table, columns))
    }

    fn narrowed(&self, scan: &Scan) -> Scan {
        let scan = scan.clone().ticks(self.range);
        match &self.filter {
            Some(filter) => scan.with_filter(filter.clone()),
            None => scan,
        }
    }

    /// Starts the read. Few parts are open at a time, and few batches ahead of the consumer in memory, however many runs
    /// there are. An error if a selected run cannot be read.
    pub fn batches(&self) -> Result<ScanBatches> {
        self.check()?;
        let (fields, (table, columns)) = self.layout();
        let scans: Vec<Scan> = self.scans.iter().map(|scan| self.narrowed(scan)).collect();
        let ticks = scans.iter().any(Scan::has_other_ticks);
        let mut into = Target::new(table, ticks, self.texts);
        if let Some(filter) = &self.filter {
            into = into.filtered(filter, &self.schema);
        }
        let schema = Arc::new(Schema::new(fields.clone()));
        let into = Arc::new(into.of_runs(Origins::new(fields, columns)));
        let scans = scans.iter().enumerate();
        let readers: Vec<PartReader> =
            scans.flat_map(|(run, scan)| scan.readers_into(Arc::clone(&into), run as u32)).collect();
        Ok(ScanBatches::new(schema, readers, self.limit))
    }
}
