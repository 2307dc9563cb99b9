//! Rows of one table that wait in memory.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use crv_core::grammar::TableName;
use crv_core::tables::get_table;

use super::gathered::Size;
use crate::frame::Frame;
use crate::schema::{FieldPath, TableSchema};
use crate::ticks::TickSpan;
use crate::validate::{Prepared, ValidationError, conform};
use crate::write::ROWS_AT_ONCE;

/// So many small batches become one. What an array takes beside its rows, and what it costs to hand it to the
/// encoder, then no longer counts, and each row is copied a few times at most.
const JOINED: usize = 16;
/// Batches of so many rows are not small: `JOINED` of them are as many as are cast at once.
const LARGE_ROWS: usize = ROWS_AT_ONCE / JOINED;
/// Batches of so many bytes are not small either: text that is joined must not outgrow its offsets.
const LARGE_BYTES: u64 = 4 * 1024 * 1024;

/// Rows of one table, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct TableRows {
    chunks: Vec<Chunk>,
}

/// A batch, with the logical types of what it holds.
#[derive(Debug, Clone)]
struct Chunk {
    schema: Arc<TableSchema>,
    batch: RecordBatch,
    bytes: u64,
}

/// The rows of one append, checked and copied.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) rows: TableRows,
    pub(super) ticks: TickSpan,
}

impl Taken {
    /// Copies of the rows; `None` if there are none. `known` is the table's schema, which covers them.
    pub(super) fn of(
        prepared: &Prepared,
        table: TableName,
        known: &TableSchema,
    ) -> Result<Option<Self>, ValidationError> {
        let spans = (0..prepared.batches()).filter_map(|batch| span(prepared.ticks(batch).values()));
        let Some(ticks) = spans.reduce(TickSpan::union) else { return Ok(None) };
        let schema = prepared.to_keep(get_table(table), known);
        let batches = prepared.copies(&schema, &schema.to_arrow(), ROWS_AT_ONCE)?;
        let schema = Arc::new(schema);
        let chunks = batches.into_iter().map(|batch| Chunk::new(Arc::clone(&schema), batch)).collect();
        Ok(Some(Self { rows: TableRows { chunks }, ticks }))
    }
}

impl TableRows {
    pub(super) fn size(&self) -> Size {
        self.chunks.iter().map(Chunk::size).sum()
    }

    /// Adds rows that came later.
    pub(super) fn extend(&mut self, later: TableRows) {
        self.chunks.extend(later.chunks);
        while self.join() {}
    }

    /// The same without joining any: no row is copied.
    pub(super) fn extend_apart(&mut self, later: &TableRows) {
        self.chunks.extend_from_slice(&later.chunks);
    }

    /// Makes one batch of the last few, if they are small and enough: as many as are of no more rows, by powers of
    /// [`JOINED`], than the very last. So no row is joined more often than there are powers.
    fn join(&mut self) -> bool {
        let Some(last) = self.chunks.last().and_then(Chunk::power) else { return false };
        let powers = self.chunks.iter().rev().map(Chunk::power);
        let small = powers.take_while(|power| power.is_some_and(|power| power <= last)).count();
        if small < JOINED {
            return false;
        }
        let at = self.chunks.len() - JOINED;
        let Ok(joined) = joined(&self.chunks[at..]) else {
            // They stay apart. If something is wrong with them, who writes them will say it.
            return false;
        };
        self.chunks.truncate(at);
        self.chunks.push(joined);
        true
    }

    /// The logical types of all rows.
    pub(super) fn schema(&self) -> Result<TableSchema, ValidationError> {
        union(&self.chunks)
    }

    /// All rows as one frame.
    pub(super) fn frame(&self) -> Result<Frame, ValidationError> {
        let (_, arrow, batches) = alike(&self.chunks)?;
        Frame::new(arrow, batches)
    }
}

impl Chunk {
    fn new(schema: Arc<TableSchema>, batch: RecordBatch) -> Self {
        let bytes = batch.get_array_memory_size() as u64;
        Self { schema, batch, bytes }
    }

    fn size(&self) -> Size {
        Size { rows: self.batch.num_rows() as u64, bytes: self.bytes }
    }

    /// The power of [`JOINED`] that the number of rows has reached; `None` for what is not small.
    fn power(&self) -> Option<u32> {
        let rows = self.batch.num_rows();
        (rows < LARGE_ROWS && self.bytes < LARGE_BYTES).then(|| rows.max(1).ilog(JOINED))
    }
}

fn joined(chunks: &[Chunk]) -> Result<Chunk, ValidationError> {
    let (schema, arrow, batches) = alike(chunks)?;
    let batch = concat_batches(&arrow, &batches)
        .map_err(|error| ValidationError::arrow(&FieldPath::column("rows that wait"), &error))?;
    Ok(Chunk::new(Arc::new(schema), batch))
}

/// The batches in the types of all of them together.
fn alike(chunks: &[Chunk]) -> Result<(TableSchema, SchemaRef, Vec<RecordBatch>), ValidationError> {
    let schema = union(chunks)?;
    let arrow = schema.to_arrow();
    let batches =
        chunks.iter().map(|chunk| conform(&chunk.batch, &schema, &arrow)).collect::<Result<_, _>>()?;
    Ok((schema, arrow, batches))
}

fn union(chunks: &[Chunk]) -> Result<TableSchema, ValidationError> {
    let Some((first, rest)) = chunks.split_first() else { return Ok(TableSchema::default()) };
    let mut union = TableSchema::clone(&first.schema);
    for chunk in rest {
        if !union.covers(&chunk.schema) {
            union = union.union(&chunk.schema).map_err(ValidationError::Conflict)?;
        }
    }
    Ok(union)
}

fn span(ticks: &[i64]) -> Option<TickSpan> {
    let ticks = ticks.iter().map(|tick| TickSpan { min: *tick, max: *tick });
    ticks.reduce(TickSpan::union)
}
