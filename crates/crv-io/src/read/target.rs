//! [`Target`]: the schema that a scan returns, and how parts of each schema are decoded into it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, FieldLevels, parquet_to_arrow_field_levels};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::ParquetMetaData;
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor};

use crate::schema::{TableSchema, string_views};
use crate::ticks::TickRange;
use crate::validate::conform;

pub(super) const TICK: &str = "tick";

/// What a scan returns.
#[derive(Debug)]
pub(crate) struct Target {
    schema: Arc<TableSchema>,
    arrow: SchemaRef,
    /// Whether ticks are read to filter rows.
    filters: bool,
    /// Whether texts are views.
    views: bool,
    /// Those of the parts that were met last.
    layouts: Mutex<VecDeque<Arc<Layout>>>,
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

impl Target {
    /// Batches of `arrow`, which is the Arrow schema of `schema`. `filters`: some parts may have rows of other ticks.
    /// `views`: the texts of `arrow` are views.
    pub(crate) fn new(schema: Arc<TableSchema>, arrow: SchemaRef, filters: bool, views: bool) -> Self {
        Self { schema, arrow, filters, views, layouts: Mutex::default() }
    }

    /// Whether it has no columns: then only rows are counted.
    pub(super) fn is_bare(&self) -> bool {
        self.schema.fields.is_empty()
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
        let fields = if self.views { string_views(fields) } else { fields.clone() };
        let levels = parquet_to_arrow_field_levels(file.schema_descr(), mask, Some(&fields))?;
        let parts = file.schema_descr_ptr();
        let layout = Arc::new(Layout { parts, embedded: embedded.map(str::to_owned), levels });
        layouts.truncate(LAYOUTS - 1);
        layouts.push_front(Arc::clone(&layout));
        Ok(layout)
    }

    /// The columns to read from a part with this schema.
    pub(super) fn mask(&self, part: &SchemaDescriptor) -> ProjectionMask {
        let wanted = self.schema.fields.iter().map(|field| field.name.as_str());
        let wanted: HashSet<&str> = wanted.chain(self.filters.then_some(TICK)).collect();
        // A mask of names matches prefixes of column paths; whole top-level names are needed.
        let roots = part.root_schema().get_fields().iter().enumerate();
        let roots = roots.filter(|(_, field)| wanted.contains(field.name()));
        ProjectionMask::roots(part, roots.map(|(index, _)| index).collect::<Vec<_>>())
    }

    /// The rows of `batch`, in this schema; with a `filter`, only those of its ticks.
    pub(super) fn rows(&self, batch: &RecordBatch, filter: Option<TickRange>) -> Result<RecordBatch, String> {
        let conformed = |batch| conform(batch, &self.schema, &self.arrow).map_err(|error| error.to_string());
        let Some(range) = filter else { return conformed(batch) };
        let ticks = batch.column_by_name(TICK).and_then(|column| column.as_primitive_opt::<Int64Type>());
        let ticks = ticks.ok_or("it has no column `tick` of 64-bit integers")?;
        let keep = BooleanArray::from_unary(ticks, |tick| range.contains(tick));
        conformed(&filter_record_batch(batch, &keep).map_err(|error| error.to_string())?)
    }
}
