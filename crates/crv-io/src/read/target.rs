//! [`Target`]: the schema that a scan returns, and how parts of each schema are decoded into it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::{ArrowError, Fields, Schema, SchemaRef};
use arrow_select::filter::{filter, filter_record_batch};
use arrow_select::take::take;
use crv_schema::filter::{BoundFilter, Bounds, Filter, Literal};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, FieldLevels, parquet_to_arrow_field_levels};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor};

use super::{mask, statistics};
use crate::error::{Error, Result};
use crate::schema::{TableSchema, string_dictionaries, string_views};
use crate::ticks::{TickRange, TickSpan};
use crate::validate::conform;

pub(super) const TICK: &str = "tick";

/// How a scan returns texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Texts {
    #[default]
    Plain,
    Views,
    Dictionaries,
}

impl Texts {
    /// The fields with texts of this kind.
    pub(crate) fn of(self, fields: &Fields) -> Fields {
        match self {
            Self::Plain => fields.clone(),
            Self::Views => string_views(fields),
            Self::Dictionaries => string_dictionaries(fields),
        }
    }
}

/// A filter, and the same for the columns of a table.
pub(crate) type Bound = (Filter, BoundFilter);

/// The filter that asks for both, for a table with the columns of `schema`.
pub(crate) fn bound(earlier: Option<Bound>, filter: Filter, schema: &TableSchema) -> Result<Bound> {
    let filter = match earlier {
        Some((earlier, _)) => earlier.and(filter),
        None => filter,
    };
    let bound = filter.bind(schema.to_arrow().fields())?;
    Ok((filter, bound))
}

/// Returns an error if a column is asked for twice.
pub(crate) fn check_names<N: AsRef<str>>(names: &[N]) -> Result<()> {
    for (place, name) in names.iter().map(AsRef::as_ref).enumerate() {
        if names.iter().take(place).any(|earlier| earlier.as_ref() == name) {
            return Err(Error::argument(format!("column `{name}` is given twice")));
        }
    }
    Ok(())
}

/// What a scan returns.
#[derive(Debug)]
pub(crate) struct Target {
    /// The columns that are decoded.
    columns: Columns,
    /// Whether ticks are read to filter rows.
    ticks: bool,
    texts: Texts,
    condition: Option<Condition>,
    origins: Option<Origins>,
    /// Those of the parts that were met last.
    layouts: Mutex<VecDeque<Arc<Layout>>>,
}

/// A schema, and the same as Arrow's.
#[derive(Debug)]
struct Columns {
    schema: TableSchema,
    arrow: SchemaRef,
}

/// Which rows are returned, and with which of the columns that are decoded.
#[derive(Debug)]
struct Condition {
    filter: BoundFilter,
    returned: Columns,
}

/// How many layouts are kept. Payloads may give every part a schema of its own.
const LAYOUTS: usize = 16;

/// How the columns of parts of one schema are decoded.
#[derive(Debug)]
pub(super) struct Layout {
    parts: SchemaDescPtr,
    /// The Arrow schema in their footers, if there is one.
    embedded: Option<String>,
    pub(super) levels: FieldLevels,
}

/// Columns that rows get from the run they are of, and where they stand among the table's.
#[derive(Debug)]
pub(crate) struct Origins {
    schema: SchemaRef,
    /// For each column of the schema: that of the origins, with one value for each run, or the place among the table's.
    columns: Vec<OriginColumn>,
}

/// A column of a scan of several runs.
#[derive(Debug, Clone)]
pub(crate) enum OriginColumn {
    /// The value of each run.
    Runs(ArrayRef),
    /// A column of the table, by its place.
    Table(usize),
}

/// The runs that rows are of, by their numbers in the scan.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    One(u32),
    Each(UInt32Array),
}

impl Origin {
    /// Those of the rows that are kept.
    fn filtered(self, keep: &BooleanArray) -> Result<Self, String> {
        Ok(match self {
            Self::One(run) => Self::One(run),
            Self::Each(runs) => {
                let kept = filter(&runs, keep).map_err(|error| error.to_string())?;
                Self::Each(kept.as_primitive().clone())
            }
        })
    }
}

impl Origins {
    /// The columns of a scan in order, with their names.
    pub(crate) fn new(fields: Fields, columns: Vec<OriginColumn>) -> Self {
        Self { schema: Arc::new(Schema::new(fields)), columns }
    }

    /// The rows with the columns of their runs.
    fn add(&self, rows: &RecordBatch, origin: Origin) -> Result<RecordBatch, String> {
        let runs = match origin {
            Origin::One(run) => UInt32Array::from_value(run, rows.num_rows()),
            Origin::Each(runs) => runs,
        };
        let column = |column: &OriginColumn| match column {
            OriginColumn::Runs(values) => take(values, &runs, None).map_err(|error| error.to_string()),
            OriginColumn::Table(place) => {
                rows.columns().get(*place).cloned().ok_or_else(|| "a column is missing".to_owned())
            }
        };
        let columns = self.columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| error.to_string())
    }
}

impl Columns {
    fn new(schema: TableSchema, texts: Texts) -> Self {
        let arrow = schema.to_arrow();
        let arrow =
            if texts == Texts::Plain { arrow } else { Arc::new(Schema::new(texts.of(arrow.fields()))) };
        Self { schema, arrow }
    }

    /// The rows of `batch` in this schema.
    fn conform(&self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        conform(batch, &self.schema, &self.arrow).map_err(|error| error.to_string())
    }
}

impl Target {
    /// All rows in `schema`. `ticks`: some parts may have rows of other ticks.
    pub(crate) fn new(schema: TableSchema, ticks: bool, texts: Texts) -> Self {
        let columns = Columns::new(schema, texts);
        Self { columns, ticks, texts, condition: None, origins: None, layouts: Mutex::default() }
    }

    /// Only rows for which the filter is true; it asks for columns of `whole`.
    pub(crate) fn filtered(mut self, (filter, bound): &Bound, whole: &TableSchema) -> Self {
        let asked = whole.select(&filter.columns());
        let decoded = asked.map_or_else(|_| whole.clone(), |asked| self.columns.schema.clone().joined(asked));
        let decoded = Columns::new(decoded, self.texts);
        let returned = std::mem::replace(&mut self.columns, decoded);
        self.condition = Some(Condition { filter: bound.clone(), returned });
        self
    }

    /// Rows of several runs, with columns that say of which.
    pub(crate) fn of_runs(mut self, origins: Origins) -> Self {
        self.origins = Some(origins);
        self
    }

    /// Whether rows are left out by their values, so that their number is not known before they are read.
    pub(super) fn has_condition(&self) -> bool {
        self.condition.is_some()
    }

    /// Whether the row group may have rows of `ticks`, if there are any, for which the filter is true.
    pub(super) fn may_have(&self, group: &RowGroupMetaData, ticks: Option<TickRange>) -> bool {
        let has_ticks = |range: TickRange| match statistics::bounds(group, &[TICK]) {
            Bounds::Between(Literal::Int(min), Literal::Int(max)) => {
                let span = i64::try_from(min).ok().zip(i64::try_from(max).ok());
                span.is_none_or(|(min, max)| range.overlaps(TickSpan { min, max }))
            }
            _ => true,
        };
        let condition = self.condition.as_ref();
        ticks.is_none_or(has_ticks)
            && condition.is_none_or(|only| only.filter.may_hold(|names| statistics::bounds(group, names)))
    }

    /// Whether it has no columns: then only rows are counted.
    pub(super) fn is_bare(&self) -> bool {
        self.columns.schema.fields.is_empty()
    }

    /// The layout of the part with this footer.
    pub(super) fn layout(&self, footer: &Arc<ParquetMetaData>) -> ParquetResult<Arc<Layout>> {
        let file = footer.file_metadata();
        let embedded = file.key_value_metadata().into_iter().flatten();
        let mut embedded = embedded.filter(|entry| entry.key == ARROW_SCHEMA_META_KEY);
        let embedded = embedded.next_back().and_then(|entry| entry.value.as_deref());
        let is_it = |layout: &&Arc<Layout>| {
            layout.embedded.as_deref() == embedded
                && layout.parts.root_schema() == file.schema_descr().root_schema()
        };
        let mut layouts = self.layouts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = layouts.iter().find(is_it) {
            return Ok(Arc::clone(known));
        }
        let read = ArrowReaderMetadata::try_new(Arc::clone(footer), ArrowReaderOptions::new())?;
        let mask = self.mask(file.schema_descr());
        let fields = read.schema().fields();
        let levels = parquet_to_arrow_field_levels(file.schema_descr(), mask, Some(&self.texts.of(fields)))?;
        let parts = file.schema_descr_ptr();
        let layout = Arc::new(Layout { parts, embedded: embedded.map(str::to_owned), levels });
        layouts.truncate(LAYOUTS - 1);
        layouts.push_front(Arc::clone(&layout));
        Ok(layout)
    }

    /// The columns to read from a part with this schema.
    pub(super) fn mask(&self, part: &SchemaDescriptor) -> ProjectionMask {
        mask::leaves(part, &self.columns.schema, self.ticks)
    }

    /// The rows of `batch` that are returned, in the schema of the scan; with `ticks`, only rows of these.
    pub(super) fn rows(
        &self,
        batch: &RecordBatch,
        ticks: Option<TickRange>,
        mut origin: Origin,
    ) -> Result<RecordBatch, String> {
        let failed = |error: ArrowError| error.to_string();
        let mut rows = match ticks {
            None => self.columns.conform(batch)?,
            Some(range) => {
                let keep = of_ticks(batch, range)?;
                origin = origin.filtered(&keep)?;
                self.columns.conform(&filter_record_batch(batch, &keep).map_err(failed)?)?
            }
        };
        if let Some(Condition { filter: condition, returned }) = &self.condition {
            let keep = condition.rows(&rows).map_err(failed)?;
            if keep.true_count() < rows.num_rows() {
                origin = origin.filtered(&keep)?;
                rows = filter_record_batch(&rows, &keep).map_err(failed)?;
            }
            rows = returned.conform(&rows)?;
        }
        match &self.origins {
            Some(origins) => origins.add(&rows, origin),
            None => Ok(rows),
        }
    }
}

/// Which rows have ticks of `range`.
fn of_ticks(batch: &RecordBatch, range: TickRange) -> Result<BooleanArray, String> {
    let ticks = batch.column_by_name(TICK).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let ticks = ticks.ok_or("it has no column `tick` of 64-bit integers")?;
    Ok(BooleanArray::from_unary(ticks, |tick| range.contains(tick)))
}
